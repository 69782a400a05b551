"""Phenotypes as smooth functions of a few additive traits, which nobody has measured.

Letters: B batch, L loci, E environments, M members (fits side by side, each for itself), K traits of a member, T traits of all members,
S settings, H hidden units.
Relatives: LANTERN (Tonner et al. 2022), MAVE-NN (Tareen et al. 2022), D-LIM (Wang et al. 2024).
"""

import math
from itertools import product
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpattention.errors import InputError

TRIED = (1, 2, 3, 4, 6, 8)  # numbers of traits, of `auto`
MOST_LATENTS = 64
START = 0.1  # sd of the loadings of 100 loci at the start
LOCI_AT_START = 100
EVERY = slice(None)  # member


class Setting(NamedTuple):
    """What validation chooses."""

    n_latents: int
    loading_decay: float
    function_decay: float


class LatentTraits(nn.Module):
    """u = x W, y = V u + f(u): K latent additive traits u, and a network f of two layers of tanh units, for all environments together.

    All settings are fitted side by side, several times each, from other initial weights. The map is the mean of the best settings and
    of their starts; the traits that are read are those of one setting. Parameters of a member: K L + (K + H + 1) E + (K + H + 2) H.

    Args:
        n_loci: L.
        n_environments: E; all have the same traits, and each its own readout of them.
        environment_covariates: not used.
        n_latents: K; `auto` tries 1, 2, 3, 4, 6 and 8, and reads the fewest that validation cannot tell from the best.
        loading_decays: candidates of the decay of the loadings W, as AdamW applies it.
        function_decays: the same, of V and f.
        n_starts: fits of each setting.
        n_averaged: settings that the map is the mean of, the best by validation.
        hidden_width: H.

    Raises:
        InputError: a value is out of range.
    """

    loading_decay: Tensor  # (T,)
    function_decay: Tensor  # (M,)
    slot: Tensor  # (M, K) positions among the T traits, T where a member has fewer than the others
    chosen: Tensor  # position among the settings of the one that is read; -1 before the choice
    averaged: Tensor  # positions of those that the map is the mean of
    scores: Tensor  # (S, 2) validation R2 of each setting, and the standard error of its distance from the best

    def __init__(
        self,
        *,
        n_loci: int,
        n_environments: int = 1,
        environment_covariates: list[list[float]] | None = None,
        n_latents: int | Literal["auto"] = "auto",
        loading_decays: list[float],
        function_decays: list[float],
        n_starts: int = 2,
        n_averaged: int = 5,
        hidden_width: int = 16,
    ) -> None:
        super().__init__()
        tried = TRIED if n_latents == "auto" else (n_latents,)
        if not 1 <= tried[0] <= MOST_LATENTS or min(n_starts, n_averaged, hidden_width) < 1:
            raise InputError(
                f"model.n_latents={n_latents}, n_starts={n_starts}, n_averaged={n_averaged}, "
                f"hidden_width={hidden_width}: give auto or 1 to {MOST_LATENTS} traits, and numbers from 1 on"
            )
        if not loading_decays or not function_decays or min(*loading_decays, *function_decays) < 0:
            raise InputError(
                f"model.loading_decays={loading_decays}, function_decays={function_decays}: give at least one of each, from 0 on"
            )
        self.settings = [Setting(*values) for values in product(tried, loading_decays, function_decays)]
        self.n_starts = n_starts
        members = [setting for setting in self.settings for _ in range(n_starts)]
        n_members, most = len(members), max(tried)
        # On the CPU even where the network is planned without memory: these are positions and settings, not weights.
        size = torch.tensor([member.n_latents for member in members], device="cpu")
        within = torch.arange(most, device="cpu").expand(n_members, most)
        slot = (size.cumsum(0) - size)[:, None] + within
        n_traits = int(size.sum())
        self.register_buffer("slot", slot.where(within < size[:, None], n_traits), persistent=False)
        self.register_buffer("chosen", torch.full((), -1))
        self.register_buffer("averaged", torch.arange(min(n_averaged, len(self.settings))))
        self.register_buffer("scores", torch.zeros(len(self.settings), 2, dtype=torch.float64))
        decay_M2 = torch.tensor([member[1:] for member in members], device="cpu")
        self.register_buffer("loading_decay", decay_M2[:, 0].repeat_interleave(size), persistent=False)  # (T,)
        self.register_buffer("function_decay", decay_M2[:, 1], persistent=False)  # (M,)
        # So that a step of Adam moves a trait as far whatever the number of loci.
        self.scale = math.sqrt(LOCI_AT_START / n_loci)
        self.loading = nn.Parameter(torch.empty(n_loci, n_traits))
        self.linear = nn.Parameter(torch.empty(n_members, most, n_environments))
        self.hidden = nn.Parameter(torch.empty(n_members, most, hidden_width))
        self.hidden_offset = nn.Parameter(torch.empty(n_members, 1, hidden_width))
        self.second = nn.Parameter(torch.empty(n_members, hidden_width, hidden_width))
        self.second_offset = nn.Parameter(torch.empty(n_members, 1, hidden_width))
        self.output = nn.Parameter(torch.empty(n_members, hidden_width, n_environments))
        self.offset = nn.Parameter(torch.zeros(n_members, 1, n_environments))
        for parameter, std in (
            (self.loading, START),
            (self.linear, 0.1),
            (self.hidden, 0.5),
            (self.hidden_offset, 0.1),
            (self.second, hidden_width**-0.5),
            (self.second_offset, 0.1),
            (self.output, 0.1),
        ):
            nn.init.normal_(parameter, std=std)

    def members_of(self, setting: Tensor) -> Tensor:
        """Positions of the starts of one setting or of several."""
        starts = torch.arange(self.n_starts, device=setting.device)
        return (setting.reshape(-1, 1) * self.n_starts + starts).flatten()

    def forward(self, genotype_BL: Tensor) -> Tensor:
        """(B, L) genotypes coded in [-1, 1] to (B, E) standardised phenotypes."""
        members = self.members_of(self.averaged)
        return self.function(self.traits(genotype_BL, members), members).mean(0)

    def each(self, genotype_BL: Tensor) -> Tensor:
        """The same by every member, (M, B, E)."""
        return self.function(self.traits(genotype_BL), EVERY)

    def traits(self, genotype_BL: Tensor, members: Tensor | None = None) -> Tensor:
        """(M, B, K) traits of all members or of some; 0 beyond those that a member has."""
        if members is None:
            return F.pad(genotype_BL @ (self.loading * self.scale), (0, 1))[:, self.slot].transpose(0, 1)
        slot_MK = self.slot[members]
        loading_LMK = F.pad(self.loading * self.scale, (0, 1))[:, slot_MK]
        return (genotype_BL @ loading_LMK.flatten(1)).unflatten(1, slot_MK.shape).transpose(0, 1)

    def function(self, trait_MBK: Tensor, members: Tensor | slice) -> Tensor:
        """(M, B, E) phenotypes of the traits of some members."""
        hidden_MBH = torch.tanh(torch.baddbmm(self.hidden_offset[members], trait_MBK, self.hidden[members]))
        second_MBH = torch.tanh(torch.baddbmm(self.second_offset[members], hidden_MBH, self.second[members]))
        additive_MBE = torch.baddbmm(self.offset[members], trait_MBK, self.linear[members])
        return torch.baddbmm(additive_MBE, second_MBH, self.output[members])

    @torch.no_grad()
    def decay(self, rate: float) -> None:
        """Shrink the weights of every member by its own decays, as AdamW does by one for all."""
        factor_M11 = (1 - rate * self.function_decay)[:, None, None]
        for name, parameter in self.named_parameters():
            if parameter.requires_grad and name != "offset":
                parameter.mul_(1 - rate * self.loading_decay if name == "loading" else factor_M11)

    def n_fitted(self) -> int:
        """Parameters of the settings that the map is the mean of; 0 before the choice."""
        if self.chosen < 0:
            return 0
        _, hidden, n_environments = self.output.shape
        n_latents = [self.settings[number].n_latents for number in self.averaged.tolist()]
        of_traits = sum(n_latents) * (len(self.loading) + n_environments + hidden)
        of_functions = len(n_latents) * ((hidden + 1) * n_environments + (hidden + 2) * hidden)
        return self.n_starts * (of_traits + of_functions)
