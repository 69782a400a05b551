"""Attention that can represent interactions up to a known order, 2^n with n layers, and none above.

Letters: B batch, L loci, T tokens (L, plus 1 with an environment token), d embedding dimension, D token width (d + 1, plus
the axes of the environment), E environments.

The tokens of the paper's model, x_l * W_l with a constant 1, go through layers without softmax, normalisation or feed-forward:

    Z' = Z + (Z Q) (Z K)^T (X V) / T

where X are the raw tokens. A raw token depends on its own locus alone. If every term of a token of Z depends on 2^i loci at most,
its own among them, then a term of Z' joins those of two tokens l and m, and the raw token m, whose locus is already among
them: 2^(i + 1) loci at most. With values from Z in the place of X it would be 3 * 2^i, and with a softmax there is no bound.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpattention.errors import InputError
from gpattention.models.attention import check_init_std
from gpattention.models.environment import (
    CovariateEncoder,
    Encoding,
    EnvironmentMode,
    Readout,
    TokenPlace,
    make_code,
    make_token,
)


class BoundedAttention(nn.Module):
    """Residual attention layers of bounded order over locus tokens, and a readout weight for every locus and feature.

    With 0 layers the map is additive, with 1 it has pairs, with 2 up to fourth order, with 3 up to eighth.

    Args:
        n_loci: L.
        n_environments: E.
        environment_covariates, environment, environment_token, environment_encoding, covariate_encoder, covariate_width:
            as in `Attention`. An environment's token has no locus, so that the bound holds in every environment.
        embedding_dim: d.
        n_layers: n, from 0 on.
        init_std: standard deviation of the normal distribution that every weight starts from.
    """

    def __init__(
        self,
        *,
        n_loci: int,
        n_environments: int = 1,
        environment_covariates: list[list[float]] | None = None,
        environment: EnvironmentMode = "none",
        environment_token: TokenPlace = "appended",
        environment_encoding: Encoding = "onehot",
        covariate_encoder: CovariateEncoder = "quadratic",
        covariate_width: int = 4,
        embedding_dim: int = 23,
        n_layers: int = 2,
        init_std: float = 0.1,
    ) -> None:
        super().__init__()
        check_init_std(init_std)
        if embedding_dim < 1 or n_layers < 0:
            raise InputError(
                f"model.embedding_dim={embedding_dim}, n_layers={n_layers}: give a dimension from 1 on and layers from 0 on"
            )
        code = make_code(
            environment,
            n_environments,
            environment_covariates,
            environment_encoding,
            covariate_encoder,
            covariate_width,
        )
        token = make_token(code, environment, embedding_dim, environment_token, True)
        self.extra_width = token.extra_width if token else 0
        width = embedding_dim + self.extra_width + 1
        self.embedding = nn.Parameter(torch.empty(n_loci, embedding_dim))
        self.query_key = nn.ParameterList(torch.empty(width, 2 * width) for _ in range(n_layers))
        self.value = nn.ParameterList(torch.empty(width, width) for _ in range(n_layers))
        self.readout = Readout(environment, n_environments, code, n_loci + bool(token), width)
        for parameter in (self.embedding, *self.query_key, *self.value):
            nn.init.normal_(parameter, std=init_std)
        self.readout.reset(init_std)
        self.environment_token = token

    def forward(self, genotype_BL: Tensor, environment_B: Tensor | None = None) -> Tensor:
        """(B, L) genotypes coded in [-1, 1] to standardised phenotypes: (B, E), or by token (B,) at the environments given."""
        raw_BTD = F.pad(F.pad(genotype_BL.unsqueeze(-1) * self.embedding, (0, self.extra_width)), (0, 1), value=1.0)
        if self.environment_token is not None:
            raw_BTD = torch.cat([raw_BTD, self.environment_token(environment_B).unsqueeze(1)], dim=1)
        token_BTD, n_tokens = raw_BTD, raw_BTD.shape[1]
        for query_key, value in zip(self.query_key, self.value, strict=True):
            query_BTD, key_BTD = (token_BTD @ query_key).chunk(2, dim=-1)
            # Keys and values first: (D, D) for each individual in place of (T, T), as there is no softmax between.
            joined_BDD = key_BTD.mT @ (raw_BTD @ value) / n_tokens
            token_BTD = token_BTD + query_BTD @ joined_BDD
        return self.readout(token_BTD)
