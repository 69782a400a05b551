"""The recommended model: the paper's embedding and attention with residual connections, read by a weighted sum and by latent traits.

Letters: B batch, L loci, S interacting sets, T tokens (L + S, plus 1 with an environment token), d embedding dimension, D token width (d + 1, plus
the axes of the environment), H heads, E environments.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpattention.errors import InputError
from gpattention.models.attention import MOST_LAYERS, ScoreScale, check_init_std
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
from gpattention.models.latent_readout import LatentReadout
from gpattention.models.products import product_of


class Transformer(nn.Module):
    """Residual attention and feed-forward blocks over locus tokens, and readouts of all tokens.

    Args:
        n_loci: L.
        n_environments: E.
        environment_covariates, environment, environment_token, environment_encoding, covariate_encoder, covariate_width:
            as in `Attention`.
        embedding_dim: d.
        n_layers: blocks, each attention followed by feed-forward.
        n_heads: heads of each attention; must divide D.
        feedforward_factor: width of the hidden feed-forward layer over D; 0 leaves the feed-forward part out.
        layer_norm: normalise the tokens before attention and before feed-forward.
        dropout: share of attention weights and of hidden feed-forward units set to zero in training.
        score_scale: `none` divides the scores by 1, `sqrt_dim` by the square root of a head's width.
        gated: multiply what a block adds by a number that starts at 0, so that the map begins as an additive one.
        readout: `linear` reads all tokens by a weighted sum, as `Attention` does; `latent` reads latent traits, see `LatentReadout`;
            `both` adds the two, the weighted sum from 0 on.
        n_latents, loading_decay, function_decay: K of the latent traits, and the decays of their weights, see `LatentReadout`.
        init_std: standard deviation of the normal distribution that every weight starts from.
        attention_kernel: `auto`, `fused` or `plain`; the same numbers at other speeds.
        interactions_from: the run folder that `interaction_sets` come from.
        interaction_sets: positions of the loci of S sets, -1 for none; the product of their alleles is one more token, as that of
            a locus is.
    """

    interaction_sets: Tensor

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
        embedding_dim: int = 15,
        n_layers: int = 1,
        n_heads: int = 1,
        feedforward_factor: int = 0,
        layer_norm: bool = False,
        dropout: float = 0.0,
        score_scale: ScoreScale = "none",
        gated: bool = True,
        readout: Literal["both", "linear", "latent"] = "both",
        n_latents: int = 8,
        loading_decay: float = 0.3,
        function_decay: float = 0.1,
        init_std: float = 0.1,
        attention_kernel: AttentionKernel = "auto",
        interactions_from: str | None = None,
        interaction_sets: list[list[int]] | None = None,
    ) -> None:
        super().__init__()
        check_init_std(init_std)
        if embedding_dim < 1 or not 1 <= n_layers <= MOST_LAYERS or feedforward_factor < 0 or not 0 <= dropout < 1:
            raise InputError(
                f"model.embedding_dim={embedding_dim}, n_layers={n_layers}, feedforward_factor={feedforward_factor}, "
                f"dropout={dropout}: give a dimension from 1 on, 1 to {MOST_LAYERS} layers, a factor from 0 on and a dropout below 1"
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
        extra_width = token.extra_width if token else 0
        width = embedding_dim + extra_width + 1
        if n_heads < 1 or width % n_heads:
            raise InputError(
                f"model.n_heads={n_heads} does not divide the token width {width} (model.embedding_dim + 1"
                f"{f', and {extra_width} for the environment' if extra_width else ''}): change one of them"
            )
        self.extra_width, self.n_loci = extra_width, n_loci
        n_sets = len(interaction_sets or [])
        sets = torch.tensor(interaction_sets or [[]], dtype=torch.long, device="cpu")[:n_sets]
        if sets.numel() and not -1 <= int(sets.min()) <= int(sets.max()) < n_loci:
            raise InputError(f"model.interactions_from: its sets hold loci that are not among the {n_loci} of this run")
        self.register_buffer("interaction_sets", sets, persistent=False)
        n_valued = n_loci + n_sets
        self.embedding = nn.Parameter(torch.empty(n_valued, embedding_dim))
        self.blocks = nn.ModuleList(
            Block(
                width=width,
                n_heads=n_heads,
                hidden=feedforward_factor * width,
                layer_norm=layer_norm,
                dropout=dropout,
                score_scale=score_scale,
                attention_kernel=attention_kernel,
                gated=gated,
            )
            for _ in range(n_layers)
        )
        n_tokens = n_valued + bool(token)
        self.readout = None if readout == "latent" else Readout(environment, n_environments, code, n_tokens, width)
        self.latent_readout = None
        if readout != "linear":
            self.latent_readout = LatentReadout(
                environment,
                n_environments,
                code,
                n_loci,
                n_tokens * width,
                n_latents,
                loading_decay,
                function_decay,
            )
        for parameter in (self.embedding, *self.blocks.parameters()):
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=init_std)
        if self.readout is not None and readout == "linear":
            self.readout.reset(init_std)
        self.environment_token = token

    def forward(self, genotype_BL: Tensor, environment_B: Tensor | None = None) -> Tensor:
        """(B, L) genotypes coded in [-1, 1] to standardised phenotypes: (B, E), or by token (B,) at the environments given."""
        if len(self.interaction_sets):
            genotype_BL = torch.cat([genotype_BL, product_of(genotype_BL.T, self.interaction_sets).T], dim=1)
        token_BTD = F.pad(F.pad(genotype_BL.unsqueeze(-1) * self.embedding, (0, self.extra_width)), (0, 1), value=1.0)
        if self.environment_token is not None:
            token_BTD = torch.cat([token_BTD, self.environment_token(environment_B).unsqueeze(1)], dim=1)
        for block in self.blocks:
            token_BTD = block(token_BTD)
        read = [] if self.readout is None else [self.readout(token_BTD)]
        if self.latent_readout is not None:
            read.append(self.latent_readout(genotype_BL[:, : self.n_loci], token_BTD))
        return torch.stack(read).sum(0) if len(read) > 1 else read[0]


class Block(nn.Module):
    """Attention, then feed-forward, each added to its input."""

    def __init__(
        self,
        *,
        width: int,
        n_heads: int,
        hidden: int,
        layer_norm: bool,
        dropout: float,
        score_scale: ScoreScale,
        attention_kernel: AttentionKernel,
        gated: bool,
    ) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.attention_gate = nn.Parameter(torch.zeros(1)) if gated else 1.0
        self.feedforward_gate = nn.Parameter(torch.zeros(1)) if gated and hidden else 1.0
        scale = 1.0 if score_scale == "none" else 1 / math.sqrt(width // n_heads)
        self.softmax_attention = SoftmaxAttention(scale, attention_kernel, dropout)
        self.attention_norm = nn.LayerNorm(width) if layer_norm else nn.Identity()
        self.query_key_value = nn.Parameter(torch.empty(width, 3 * width))
        self.feedforward: nn.Module | None = None
        if hidden:
            self.feedforward = nn.Sequential(
                nn.LayerNorm(width) if layer_norm else nn.Identity(),
                nn.Linear(width, hidden),
                nn.GELU(),
                nn.Dropout(dropout),
                nn.Linear(hidden, width),
            )

    def forward(self, token_BTD: Tensor) -> Tensor:
        token_BTD = token_BTD + self.attention_gate * self.attend(self.attention_norm(token_BTD))
        if self.feedforward is None:
            return token_BTD
        return token_BTD + self.feedforward_gate * self.feedforward(token_BTD)

    def attend(self, token_BTD: Tensor) -> Tensor:
        """(B, T, D) tokens to (B, T, D) attended tokens, heads side by side."""
        projected = (token_BTD @ self.query_key_value).unflatten(-1, (3, self.n_heads, -1))
        query_BHTD, key_BHTD, value_BHTD = projected.permute(2, 0, 3, 1, 4)
        attended_BHTD = self.softmax_attention(query_BHTD, key_BHTD, value_BHTD)
        return attended_BHTD.transpose(1, 2).flatten(2)
