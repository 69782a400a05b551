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
CovariateEncoder = Literal["quadratic", "mlp", "fourier"]


class EnvironmentCode(nn.Module):
    """The W numbers that stand for an environment.

    Args:
        n_environments: E.
        encoding: `onehot` has a number for every environment (W = E); `covariate` computes them from what is known of
            the environment, so that one without a single measurement has a code too.
        covariates: E rows of C standardised covariates and the log of the environment's sd, for the encoding `covariate`.
        encoder: `quadratic`, for quadratic reaction norms in original units: 1, the covariates and their squares, over
            the sd, as orthogonal columns (W = 2 C + 1, E at most); `mlp`, a hidden layer of 16 units; `fourier`, waves,
            mixed linearly.
        width: W of `mlp` and `fourier`.
    """

    table: Tensor

    def __init__(
        self,
        n_environments: int,
        encoding: Encoding,
        covariates: list[list[float]] | None,
        encoder: CovariateEncoder,
        width: int,
    ) -> None:
        super().__init__()
        if width < 1:
            raise InputError(f"model.covariate_width is {width}: give a number from 1 on")
        self.by_name = encoding == "onehot"
        self.encoder: nn.Module = nn.Identity()
        self.width = width
        if self.by_name:
            table, self.width = torch.eye(n_environments), n_environments
        elif covariates is None:
            raise InputError(
                "model.environment_encoding=covariate needs numbers that describe each environment: give "
                "data.environment_file, or set model.environment_encoding=onehot"
            )
        else:
            # On the CPU even where the network is planned without memory: the number of codes depends on the values.
            table = torch.tensor(covariates, device="cpu")
            if encoder == "quadratic":
                self.encoder = QuadraticCode(table)
                self.width = self.encoder.width
            elif encoder == "mlp":
                self.encoder = nn.Sequential(nn.Linear(table.shape[1], 16), nn.Tanh(), nn.Linear(16, width))
            else:
                waves = FourierFeatures()
                self.encoder = nn.Sequential(waves, nn.Linear(waves.per_covariate * table.shape[1], width))
        self.register_buffer("table", table)

    def forward(self) -> Tensor:
        """(E, W)."""
        return self.encoder(self.table)

    def common(self) -> Tensor:
        """(E,) factors of a weight that all environments share: 1, or what is nearest to it among the quadratics."""
        if isinstance(self.encoder, QuadraticCode):
            return self() @ self.encoder.mean
        return self.table.new_ones(len(self.table))


class QuadraticCode(nn.Module):
    """Orthogonal columns of mean square 1 that span 1, c and c^2, each over the environment's sd."""

    to_code: Tensor
    mean: Tensor

    def __init__(self, table_EC: Tensor) -> None:
        super().__init__()
        basis = self.basis(table_EC)
        _, lengths, right = torch.linalg.svd(basis, full_matrices=False)
        kept = lengths > 1e-3 * lengths[0]
        to_code = right[kept].T / lengths[kept] * len(table_EC) ** 0.5
        self.width = to_code.shape[1]
        self.register_buffer("to_code", to_code)
        self.register_buffer("mean", (basis @ to_code).mean(0))

    def basis(self, table_EC: Tensor) -> Tensor:
        covariates, log_sd = table_EC[:, :-1], table_EC[:, -1:]
        return torch.cat([torch.ones_like(log_sd), covariates, covariates**2], dim=1) * torch.exp(-log_sd)

    def forward(self, table_EC: Tensor) -> Tensor:
        """Covariates and, last, log sd of any environments to (E, W)."""
        return self.basis(table_EC) @ self.to_code


class FourierFeatures(nn.Module):
    """Each covariate, and its sine and cosine at wavelengths of 16 and 8 standard deviations."""

    frequencies = (torch.pi / 8, torch.pi / 4)
    per_covariate = 1 + 2 * len(frequencies)

    def forward(self, covariate_EC: Tensor) -> Tensor:
        """(E, C) to (E, 5 C)."""
        waves = [f(frequency * covariate_EC) for frequency in self.frequencies for f in (torch.sin, torch.cos)]
        return torch.cat([covariate_EC, *waves], dim=1)


class EnvironmentToken(nn.Module):
    """The token of an environment: zeros and its code in the axes before the constant 1 (Eqs. 38-43).

    Args:
        code: of the environments.
        embedding_dim: d, axes of the locus tokens.
        place: `appended` gives the code axes of its own, (0_d, code, 1) with D = d + W + 1; `shared` puts it into those
            of the loci, (code, 0, 1) with D = d + 1 (Eqs. 49, 50).
        constant_feature: whether tokens end in the constant 1.
    """

    def __init__(self, code: EnvironmentCode, embedding_dim: int, place: TokenPlace, constant_feature: bool) -> None:
        super().__init__()
        if place == "shared" and code.width > embedding_dim:
            raise InputError(
                f"model.environment_token=shared puts the environment's code of {code.width} numbers into the "
                f"model.embedding_dim={embedding_dim} axes of the loci: raise model.embedding_dim to {code.width} or more, "
                "or set model.environment_token=appended"
            )
        self.code = code
        self.padding = (embedding_dim, 0) if place == "appended" else (0, embedding_dim - code.width)
        self.constant_feature = constant_feature
        self.extra_width = code.width if place == "appended" else 0  # axes beyond those of the loci

    def forward(self, environment_B: Tensor) -> Tensor:
        """(B,) positions of environments to (B, D) tokens."""
        token_ED = F.pad(F.pad(self.code(), self.padding), (0, int(self.constant_feature)), value=1.0)
        return token_ED[environment_B]


def make_code(
    environment: EnvironmentMode,
    n_environments: int,
    covariates: list[list[float]] | None,
    encoding: Encoding,
    encoder: CovariateEncoder,
    width: int,
) -> EnvironmentCode | None:
    """The code of the environments, for the modes that have one.

    Raises:
        InputError: a mode without a code is asked to know environments by their covariates.
    """
    if environment in ("token", "joint"):
        return EnvironmentCode(n_environments, encoding, covariates, encoder, width)
    if encoding == "covariate":
        raise InputError(
            f"model.environment={environment} takes no model.environment_encoding=covariate: set model.environment=joint or token"
        )
    return None


def make_token(
    code: EnvironmentCode | None, environment: EnvironmentMode, embedding_dim: int, place: TokenPlace, constant: bool
) -> EnvironmentToken | None:
    """The token of the environment, for the mode that has one."""
    if environment != "token" or code is None:
        return None
    return EnvironmentToken(code, embedding_dim, place, constant)


class Readout(nn.Module):
    """Phenotypes as weighted sums over all tokens and features (Eqs. 8, 32).

    With `joint` the weights of an environment are those shared by all plus a deviation, linear in its code, which starts
    at 0: what environments have in common is learned once, and one with few values stays near the others. With the code
    of a covariate the deviations are a reaction norm.

    Args:
        environment: see `Attention`.
        n_environments: E.
        code: of the environments, for `joint`.
        n_tokens, width: T and D.

    Raises:
        InputError: a map of one environment is asked to learn several.
    """

    def __init__(
        self,
        environment: EnvironmentMode,
        n_environments: int,
        code: EnvironmentCode | None,
        n_tokens: int,
        width: int,
    ) -> None:
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
        self.code = code if environment == "joint" else None
        if self.code is not None:
            self.deviation = nn.Parameter(torch.zeros(self.code.width, n_tokens * width))
            self.offset_deviation = nn.Parameter(torch.zeros(self.code.width))

    def reset(self, std: float, offset_std: float = 0.0) -> None:
        """Draw initial values."""
        nn.init.normal_(self.weight, std=std)
        nn.init.normal_(self.offset, std=offset_std)

    def forward(self, token_BTD: Tensor) -> Tensor:
        """(B, T, D) tokens to (B, E) phenotypes, or (B,) for the environments that their tokens ask for."""
        token = torch.flatten(token_BTD, 1)
        shared = torch.flatten(self.weight)
        if self.code is not None:
            code_EW, common_E = self.code(), self.code.common()
            weight = torch.outer(common_E, shared) + code_EW @ self.deviation
            return token @ weight.T + (common_E * self.offset + code_EW @ self.offset_deviation)
        output = token @ shared + self.offset
        return output if self.environment == "token" else output.unsqueeze(1).expand(-1, self.n_environments)
