"""Effect sizes of loci: what a map predicts with one allele and with the other (Eq. 11; Figs. 2d, A3, A5).

Letters: N backgrounds, L loci, E environments.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gpattention.interpret.fitted_map import FittedMap
from gpattention.interpret.genome import Genome, lay_out, mark_chromosomes
from gpattention.interpret.reading import Reading
from gpattention.interpret.substitutions import Predict, contrasts
from gpattention.output import figures

N_NAMED = 5  # loci named in the figure: those with the largest effects
MOST_POINTS = 20_000


def effect_sizes(predict: Predict, genotype: NDArray, n_environments: int) -> NDArray[np.float64]:
    """(N, L, E): the prediction with allele +1 minus that with -1 at each locus of each background (Eq. 11)."""
    n, n_loci = genotype.shape
    effect = np.empty((n, n_loci, n_environments))
    for background, locus, values in contrasts(predict, genotype, np.arange(n_loci)[:, None], "effect sizes"):
        effect[background, locus] = values
    return effect


def read(fitted: FittedMap) -> Reading:
    """Effect sizes in original units; for simulated data, those of the true map beside them.

    Tables:
        effects: a row per environment and locus. `effect` is the mean over backgrounds, `sd` the standard deviation over
            them (0 for an additive map), `standard_error` that of the mean, `true_effect` and `true_sd` those of the
            true map.
        effects_agreement: for simulated data, a row per environment: Pearson's correlation with the true effects and the
            slope of the map's on the true ones, per background and averaged over them.

    Arrays:
        effects_by_background: `effect` (N, L, E) and, for simulated data, `true_effect`; `background` (N,), `locus` (L,)
            and `environment` (E,) names.
    """
    names = fitted.environment_names
    effect = effect_sizes(fitted.predict, fitted.genotype, len(names))
    arrays = {
        "effect": effect.astype(np.float32),
        "background": np.array(fitted.ids),
        "locus": fitted.loci["locus"].to_numpy(str),
        "environment": np.array(names),
    }
    true_effect = None if fitted.truth is None else effect_sizes(fitted.truth, fitted.genotype, len(names))
    table = tabulate(effect, fitted.loci, names, true_effect)
    tables = {"effects": table}
    drawn = {"effects": draw(table, lay_out(fitted.loci))}
    if true_effect is not None:
        arrays["true_effect"] = true_effect.astype(np.float32)
        tables["effects_agreement"] = agreement(effect, true_effect, names)
        drawn["effects_agreement"] = draw_agreement(effect, true_effect, tables["effects_agreement"])
    return Reading(tables, drawn, {"effects_by_background": arrays})


def tabulate(
    effect: NDArray[np.float64],
    loci: pd.DataFrame,
    environment_names: list[str],
    true_effect: NDArray[np.float64] | None = None,
) -> pd.DataFrame:
    """The table `effects` from (N, L, E) effect sizes."""
    parts = []
    for column, name in enumerate(environment_names):
        part = pd.concat([pd.Series([name] * len(loci), name="environment"), loci], axis=1)
        part["effect"] = effect[:, :, column].mean(axis=0)
        part["sd"] = effect[:, :, column].std(axis=0)
        part["standard_error"] = part["sd"] / np.sqrt(len(effect))
        if true_effect is not None:
            part["true_effect"] = true_effect[:, :, column].mean(axis=0)
            part["true_sd"] = true_effect[:, :, column].std(axis=0)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def agreement(
    effect: NDArray[np.float64], true_effect: NDArray[np.float64], environment_names: list[str]
) -> pd.DataFrame:
    """The table `effects_agreement` from (N, L, E) effect sizes of a map and of the true one."""
    rows = []
    for column, name in enumerate(environment_names):
        mine, true = effect[:, :, column], true_effect[:, :, column]
        row: dict[str, str | float] = {"environment": name}
        for suffix, x, y in (
            ("per_background", true.ravel(), mine.ravel()),
            ("averaged", true.mean(axis=0), mine.mean(axis=0)),
        ):
            varies = np.ptp(x) > 0 and np.ptp(y) > 0
            row[f"pearson_{suffix}"] = float(np.corrcoef(x, y)[0, 1]) if varies else np.nan
            row[f"slope_{suffix}"] = float(np.cov(x, y)[0, 1] / x.var(ddof=1)) if np.ptp(x) > 0 else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame, genome: Genome) -> Figure:
    """Effects along the genome, a panel per environment; bars are standard deviations over backgrounds."""
    names = list(dict.fromkeys(table["environment"]))
    figure, panels = figures.new_panels(len(names), width=figures.COLUMN_INCHES * 1.4, height=2.2)
    for axes, name in zip(panels, names, strict=True):
        draw_along_genome(axes, table[table["environment"] == name], genome)
        axes.set_title(name, fontsize=8)
    return figure


def draw_along_genome(axes: Axes, part: pd.DataFrame, genome: Genome) -> None:
    for parity, colour in enumerate((figures.BLUE, figures.ORANGE)):
        here = genome.chromosome % 2 == parity
        x, y, sd = genome.position[here], part["effect"].to_numpy()[here], part["sd"].to_numpy()[here]
        axes.vlines(x, y - sd, y + sd, color=colour, linewidth=0.6, alpha=0.5)
        axes.scatter(x, y, s=7, color=colour, linewidths=0)
    axes.axhline(0, color=figures.GREY, linewidth=0.6)
    mark_chromosomes(axes, genome)
    axes.set_ylabel("effect size", fontsize=8)
    effect = part["effect"].to_numpy()
    largest = np.argsort(-abs(effect))[:N_NAMED]
    figures.name_points(axes, genome.position, effect, {row: part["locus"].iloc[row] for row in largest}, size=5)


def draw_agreement(effect: NDArray[np.float64], true_effect: NDArray[np.float64], table: pd.DataFrame) -> Figure:
    """Effect sizes against the true ones: per background, and averaged over them (Fig. 2d); a row per environment."""
    figure, panels = figures.new_panels(2 * len(table), width=2.4, height=2.3, n_columns=2)
    rng = np.random.default_rng(0)
    for column, row in enumerate(table.itertuples()):
        mine, true = effect[:, :, column], true_effect[:, :, column]
        shown = rng.permutation(mine.size)[:MOST_POINTS]
        pairs = (
            ("per background", true.ravel()[shown], mine.ravel()[shown], row.pearson_per_background, 1.5),
            ("averaged", true.mean(axis=0), mine.mean(axis=0), row.pearson_averaged, 8),
        )
        for axes, (what, x, y, pearson, size) in zip(panels[2 * column :], pairs, strict=False):
            axes.scatter(x, y, s=size, color=figures.BLUE, alpha=0.3 if size < 2 else 1, linewidths=0, rasterized=True)
            ends = [min(x.min(), y.min()), max(x.max(), y.max())]
            axes.plot(ends, ends, color=figures.GREY, linewidth=0.8)
            axes.set_title(f"{row.environment}, {what}: Pearson {pearson:.3f}", fontsize=7)
            axes.locator_params(nbins=4)
            axes.set_xlabel("true effect size", fontsize=8)
            axes.set_ylabel("effect size of the map", fontsize=8)
    return figure
