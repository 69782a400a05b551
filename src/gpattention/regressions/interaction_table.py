"""What was found, set by set: sizes, tests, and the sets that cannot be told from it because of linkage.

Letters: N individuals of the training part, L loci, E environments, S sets, A alternatives.
"""

from itertools import product as combinations_of

import numpy as np
import pandas as pd
import torch
from scipy.stats import chi2
from torch import Tensor

from gpattention.data.loci import chromosome_and_position, name_loci
from gpattention.data.training_data import TrainingData
from gpattention.models.products import product_of
from gpattention.regressions.interaction_screen import LARGEST_ORDER, n_tests
from gpattention.regressions.interaction_search import Search, locus_correlation, penalised_base
from gpattention.regressions.term_selection import eliminated, least_squares, solve

LEAST_CORRELATION = 0.9  # of two products that cannot be told apart
LEAST_LOCUS_CORRELATION = 0.85  # of two loci, to look for such products
MOST_ALTERNATIVES = 2000  # looked at for a set
MOST_LISTED = 20
CREDIBLE = 0.95
COLUMNS = ["coefficient", "standard_error", "z", "p_corrected", "variance_explained", "posterior"]


def tabulate(sets: Tensor, coefficients: Tensor, penalty: Tensor, order: Tensor, data: TrainingData) -> pd.DataFrame:
    """A row per environment and set, by falling |z|.

    Columns: `environment`, `order`; `locus_1` to `locus_4`, names, and `position_1` to `position_4`, chromosome and position where
    they are known. `coefficient` of the product of alleles in [-1, 1], in original units, with its `standard_error` and `z`, by
    least squares of all sets of the environment together, additive terms taken out; `p_corrected`, Bonferroni over all sets up to
    the order that was searched; `variance_explained`, the share of the phenotype's variance; `posterior`, the probability that it is
    this set rather than one of its alternatives; `n_alternatives` and `alternatives`, the sets whose products correlate with it by
    more than .9 and that belong to the 95 % credible set, each with its posterior, at most 20.

    Args:
        sets, coefficients, penalty, order: of the map, see `Interactions`.
    """
    rows, weight = data.trained_on
    sets, coefficients = sets.cpu(), coefficients.cpu()
    genotype_LN = torch.from_numpy(np.ascontiguousarray(data.data.genotype[rows].T)).float()
    phenotype = data.scaling.standardise(data.data.phenotype[rows])
    phenotype_EN = torch.from_numpy(np.where(weight > 0, phenotype, 0.0).T)
    weight_EN = torch.from_numpy(weight.T)
    neighbours = Neighbours(genotype_LN)
    parts = []
    for column, name in enumerate(data.data.environment_names):
        mine = sets[coefficients[:, column] != 0]
        if not len(mine):
            continue
        search = Search(genotype_LN, weight_EN[[column]], phenotype_EN[[column]])
        found = describe(search, mine, penalty[[column]].cpu(), neighbours, locus_names(data))
        z = np.asarray(found.pop("z"))
        p = np.minimum(1.0, n_tests(len(genotype_LN), max(2, int(order[column]))) * chi2.sf(z**2, 1))
        found = {"z": z, "p_corrected": p} | found
        for key in ("coefficient", "standard_error"):
            found[key] = np.asarray(found[key]) * data.scaling.sd[column]
        table = pd.DataFrame(
            named(mine, data) | {key: found[key] for key in [*COLUMNS, "n_alternatives", "alternatives"]}
        )
        table.insert(0, "environment", name)
        parts.append(table.sort_values("z", key=abs, ascending=False, kind="stable"))
    if not parts:
        places = [f"{what}_{number + 1}" for what in ("locus", "position") for number in range(LARGEST_ORDER)]
        return pd.DataFrame(columns=["environment", "order", *places, *COLUMNS, "n_alternatives", "alternatives"])
    return pd.concat(parts, ignore_index=True)


def named(sets: Tensor, data: TrainingData) -> dict[str, list]:
    """Order, names and positions of loci."""
    names, places = locus_names(data), locus_places(data)
    columns: dict[str, list] = {"order": [sum(locus >= 0 for locus in loci) for loci in sets.tolist()]}
    for what, of in (("locus", names), ("position", places)):
        for number in range(LARGEST_ORDER):
            columns[f"{what}_{number + 1}"] = ["" if loci[number] < 0 else of[loci[number]] for loci in sets.tolist()]
    return columns


def locus_names(data: TrainingData) -> list[str]:
    return name_loci(data.data.locus_names, data.loci_index.tolist())


def locus_places(data: TrainingData) -> list[str]:
    """`chromosome:position`, the chromosome alone where there are no positions; empty where neither is known."""
    chromosome, position = (None, None) if data.data.loci is None else chromosome_and_position(data.data.loci)
    if chromosome is None:
        return [""] * data.data.n_loci
    if position is None:
        return [str(name) for name in chromosome]
    return [f"{name}:{place}" for name, place in zip(chromosome, position, strict=True)]


class Neighbours:
    """Loci that are nearly one another's copies."""

    def __init__(self, genotype_LN: Tensor) -> None:
        self.correlation = locus_correlation(genotype_LN)

    def alternatives(self, loci: list[int]) -> list[list[int]]:
        """Sets with each locus, or one of those near it; the set itself is the first."""
        most = int(MOST_ALTERNATIVES ** (1 / len(loci)))
        near = []
        for locus in loci:
            order = torch.argsort(self.correlation[locus], descending=True, stable=True)[:most].tolist()
            near.append(
                [locus, *(o for o in order if o != locus and self.correlation[locus, o] > LEAST_LOCUS_CORRELATION)]
            )
        found = dict.fromkeys(tuple(sorted(one)) for one in combinations_of(*near) if len(set(one)) == len(one))
        return [list(one) for one in found]


def describe(
    search: Search, sets: Tensor, penalty_1: Tensor, neighbours: Neighbours, names: list[str]
) -> dict[str, np.ndarray | list]:
    """Of each set of one environment, in standardised units."""
    genotype_LN, n_loci = search.genotype_LN, search.n_loci
    moments = search.moments(sets)
    own = moments.products.diagonal(dim1=1, dim2=2)[0, n_loci:]
    moments = penalised_base(moments, penalty_1, n_loci)
    fit = least_squares(eliminated(moments, n_loci))
    coefficient, error = fit.coefficient[0], fit.standard_error[0]
    all_terms, _ = solve(moments)
    residual = search.residual(sets, all_terms.float())[0].double()
    weight = search.weight_EN[0] / search.weight_EN[0].sum()
    noise = float((weight * residual**2).sum())
    n_values = float(moments.total[0])
    posterior, counts, listed = [], [], []
    for number, set_ in enumerate(sets):
        loci = [locus for locus in set_.tolist() if locus >= 0]
        candidates = torch.tensor(neighbours.alternatives(loci))
        product_AN = product_of(genotype_LN, candidates).double()
        product_AN -= (product_AN @ weight)[:, None]
        variance_A = product_AN**2 @ weight
        correlation_A = product_AN @ (weight * product_AN[0]) / (variance_A * variance_A[0]).clamp_min(1e-30).sqrt()
        kept = torch.nonzero(correlation_A.abs() > LEAST_CORRELATION)[:, 0]
        kept = kept if len(kept) else torch.zeros(1, dtype=torch.long)
        rest = residual + coefficient[number] * product_AN[0]
        z2_A = n_values * (product_AN[kept] @ (weight * rest)) ** 2 / (variance_A[kept] * noise).clamp_min(1e-300)
        share = single_effect(z2_A, float(coefficient[number] ** 2), float(error[number] ** 2))
        ranked = torch.argsort(share, descending=True, stable=True)
        n_credible = int((share[ranked].cumsum(0) < CREDIBLE).sum()) + 1
        others = [(int(kept[i]), float(share[i])) for i in ranked[:n_credible].tolist() if kept[i] != 0]
        posterior.append(float(share[kept == 0][0]) if (kept == 0).any() else 1.0)
        counts.append(len(others))
        words = [
            f"{':'.join(names[locus] for locus in candidates[a].tolist())} ({p:.2f})" for a, p in others[:MOST_LISTED]
        ]
        listed.append("; ".join(words))
    return {
        "coefficient": coefficient.numpy(),
        "standard_error": error.numpy(),
        "z": fit.z[0].numpy(),
        "variance_explained": (coefficient**2 * own / moments.square[0]).numpy(),
        "posterior": np.array(posterior),
        "n_alternatives": counts,
        "alternatives": listed,
    }


def single_effect(z2_A: Tensor, squared_effect: float, squared_error: float) -> Tensor:
    """(A,) posterior probabilities that a single effect is that of each, all as likely before (Wang et al. 2020).

    The prior variance of the effect is the one that makes the chosen one's estimate most likely.
    """
    variance = max(squared_effect - squared_error, 0.0)
    log_factor = 0.5 * z2_A * variance / (variance + squared_error)
    return torch.softmax(log_factor, 0)
