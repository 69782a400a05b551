"""Phenotypes read from a few latent traits of the genotype and of the tokens that attention has made of it.

Letters: B batch, L loci, T tokens, D token width, K traits, H hidden units, E environments.
"""

import math

import torch
from torch import Tensor, nn

from gpattention.errors import InputError
from gpattention.models.environment import EnvironmentCode, EnvironmentMode, Readout
from gpattention.models.latent_traits import LOCI_AT_START, MOST_LATENTS, START

HIDDEN = 16


class LatentReadout(nn.Module):
    """u = x W + tokens A, A from 0 on; phenotypes are linear in u and in a network of two layers of tanh units of u.

    Where the blocks before it do nothing, it is the map of `LatentTraits`.

    Args:
        environment, n_environments, code: as for `Readout`, which reads the traits and the hidden units.
        n_loci: L.
        n_features: T D, of all tokens together.
        n_latents: K.
        loading_decay, function_decay: of the loadings W and A, and of what is made of the traits, as AdamW applies it.

    Raises:
        InputError: K or a decay is out of range.
    """

    def __init__(
        self,
        environment: EnvironmentMode,
        n_environments: int,
        code: EnvironmentCode | None,
        n_loci: int,
        n_features: int,
        n_latents: int,
        loading_decay: float,
        function_decay: float,
    ) -> None:
        super().__init__()
        if not 1 <= n_latents <= MOST_LATENTS or min(loading_decay, function_decay) < 0:
            raise InputError(
                f"model.n_latents={n_latents}, loading_decay={loading_decay:g}, function_decay={function_decay:g}: give a number from 1 "
                f"to {MOST_LATENTS}, and decays from 0 on"
            )
        self.loading_decay, self.function_decay = loading_decay, function_decay
        self.scale = math.sqrt(LOCI_AT_START / n_loci)
        self.loading = nn.Parameter(torch.empty(n_loci, n_latents))
        self.token_loading = nn.Parameter(torch.zeros(n_features, n_latents))
        self.hidden = nn.Sequential(nn.Linear(n_latents, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, HIDDEN), nn.Tanh())
        self.readout = Readout(environment, n_environments, code, n_latents + HIDDEN, 1)
        nn.init.normal_(self.loading, std=START)
        nn.init.normal_(self.hidden[0].weight, std=0.5)  # type: ignore[arg-type]
        self.readout.reset(0.1)

    @torch.no_grad()
    def decay(self, rate: float) -> None:
        """Shrink the weights, all but the offset, as AdamW does."""
        for name, parameter in self.named_parameters():
            if parameter.requires_grad and name != "readout.offset":
                decay = self.loading_decay if name in ("loading", "token_loading") else self.function_decay
                parameter.mul_(1 - rate * decay)

    def traits(self, genotype_BL: Tensor, token_BTD: Tensor) -> Tensor:
        """(B, K)."""
        return genotype_BL @ (self.loading * self.scale) + token_BTD.flatten(1) @ self.token_loading

    def forward(self, genotype_BL: Tensor, token_BTD: Tensor) -> Tensor:
        """(B, L) genotypes and (B, T, D) tokens to (B, E) phenotypes, or (B,) as `Readout` gives them."""
        trait_BK = self.traits(genotype_BL, token_BTD)
        return self.readout(torch.cat([trait_BK, self.hidden(trait_BK)], dim=1).unsqueeze(-1))
