"""The attention model of Rijal et al. (arXiv 2504.10388), Section I and Appendix C, for one or several environments.

Letters: B batch, L loci, d embedding dimension, D token width (d, plus 1 with the constant feature), E environments.
A token is x_l * W_l with a constant 1 appended, so it is affine in the genotype x_l: token = x_l * slope_l + constant.
A projection P of the tokens is then x_l * (slope P)_l + constant P, and neither the paper's (L, L) one-hot matrix of a
segregant nor, in the first layer, its tokens are ever built.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from gpattention.errors import InputError
from gpattention.models.kernels import AttentionKernel, attend

ScoreScale = Literal["none", "sqrt_dim"]
EnvironmentMode = Literal["none", "joint"]


class Attention(nn.Module):
    """Stacked single-head attention layers, no residual, no normalisation, no feed-forward (Eqs. 3-8, 22-33).

    Parameters: L d + 3 n_layers D^2 + E (L D + 1).

    Args:
        n_loci: L.
        n_environments: E, phenotypes given by one forward pass.
        environment: `none` maps one environment; `joint` gives each environment a readout of its own.
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
        environment: EnvironmentMode = "none",
        embedding_dim: int | Literal["full"] = 12,
        n_layers: int = 3,
        score_scale: ScoreScale = "none",
        init_std: float = 0.03,
        constant_feature: bool = True,
        attention_kernel: AttentionKernel = "auto",
    ) -> None:
        super().__init__()
        check_environment(environment, n_environments)
        check_init_std(init_std)
        if embedding_dim != "full" and embedding_dim < 1:
            raise InputError(f"model.embedding_dim is {embedding_dim}: give a number from 1 on, or full")
        if n_layers < 1:
            raise InputError(f"model.n_layers is {n_layers}: give a number from 1 on")
        dim = n_loci if embedding_dim == "full" else embedding_dim
        width = dim + constant_feature
        self.constant_feature = constant_feature
        self.scale = 1.0 if score_scale == "none" else 1 / math.sqrt(width)
        self.attention_kernel = attention_kernel
        self.embedding = None if embedding_dim == "full" else nn.Parameter(torch.empty(n_loci, dim))
        self.query_key_value = nn.ParameterList(torch.empty(width, 3 * width) for _ in range(n_layers))
        self.readout = nn.Parameter(torch.empty(n_environments, n_loci, width))
        self.offset = nn.Parameter(torch.empty(n_environments))
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=init_std)

    def forward(self, genotype_BL: Tensor) -> Tensor:
        """(B, L) genotypes coded in [-1, 1] to (B, E) standardised phenotypes."""
        projected = self.project_genotype(genotype_BL, self.query_key_value[0])
        token_BLD = self.attend(projected)
        for weight in list(self.query_key_value)[1:]:
            token_BLD = self.attend(token_BLD @ weight)
        return torch.flatten(token_BLD, 1) @ torch.flatten(self.readout, 1).T + self.offset

    def project_genotype(self, genotype_BL: Tensor, weight: Tensor) -> Tensor:
        """The tokens times a (D, C) weight, as (B, L, C), without building the tokens."""
        n_loci = genotype_BL.shape[1]
        slope = weight[:n_loci] if self.embedding is None else self.embedding @ weight[: self.embedding.shape[1]]
        projected = genotype_BL.unsqueeze(-1) * slope
        return projected + weight[-1] if self.constant_feature else projected

    def attend(self, projected: Tensor) -> Tensor:
        """(B, L, 3 D) queries, keys and values side by side to (B, L, D) attended tokens (Eqs. 30, 31)."""
        query, key, value = (part.unsqueeze(1) for part in projected.chunk(3, dim=-1))
        return attend(query, key, value, self.scale, self.attention_kernel).squeeze(1)


def check_environment(environment: EnvironmentMode, n_environments: int) -> None:
    """Raise an InputError where a map of one environment is asked to learn several."""
    if environment == "none" and n_environments > 1:
        raise InputError(
            f"the data have {n_environments} environments and model.environment=none maps one: choose it with "
            "data.environments=[NAME], or set model.environment=joint for a readout per environment"
        )


def check_init_std(init_std: float) -> None:
    if not 0 < init_std < 1e3:
        raise InputError(f"model.init_std is {init_std}: give a standard deviation above 0, such as 0.03 or 0.1")
