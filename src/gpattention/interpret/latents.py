"""The latent traits of `model=latent`: what they are made of, how much of the map each carries, and the phenotype over them.

A trait can be rotated, scaled and mixed with others without a change of the map. The form shown is canonical: over the backgrounds the
traits are uncorrelated with variance 1, and ordered by the mean squared slope of the phenotype along them, which is as large as it can
be for the first, then for the second, and so on (active subspaces, Constantine 2015).

Letters: N individuals, L loci, E environments, K traits of a start.
"""

from copy import deepcopy
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gpattention.errors import InputError
from gpattention.interpret.fitted_map import FittedMap
from gpattention.interpret.genome import lay_out, mark_chromosomes
from gpattention.interpret.reading import Reading
from gpattention.models.latent_traits import LatentTraits
from gpattention.output import figures
from gpattention.training.latents import candidates_of

MOST_DRAWN = 4  # traits
MOST_SURFACES = 9  # environments
NO_VARIANCE = 1e-8  # of a direction of the traits, as a share of the largest
GRID = 61  # points of a surface along an axis


class Canonical(NamedTuple):
    """The traits of one start in canonical form.

    Attributes:
        trait: (N, K) of the backgrounds, uncorrelated, of mean 0 and variance 1.
        slope: (K,) mean squared slope of the standardised phenotypes along each, summed over environments; falling.
        loading: (L, K) change of a trait from allele -1 to allele +1.
        to_latent, centre: trait @ to_latent + centre are the traits as the network has them.
    """

    trait: NDArray[np.float64]
    slope: NDArray[np.float64]
    loading: NDArray[np.float64]
    to_latent: NDArray[np.float64]
    centre: NDArray[np.float64]


def read(fitted: FittedMap) -> Reading:
    """The traits of one setting, that with the fewest that validation cannot tell from the best, and of the start nearest to the map.

    Tables:
        latents: a row per locus and a column per trait: the change of the trait, in its standard deviations, from allele -1 to +1.
        latents_traits: a row per trait: `share` of the squared slopes; `variance_explained`, of the map's predictions by this trait and
            those before it, the others at their mean; `agreement`, the mean absolute correlation with the trait of the same number in
            the other starts (none with a single start).
        latents_individuals: traits of the backgrounds.
        latents_number: a row per number of traits that was tried: R2 on the validation part with the best decays, and the standard
            error of its distance from the best.
    """
    network = getattr(fitted.run.module, "network", None)
    if not isinstance(network, LatentTraits):
        raise InputError(
            f"what=latents reads the traits of model=latent, and {fitted.run.folder} is of "
            f"{fitted.run.config['model']['_target_'].rpartition('.')[2]}: fit the data with model=latent, or give "
            "the folder rungs/latent in a run of model=auto"
        )
    network = deepcopy(network).double()
    genotype = torch.from_numpy(np.asarray(fitted.genotype)).double().to(network.loading.device)
    starts = network.members_of(network.chosen).tolist()
    with torch.no_grad():
        map_NE = network(genotype).numpy(force=True)
    forms, distance = [], []
    for member in starts:
        form, predicted = canonical(network, genotype, member)
        forms.append(form)
        distance.append(float(((predicted - map_NE) ** 2).mean()))
    nearest = int(np.argmin(distance))
    form, member = forms[nearest], starts[nearest]
    names = [f"trait_{k + 1}" for k in range(form.trait.shape[1])]
    traits = pd.DataFrame(
        {
            "trait": names,
            "share": form.slope / form.slope.sum(),
            "variance_explained": explained(network, member, form, map_NE),
            "agreement": agreement(form, [other for number, other in enumerate(forms) if number != nearest]),
        }
    )
    loadings = pd.concat([fitted.loci, pd.DataFrame(form.loading, columns=names)], axis=1)
    individuals = pd.DataFrame(form.trait, columns=names)
    individuals.insert(0, "id", fitted.ids)
    number = tried(network)
    tables = {
        "latents": loadings,
        "latents_traits": traits,
        "latents_individuals": individuals,
        "latents_number": number,
    }
    drawn = {
        "latents": draw_loadings(loadings, traits),
        "latents_surface": draw_surfaces(network, member, form, fitted),
    }
    if len(number) > 1:
        drawn["latents_number"] = draw_number(number, len(names))
    return Reading(tables, drawn, {})


def predict(network: LatentTraits, member: int, latent: NDArray) -> NDArray[np.float64]:
    """(N, E) standardised phenotypes of (N, K) traits as a member has them."""
    with torch.no_grad():
        values = torch.from_numpy(latent).to(network.loading.device)
        return network.function(padded(network, values), torch.tensor([member]))[0].numpy(force=True)


def padded(network: LatentTraits, latent_NK: torch.Tensor) -> torch.Tensor:
    """(1, N, K of the network) with zeros beyond the traits of a member."""
    return torch.nn.functional.pad(latent_NK, (0, network.slot.shape[1] - latent_NK.shape[1]))[None]


def canonical(network: LatentTraits, genotype: torch.Tensor, member: int) -> tuple[Canonical, NDArray[np.float64]]:
    """The canonical traits of one member, and what it predicts for these genotypes."""
    n_latents = network.settings[int(network.chosen)].n_latents
    only = torch.tensor([member])
    slot = network.slot[member, :n_latents]
    with torch.no_grad():
        loading = (network.loading * network.scale)[:, slot]
        latent = genotype @ loading
    latent.requires_grad_()
    predicted = network.function(padded(network, latent), only)[0]
    outer = torch.zeros(n_latents, n_latents, dtype=torch.float64)
    mean_slope = torch.zeros(n_latents, dtype=torch.float64)
    for environment in range(predicted.shape[1]):
        (slope_NK,) = torch.autograd.grad(predicted[:, environment].sum(), latent, retain_graph=True)
        outer += (slope_NK.T @ slope_NK).cpu() / len(latent)
        mean_slope += slope_NK.mean(0).cpu()
    values, centre = latent.detach().numpy(force=True), latent.detach().mean(0).numpy(force=True)
    variance, axes = np.linalg.eigh(np.atleast_2d(np.cov(values.T, bias=True)))
    kept = variance > NO_VARIANCE * variance[-1]
    root = (axes[:, kept] * np.sqrt(variance[kept])).T  # whitened to latent
    slope, rotation = np.linalg.eigh(root @ outer.numpy() @ root.T)
    rotation = rotation[:, ::-1]
    to_latent = rotation.T @ root
    sign = np.where(to_latent @ mean_slope.numpy() < 0, -1.0, 1.0)  # a larger trait means a larger phenotype
    to_latent = sign[:, None] * to_latent
    from_latent = np.linalg.pinv(to_latent)
    form = Canonical(
        trait=(values - centre) @ from_latent,
        slope=slope[::-1].clip(0),
        loading=2 * loading.numpy(force=True) @ from_latent,
        to_latent=to_latent,
        centre=centre,
    )
    return form, predicted.detach().numpy(force=True)


def explained(network: LatentTraits, member: int, form: Canonical, map_NE: NDArray) -> list[float]:
    """Share of the variance of the map by the first trait, the first two, and so on, the others at their mean."""
    shares = []
    for count in range(1, form.trait.shape[1] + 1):
        part = predict(network, member, form.trait[:, :count] @ form.to_latent[:count] + form.centre)
        shares.append(1 - float((map_NE - part).var(0).sum() / map_NE.var(0).sum()))
    return shares


def agreement(form: Canonical, others: list[Canonical]) -> list[float]:
    """Mean absolute correlation of each trait with that of the same number in other starts; NaN without others."""
    found = []
    for k in range(form.trait.shape[1]):
        same = [other.trait[:, k] for other in others if k < other.trait.shape[1]]
        found.append(
            float(np.mean([abs(np.corrcoef(form.trait[:, k], one)[0, 1]) for one in same])) if same else np.nan
        )
    return found


def tried(network: LatentTraits) -> pd.DataFrame:
    """The best decays of each number of traits, by the validation part."""
    table = candidates_of(network)
    table["chosen"] = table["n_latents"] == network.settings[int(network.chosen)].n_latents
    return table.loc[table.groupby("n_latents")["val/r2"].idxmax()].reset_index(drop=True)


def draw_loadings(loadings: pd.DataFrame, traits: pd.DataFrame) -> Figure:
    """Loadings of the first traits along the chromosomes."""
    genome = lay_out(loadings)
    names = traits["trait"].tolist()[:MOST_DRAWN]
    figure = Figure(figsize=(2 * figures.COLUMN_INCHES, 1.3 * len(names) + 0.5), layout="constrained")
    panels = figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
    for number, (axes, name) in enumerate(zip(panels, names, strict=True)):
        axes.vlines(genome.position, 0, loadings[name], color=figures.COLOURS[number], linewidth=1)
        axes.axhline(0, color=figures.GREY, linewidth=0.6)
        share = traits["share"].iloc[number]
        axes.set_title(f"trait {number + 1}: {share:.1%} of the squared slopes", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supylabel("loading, sd of the trait from allele -1 to +1", fontsize=8)
    mark_chromosomes(panels[-1], genome)
    return figure


def draw_surfaces(network: LatentTraits, member: int, form: Canonical, fitted: FittedMap) -> Figure:
    """Predicted phenotype over the first two traits, the others at their mean, with the backgrounds on it; over one, a line."""
    names, scaling = fitted.environment_names[:MOST_SURFACES], fitted.run.preprocessing.scaling
    figure, panels = figures.new_panels(len(names), 3.2, 2.7)
    first, last = 1.1 * np.quantile(form.trait[:, :2], [0.002, 0.998], axis=0)
    along = list(np.linspace(first, last, GRID).T)
    points = np.stack(np.meshgrid(*along, indexing="ij"), axis=-1).reshape(-1, len(along))
    standardised = predict(network, member, points @ form.to_latent[: len(along)] + form.centre)
    surface = scaling.restore(standardised).reshape(*(GRID,) * len(along), -1)
    for column, (axes, name) in enumerate(zip(panels, names, strict=True)):
        if len(along) == 1:
            axes.plot(along[0], surface[:, column], color=figures.BLUE)
            axes.plot(
                form.trait[:, 0], np.full(len(form.trait), surface[:, column].min()), "|", color=figures.GREY, alpha=0.3
            )
            axes.set_ylabel("phenotype", fontsize=8)
        else:
            filled = axes.contourf(*along, surface[..., column].T, levels=15, cmap="viridis")
            axes.scatter(
                form.trait[:, 0], form.trait[:, 1], s=2, color="white", alpha=0.4, linewidths=0, rasterized=True
            )
            axes.set_xlim(along[0][0], along[0][-1])
            axes.set_ylim(along[1][0], along[1][-1])
            axes.set_ylabel("trait 2, sd", fontsize=8)
            figures.scale(figure.colorbar(filled, ax=axes), "phenotype")
        axes.set_title(name, fontsize=8)
        axes.set_xlabel("trait 1, sd", fontsize=8)
    return figure


def draw_number(number: pd.DataFrame, chosen: int) -> Figure:
    """R2 on the validation part against the number of traits; the bars are standard errors of the distance from the best."""
    figure, axes = figures.new_axes(height=2.4)
    axes.errorbar(
        number["n_latents"],
        number["val/r2"],
        yerr=number["standard_error"],
        color=figures.BLUE,
        marker="o",
        markersize=4,
    )
    axes.axvline(chosen, color=figures.GREY, linestyle=":", linewidth=0.8)
    axes.set(xlabel="latent traits", ylabel="R2, validation", xticks=number["n_latents"])
    return figure
