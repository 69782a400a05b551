"""Attention maps: how much each token takes from every other, averaged over individuals (Fig. A7).

Letters: B individuals, N backgrounds, L loci, T tokens (L, plus 1 with an environment token), H heads, A attention layers,
E environments.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from torch import Tensor, nn

from gpattention.errors import InputError
from gpattention.interpret.fitted_map import FittedMap
from gpattention.interpret.reading import Reading
from gpattention.models.kernels import SoftmaxAttention, attention_weights
from gpattention.output import figures
from gpattention.output.progress import progress_bar
from gpattention.training.by_gradients import GPMapModule

BLOCK_VALUES = 16 * 2**20  # attention weights of a layer that are there at once
PANELS = {
    "locus_locus": ("locus (query)", "locus (key)"),
    "environment_locus": ("environment (query)", "locus (key)"),
    "locus_environment": ("locus (query)", "environment (key)"),
    "environment_environment": ("environment (query)", "environment (key)"),
}


def read(fitted: FittedMap) -> Reading:
    """Softmax weights of every layer and head, averaged over backgrounds (and, among loci, over environments).

    Tables:
        attention: a row per layer, head and locus: `received`, the mean weight that the other loci give it; `own`, what it
            gives itself; with environments as tokens `from_environments`, the mean weight that their tokens give it.

    Arrays:
        attention_maps: `locus_locus` (A, H, L, L), rows are queries; with environments as tokens `environment_locus`
            (A, H, E, L), `locus_environment` (A, H, L, E) and `environment_environment` (A, H, E, E), NaN off the diagonal as
            there is one environment at a time.

    Raises:
        InputError: the map has no softmax attention.
    """
    module = fitted.run.module
    n_layers = sum(isinstance(part, SoftmaxAttention) for part in module.modules())
    if not isinstance(module, GPMapModule) or not n_layers:
        raise InputError(
            f"what=attention: the map in {fitted.run.folder} has no softmax attention; it is there with model=attention, "
            "multi_environment_attention and transformer"
        )
    maps = average_maps(module, fitted.genotype, fitted.device)
    table = tabulate(maps, fitted.loci)
    return Reading({"attention": table}, {"attention": draw(maps, fitted.environment_names)}, {"attention_maps": maps})


@contextmanager
def watched(network: nn.Module) -> Iterator[list[Tensor]]:
    """While it lasts, the list gets the (B, H, T, T) weights of every attention layer that the network calls, in order."""
    seen: list[Tensor] = []

    def note(part: nn.Module, inputs: tuple[Any, ...]) -> None:
        assert isinstance(part, SoftmaxAttention)
        seen.append(attention_weights(inputs[0], inputs[1], part.scale))

    hooks = [part.register_forward_pre_hook(note) for part in network.modules() if isinstance(part, SoftmaxAttention)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def average_maps(module: GPMapModule, genotype: NDArray, device: torch.device) -> dict[str, NDArray]:
    """The arrays of `attention_maps` from (N, L) genotypes."""
    n, n_loci = genotype.shape
    environments: list[int | None] = list(range(len(module.environment_names))) if module.by_token else [None]
    network = module.network.to(device)
    sums: dict[int | None, Tensor] = {}
    rows_at_once = max(1, BLOCK_VALUES // (n_loci + 1) ** 2)
    with torch.inference_mode(), watched(network) as seen, progress_bar() as bar:
        task = bar.add_task("attention maps", total=n * len(environments), note="")
        for start in range(0, n, rows_at_once):
            rows = torch.from_numpy(np.array(genotype[start : start + rows_at_once])).to(device).float()
            for environment in environments:
                asked = () if environment is None else (torch.full((len(rows),), environment, device=device),)
                network(rows, *asked)
                total = torch.stack([weights.double().sum(dim=0) for weights in seen])  # (A, H, T, T)
                sums[environment] = sums[environment] + total if environment in sums else total
                seen.clear()
                bar.advance(task, len(rows))
    means = np.stack([sums[environment].cpu().numpy() / n for environment in environments])  # (E, A, H, T, T)
    maps = {"locus_locus": means[..., :n_loci, :n_loci].mean(axis=0)}
    if module.by_token:
        maps["environment_locus"] = means[..., n_loci, :n_loci].transpose(1, 2, 0, 3)
        maps["locus_environment"] = means[..., :n_loci, n_loci].transpose(1, 2, 3, 0)
        own = means[..., n_loci, n_loci].transpose(1, 2, 0)
        maps["environment_environment"] = np.where(np.eye(own.shape[2], dtype=bool), own[..., None], np.nan)
    return maps


def tabulate(maps: dict[str, NDArray], loci: pd.DataFrame) -> pd.DataFrame:
    """The table `attention`."""
    parts = []
    n_layers, n_heads, n_loci, _ = maps["locus_locus"].shape
    for layer in range(n_layers):
        for head in range(n_heads):
            weights = maps["locus_locus"][layer, head]
            part = loci.copy()
            part.insert(0, "head", head + 1)
            part.insert(0, "layer", layer + 1)
            part["received"] = (weights.sum(axis=0) - weights.diagonal()) / max(1, n_loci - 1)
            part["own"] = weights.diagonal()
            if "environment_locus" in maps:
                part["from_environments"] = maps["environment_locus"][layer, head].mean(axis=0)
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def draw(maps: dict[str, NDArray], environment_names: list[str]) -> Figure:
    """A row per layer and head and a column per kind of query and key; layers side by side where there is one kind."""
    kinds = [kind for kind in PANELS if kind in maps]
    n_layers, n_heads = maps["locus_locus"].shape[:2]
    width, n_columns = 2.4, len(kinds) if len(kinds) > 1 else None
    figure, panels = figures.new_panels(
        n_layers * n_heads * len(kinds), width=width, height=0.85 * width, n_columns=n_columns
    )
    for number, axes in enumerate(panels):
        row, kind = number // len(kinds), kinds[number % len(kinds)]
        layer, head = divmod(row, n_heads)
        weights = maps[kind][layer, head]
        extent = (0.5, weights.shape[1] + 0.5, weights.shape[0] + 0.5, 0.5)
        image = axes.imshow(weights, cmap="viridis", vmin=0, aspect="auto", extent=extent, interpolation="nearest")
        figure.colorbar(image, ax=axes).ax.tick_params(labelsize=5)
        axes.set_title(f"layer {layer + 1}" + (f", head {head + 1}" if n_heads > 1 else ""), fontsize=7)
        for axis, label in zip((axes.yaxis, axes.xaxis), PANELS[kind], strict=True):
            axis.set_label_text(label, fontsize=7)
            if label.startswith("environment") and len(environment_names) <= 20:
                axis.set_ticks(range(1, len(environment_names) + 1), environment_names, fontsize=5)
            else:
                axis.set_major_locator(MaxNLocator(4, integer=True))
        if PANELS[kind][1].startswith("environment"):
            axes.tick_params(axis="x", rotation=90)
    return figure
