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
        decay: of all weights of the traits and of their network, as AdamW applies it.

    Raises:
        InputError: K or the decay is out of range.
    """

    def __init__(
        self,
        environment: EnvironmentMode,
        n_environments: int,
        code: EnvironmentCode | None,
        n_loci: int,
        n_features: int,
        n_latents: int,
        decay: float,
    ) -> None:
        super().__init__()
        if not 1 <= n_latents <= MOST_LATENTS or decay < 0:
            raise InputError(
                f"model.n_latents={n_latents}, latent_decay={decay:g}: give a number from 1 to {MOST_LATENTS}, and a decay from 0 on"
            )
        self.decay_rate = decay
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
            if name != "readout.offset":
                parameter.mul_(1 - rate * self.decay_rate)

    def traits(self, genotype_BL: Tensor, token_BTD: Tensor) -> Tensor:
        """(B, K)."""
        return genotype_BL @ (self.loading * self.scale) + token_BTD.flatten(1) @ self.token_loading

    def forward(self, genotype_BL: Tensor, token_BTD: Tensor) -> Tensor:
        """(B, L) genotypes and (B, T, D) tokens to (B, E) phenotypes, or (B,) as `Readout` gives them."""
        trait_BK = self.traits(genotype_BL, token_BTD)
        return self.readout(torch.cat([trait_BK, self.hidden(trait_BK)], dim=1).unsqueeze(-1))
