"""What kind of trait the data show, by which maps explain it: a paragraph, a table and a figure, all of the test part."""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gpattention.files.atomic import write_text
from gpattention.output import figures
from gpattention.regressions.interactions import Interactions
from gpattention.regressions.ladder import Ladder
from gpattention.run_folder import files
from gpattention.run_folder.predictions import as_arrays, shared_predictions
from gpattention.scores.bootstrap import draw_r2, interval
from gpattention.training.latents import LatentModule

log = logging.getLogger(__name__)

N_DRAWS, LEVEL = 2000, 0.95
MEAN = "mean"  # over environments
COMBINED = "combined"
WORTH = 0.005  # of R2, below which a gain is called small, whatever its interval
MOST_OF_FEW = 50  # interactions
ADDITIVE = ("linear", "sparse", "kronecker")  # rungs without interactions


class Gain(NamedTuple):
    """A difference of test R2 with its interval."""

    value: float
    lower: float
    upper: float

    @property
    def is_real(self) -> bool:
        return self.lower > 0 and self.value >= WORTH

    def __str__(self) -> str:
        return f"{self.value:+.3f} (95 % interval {self.lower:+.3f} to {self.upper:+.3f})"


def describe_trait(folder: Path, module: Ladder, ceiling: float | None) -> Path:
    """Write the three files beside the predictions of a run and of its rungs; returns the figure."""
    rungs = [*module.members]
    tables = shared_predictions([*(folder / files.RUNGS / name for name in rungs), folder], "test")
    names = module.environment_names
    r2_RKE = draw_r2(*as_arrays(tables, names), N_DRAWS)
    maps = [*rungs, COMBINED]
    table = tabulate(r2_RKE, maps, names)
    paragraph = describe(r2_RKE, maps, names, module, ceiling)
    text, sheet, picture = (folder / name for name in files.TRAIT)
    write_text(text, paragraph + "\n")
    write_text(sheet, table.to_csv(sep="\t", index=False, float_format="%.6g"))
    figures.save(draw(table[table["environment"] == table["environment"].iloc[0]], ceiling), picture)
    log.info("%s", paragraph)
    return picture


def tabulate(r2_RKE: NDArray, maps: list[str], names: list[str]) -> pd.DataFrame:
    """A row per map and environment, first their mean: R2, gain over the first map, and their intervals."""
    columns = {name: r2_RKE[..., number] for number, name in enumerate(names)}
    if len(names) > 1:
        columns = {MEAN: np.nanmean(r2_RKE, axis=2), **columns}
    rows = []
    for environment, r2_RK in columns.items():
        for number, name in enumerate(maps):
            lower, upper = interval(r2_RK[:, number], LEVEL)
            row = {"environment": environment, "map": name, "r2": r2_RK[0, number], "lower": lower, "upper": upper}
            gain = difference(r2_RK, number, 0)
            rows.append(row | {"gain": gain.value, "gain_lower": gain.lower, "gain_upper": gain.upper})
    return pd.DataFrame(rows)


def difference(r2_RK: NDArray, number: int, other: int) -> Gain:
    with np.errstate(invalid="ignore"):  # a draw of individuals that are all alike
        draws = r2_RK[:, number] - r2_RK[:, other]
    return Gain(float(draws[0]), *interval(draws, LEVEL))


def describe(r2_RKE: NDArray, maps: list[str], names: list[str], module: Ladder, ceiling: float | None) -> str:
    """One paragraph."""
    mean_RK = np.nanmean(r2_RKE, axis=2)
    r2 = dict(zip(maps, mean_RK[0], strict=True))
    first, rungs = maps[0], maps[:-1]
    gains = {name: difference(mean_RK, number, 0) for number, name in enumerate(maps)}
    best = max(rungs, key=lambda name: r2[name])
    said = [
        f"On the test part the {first} map explains {r2[first]:.3f} of the variance{of_ceiling(r2[first], ceiling)}."
    ]
    if (gain := gains.get("sparse")) is not None and gain.is_real:
        said.append(f"A sparse one explains more, {gain}: few loci carry much of the additive part.")
    if (gain := gains.get("kronecker")) is not None:
        verb = "learn" if gain.is_real else "gain nothing that is sure"
        said.append(f"Environments {verb} from one another by additive effects, {gain}.")
    lower, _ = interval(mean_RK[:, maps.index(best)], LEVEL)
    if lower > 0:
        said.append(kind_of(gains, rungs, r2, module))
    else:
        said.append(
            "No map is surely better than the mean of each environment: these data do not say what the trait is."
        )
    others = [name for name in rungs if name not in (best, first)]
    said.append(f"The best single map is {best} with {r2[best]:.3f}" + (f"; {listed(others, r2)}." if others else "."))
    if len(names) > 1:
        said.append(by_environment(r2_RKE, maps.index(best), names, best, first))
    weights = module.weight.mean(1).tolist()
    used = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(rungs, weights, strict=True) if weight)
    said.append(f"This run's map ({used}) explains {r2[COMBINED]:.3f}{of_ceiling(r2[COMBINED], ceiling)}.")
    return " ".join(said)


def kind_of(gains: dict[str, Gain], rungs: list[str], r2: dict[str, float], module: Ladder) -> str:
    """Additive, few strong interactions, few latent traits, or diffuse."""
    beyond = [name for name in rungs if name not in ADDITIVE and gains[name].is_real]
    if not beyond:
        return "No map with interactions explains more: as far as these data can tell, the trait is additive."
    best = max(beyond, key=lambda name: r2[name])
    # The simplest kind that is not clearly behind the best.
    for name in ("interactions", "latent"):
        if name in beyond and r2[name] >= r2[best] - WORTH:
            member = module.members[name]
            if isinstance(member, Interactions):
                n = int((member.coefficients != 0).any(1).sum())
                found = f"{n} interactions that a search has found add {gains[name]}: the trait is made of additive effects and "
                return found + ("few strong interactions." if n <= MOST_OF_FEW else "many interactions.")
            if isinstance(member, LatentModule):
                n = member.network.settings[int(member.network.chosen)].n_latents
                return (
                    f"A smooth function of {n} latent additive trait{'s' * (n > 1)} adds {gains[name]}: the trait is such a "
                    "function, and its interactions follow from that."
                )
    behind = [f"{name} {gains[name]}" for name in ("interactions", "latent") if name in gains]
    if len(behind) < 2:
        return f"The {best} map adds {gains[best]}: loci interact."
    return (
        f"The {best} map adds {gains[best]}, more than {' and '.join(behind)}: the interactions are diffuse, neither few strong sets "
        "nor few latent traits."
    )


def of_ceiling(r2: float, ceiling: float | None) -> str:
    return "" if ceiling is None else f" ({r2 / ceiling:.0%} of the noise ceiling {ceiling:.3f})"


def listed(names: list[str], r2: dict[str, float]) -> str:
    return ", ".join(f"{name} {r2[name]:.3f}" for name in names)


def by_environment(r2_RKE: NDArray, number: int, names: list[str], best: str, first: str) -> str:
    gains = {name: difference(r2_RKE[..., column], number, 0) for column, name in enumerate(names)}
    ordered = sorted(names, key=lambda name: gains[name].value)
    n_real = sum(gain.is_real for gain in gains.values())
    return (
        f"{best} is better than {first} in {n_real} of {len(names)} environments; its gain is largest in {ordered[-1]}, "
        f"{gains[ordered[-1]]}, and smallest in {ordered[0]}, {gains[ordered[0]]}."
    )


def draw(table: pd.DataFrame, ceiling: float | None) -> Figure:
    """Test R2 of the maps with their intervals, and the noise ceiling."""
    figure, axes = figures.new_axes(height=0.3 * len(table) + 0.9)
    place = np.arange(len(table))[::-1]
    error = np.abs(table[["lower", "upper"]].to_numpy().T - table["r2"].to_numpy())
    colours = [figures.ORANGE if name == COMBINED else figures.BLUE for name in table["map"]]
    axes.errorbar(table["r2"], place, xerr=error, fmt="none", ecolor=figures.GREY, elinewidth=1)
    axes.scatter(table["r2"], place, color=colours, s=22, zorder=3)
    for x, y in zip(table["lower"], place, strict=True):
        axes.annotate(
            f"{table['r2'].iloc[len(table) - 1 - y]:.3f}",
            (x, y),
            xytext=(-4, -2),
            textcoords="offset points",
            ha="right",
            fontsize=6,
        )
    if ceiling is not None:
        axes.axvline(ceiling, color=figures.GREY, linestyle="--", linewidth=0.8)
        axes.set_title(f"noise ceiling {ceiling:.3f}, dashed", fontsize=7, loc="right")
    axes.margins(x=0.15)
    axes.set_yticks(place, table["map"], fontsize=7)
    axes.set_xlabel("test R2, 95 % intervals")
    return figure
