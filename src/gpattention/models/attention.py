"""The attention model of Rijal et al. (arXiv 2504.10388), Section I and Appendix C, for one or several environments.

Letters: B batch, L loci, T tokens (L, plus 1 with an environment token), d embedding dimension, D token width (d, plus 1
with the constant feature, plus the axes of the environment), E environments.
A token is x_l * W_l with a constant 1 appended, so it is affine in the genotype x_l: token = x_l * slope_l + constant.
A projection P of the tokens is then x_l * (slope P)_l + constant P, and neither the paper's (L, L) one-hot matrix of a
segregant nor, in the first layer, its tokens are ever built. With `environment=token` one token more says where the
phenotype was measured (Section IV, Appendix D).
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from gpattention.errors import InputError
from gpattention.models.environment import (
    CovariateEncoder,
    Encoding,
    EnvironmentMode,
    Readout,
    TokenPlace,
    make_code,
    make_token,
)
from gpattention.models.kernels import AttentionKernel, SoftmaxAttention

ScoreScale = Literal["none", "sqrt_dim"]


MOST_LAYERS = 1000


class Attention(nn.Module):
    """Stacked single-head attention layers, no residual, no normalisation, no feed-forward (Eqs. 3-8, 22-33).

    Parameters: L d + 3 n_layers D^2 + T D + 1; with `joint` the last two are needed E + 1 times.

    Args:
        n_loci: L.
        n_environments: E.
        environment_covariates: what `environment_encoding=covariate` computes codes from, see `EnvironmentCode`.
        environment: `none` maps one environment; `token` adds a token for the environment asked for; `joint` gives all
            environments by one forward pass, a readout for each; `pooled` gives all the same.
        environment_token: see `EnvironmentToken`.
        environment_encoding, covariate_encoder, covariate_width: see `EnvironmentCode`.
        embedding_dim: d; `full` takes the identity for W (d = L, the one-hot variant of Fig. A6).
        n_layers: attention layers; the paper uses 3, and 2 in the one-hot variant.
        score_scale: `none` divides the scores by 1 (the published code), `sqrt_dim` by sqrt(D) (the paper's words).
        init_std: standard deviation of the normal distribution that every weight and offset starts from (Eq. 33).
        constant_feature: append the constant 1 to every token (Eq. 26).
        attention_kernel: `auto`, `fused` or `plain`; the same numbers at other speeds.
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
        embedding_dim: int | Literal["full"] = 12,
        n_layers: int = 3,
        score_scale: ScoreScale = "none",
        init_std: float = 0.03,
        constant_feature: bool = True,
        attention_kernel: AttentionKernel = "auto",
    ) -> None:
        super().__init__()
        check_init_std(init_std)
        if embedding_dim != "full" and embedding_dim < 1:
            raise InputError(f"model.embedding_dim is {embedding_dim}: give a number from 1 on, or full")
        if not 1 <= n_layers <= MOST_LAYERS:
            raise InputError(f"model.n_layers is {n_layers}: give a number from 1 to {MOST_LAYERS}")
        dim = n_loci if embedding_dim == "full" else embedding_dim
        code = make_code(
            environment,
            n_environments,
            environment_covariates,
            environment_encoding,
            covariate_encoder,
            covariate_width,
        )
        token = make_token(code, environment, dim, environment_token, constant_feature)
        width = dim + (token.extra_width if token else 0) + constant_feature
        self.constant_feature = constant_feature
        scale = 1.0 if score_scale == "none" else 1 / math.sqrt(width)
        self.softmax_attention = SoftmaxAttention(scale, attention_kernel)
        self.embedding = None if embedding_dim == "full" else nn.Parameter(torch.empty(n_loci, dim))
        self.query_key_value = nn.ParameterList(torch.empty(width, 3 * width) for _ in range(n_layers))
        self.readout = Readout(environment, n_environments, code, n_loci + bool(token), width)
        for parameter in (self.embedding, *self.query_key_value):
            if parameter is not None:
                nn.init.normal_(parameter, std=init_std)
        self.readout.reset(init_std, init_std)
        self.environment_token = token

    def forward(self, genotype_BL: Tensor, environment_B: Tensor | None = None) -> Tensor:
        """(B, L) genotypes coded in [-1, 1] to standardised phenotypes: (B, E), or by token (B,) at the environments given."""
        first, *others = self.query_key_value
        projected = self.project_genotype(genotype_BL, first)
        if self.environment_token is not None:
            projected = torch.cat([projected, (self.environment_token(environment_B) @ first).unsqueeze(1)], dim=1)
        token_BTD = self.attend(projected)
        for weight in others:
            token_BTD = self.attend(token_BTD @ weight)
        return self.readout(token_BTD)

    def project_genotype(self, genotype_BL: Tensor, weight: Tensor) -> Tensor:
        """The tokens times a (D, C) weight, as (B, L, C), without building the tokens."""
        n_loci = genotype_BL.shape[1]
        slope = weight[:n_loci] if self.embedding is None else self.embedding @ weight[: self.embedding.shape[1]]
        projected = genotype_BL.unsqueeze(-1) * slope
        return projected + weight[-1] if self.constant_feature else projected

    def attend(self, projected: Tensor) -> Tensor:
        """(B, T, 3 D) queries, keys and values side by side to (B, T, D) attended tokens (Eqs. 30, 31)."""
        query, key, value = (part.unsqueeze(1) for part in projected.chunk(3, dim=-1))
        return self.softmax_attention(query, key, value).squeeze(1)


def check_init_std(init_std: float) -> None:
    if not 0 < init_std < 1e3:
        raise InputError(f"model.init_std is {init_std}: give a standard deviation above 0, such as 0.03 or 0.1")
