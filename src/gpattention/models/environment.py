"""How a map takes environments: as a token beside the loci, as outputs, or not at all.

Letters: B batch, E environments, C covariates, W width of an environment's code, d embedding dimension, D token width.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpattention.errors import InputError

EnvironmentMode = Literal["none", "token", "joint", "pooled"]
TokenPlace = Literal["appended", "shared"]
Encoding = Literal["onehot", "covariate"]
CovariateEncoder = Literal["mlp", "fourier"]


class EnvironmentToken(nn.Module):
    """The token of an environment: zeros and a code of the environment in the axes before the constant 1 (Eqs. 38-43).

    Args:
        n_environments: E.
        embedding_dim: d, axes of the locus tokens.
        place: `appended` gives the code axes of its own, (0_d, code, 1) with D = d + W + 1; `shared` puts it into those
            of the loci, (code, 0, 1) with D = d + 1 (Eqs. 49, 50).
        constant_feature: whether tokens end in the constant 1.
        encoding: `onehot` has a code for every environment (W = E); `covariate` computes it from what is known of the
            environment, so that one without a single measurement has one too.
        covariates: E rows of C standardised covariates, for the encoding `covariate`.
        covariate_encoder: `mlp`, a hidden layer of 16 units; `fourier`, waves of the covariates, mixed linearly.
        covariate_width: W of the encoding `covariate`.
    """

    table: Tensor
    encoder: nn.Module

    def __init__(
        self,
        *,
        n_environments: int,
        embedding_dim: int,
        place: TokenPlace,
        constant_feature: bool,
        encoding: Encoding,
        covariates: list[list[float]] | None,
        covariate_encoder: CovariateEncoder,
        covariate_width: int,
    ) -> None:
        super().__init__()
        width = n_environments if encoding == "onehot" else covariate_width
        if width < 1:
            raise InputError(f"model.covariate_width is {width}: give a number from 1 on")
        if place == "shared" and width > embedding_dim:
            raise InputError(
                f"model.environment_token=shared puts the environment's code of {width} numbers into the "
                f"model.embedding_dim={embedding_dim} axes of the loci: raise model.embedding_dim to {width} or more, or set "
                "model.environment_token=appended"
            )
        before, after = (embedding_dim, 0) if place == "appended" else (0, embedding_dim - width)
        self.padding = before, after
        self.constant_feature = constant_feature
        self.extra_width = width if place == "appended" else 0  # axes beyond those of the loci
        if encoding == "onehot":
            table, self.encoder = torch.eye(n_environments), nn.Identity()
        else:
            if covariates is None:
                raise InputError(
                    "model.environment_encoding=covariate needs numbers that describe each environment: give "
                    "data.environment_file, or set model.environment_encoding=onehot"
                )
            table = torch.tensor(covariates)
            self.encoder = (mlp if covariate_encoder == "mlp" else fourier)(len(covariates[0]), width)
        self.register_buffer("table", table, persistent=False)

    def forward(self, environment_B: Tensor) -> Tensor:
        """(B,) positions of environments to (B, D) tokens."""
        code = F.pad(self.encoder(self.table[environment_B]), self.padding)
        return F.pad(code, (0, int(self.constant_feature)), value=1.0)


def mlp(n_covariates: int, width: int, hidden: int = 16) -> nn.Module:
    return nn.Sequential(nn.Linear(n_covariates, hidden), nn.Tanh(), nn.Linear(hidden, width))


def fourier(n_covariates: int, width: int) -> nn.Module:
    return nn.Sequential(FourierFeatures(), nn.Linear(n_covariates * (1 + 2 * FourierFeatures.N_WAVES), width))


class FourierFeatures(nn.Module):
    """Each covariate, and its sine and cosine at wavelengths of 16 and 8 standard deviations."""

    N_WAVES = 2

    def forward(self, covariate_BC: Tensor) -> Tensor:
        """(B, C) to (B, 5 C)."""
        waves = [torch.pi / 8 * 2**k * covariate_BC for k in range(self.N_WAVES)]
        return torch.cat([covariate_BC, *(f(wave) for wave in waves for f in (torch.sin, torch.cos))], dim=-1)


class Readout(nn.Module):
    """Phenotypes as weighted sums over all tokens and features (Eqs. 8, 32).

    With `joint` the weights of an environment are those shared by all plus its own deviation, which starts at 0: what
    environments have in common is learned once, and one with few values stays near the others.

    Args:
        environment: see `Attention`.
        n_environments: E.
        n_tokens, width: T and D.

    Raises:
        InputError: a map of one environment is asked to learn several.
    """

    def __init__(self, environment: EnvironmentMode, n_environments: int, n_tokens: int, width: int) -> None:
        super().__init__()
        if environment == "none" and n_environments > 1:
            raise InputError(
                f"the data have {n_environments} environments and model.environment=none maps one: choose it with "
                "data.environments=[NAME], or set model.environment=joint (a readout per environment), token (the "
                "environment as a token) or pooled (one map for all)"
            )
        self.environment, self.n_environments = environment, n_environments
        self.weight = nn.Parameter(torch.zeros(n_tokens, width))
        self.offset = nn.Parameter(torch.zeros(1))
        joint = environment == "joint"
        self.deviation = nn.Parameter(torch.zeros(n_environments, n_tokens, width)) if joint else None
        self.offset_deviation = nn.Parameter(torch.zeros(n_environments)) if joint else None

    def reset(self, std: float, offset_std: float = 0.0) -> None:
        """Draw initial values."""
        nn.init.normal_(self.weight, std=std)
        nn.init.normal_(self.offset, std=offset_std)

    def forward(self, token_BTD: Tensor) -> Tensor:
        """(B, T, D) tokens to (B, E) phenotypes, or (B,) for the environments that their tokens ask for."""
        token = torch.flatten(token_BTD, 1)
        if self.deviation is not None and self.offset_deviation is not None:
            weight = torch.flatten(self.weight + self.deviation, 1)
            return token @ weight.T + (self.offset + self.offset_deviation)
        output = token @ torch.flatten(self.weight) + self.offset
        return output if self.environment == "token" else output.unsqueeze(1).expand(-1, self.n_environments)
