"""Predictions of genotypes with some of their alleles replaced, and the effects that these come to.

Letters: N backgrounds, L loci, E environments, S sets of loci, K loci in a set.
"""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from gpattention.output.progress import progress_bar

Predict = Callable[[NDArray], NDArray[np.float64]]  # (N, L) genotypes to (N, E) phenotypes

ROWS_AT_ONCE = 16_384


def predict_distinct(predict: Predict, genotype: NDArray) -> NDArray[np.float64]:
    """(N, E) predictions, each genotype that occurs several times being evaluated once."""
    rows = np.ascontiguousarray(genotype)
    as_one = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    _, first, back = np.unique(as_one, return_index=True, return_inverse=True)
    return predict(rows[first])[back]


def contrasts(
    predict: Predict, genotype: NDArray, sets: NDArray[np.int64], what: str
) -> Iterator[tuple[slice, slice, NDArray[np.float64]]]:
    """Effects of sets of K loci in every background, in blocks.

    The sum over all 2^K combinations of the alleles -1 and +1 at the loci of a set of the prediction times the product
    of the alleles: for one locus its effect size (Eq. 11), for two their epistasis, f(+,+) - f(+,-) - f(-,+) + f(-,-).

    Args:
        genotype: (N, L) backgrounds; what they carry at the loci of a set is replaced.
        sets: (S, K) positions of loci.
        what: the work in a word, for the progress bar.

    Yields:
        Which backgrounds, which sets, and their (n, s, E) effects.
    """
    n_backgrounds, n_loci = genotype.shape
    n_sets, size = sets.shape
    alleles = np.array(list(product((-1, 1), repeat=size)), dtype=genotype.dtype)
    signs = alleles.prod(axis=1).astype(np.float64)
    sets_at_once = max(1, min(n_sets, ROWS_AT_ONCE // len(alleles)))
    backgrounds_at_once = max(1, ROWS_AT_ONCE // (len(alleles) * sets_at_once))
    with progress_bar() as bar:
        task = bar.add_task(what, total=n_backgrounds * n_sets, note="")
        for start in range(0, n_backgrounds, backgrounds_at_once):
            background = slice(start, min(start + backgrounds_at_once, n_backgrounds))
            for first in range(0, n_sets, sets_at_once):
                chosen = slice(first, min(first + sets_at_once, n_sets))
                rows = genotype[background, None, None].repeat(chosen.stop - first, 1).repeat(len(alleles), 2)
                number = np.arange(rows.shape[1])[:, None]
                for locus, allele in zip(sets[chosen].T, alleles.T, strict=True):
                    rows[:, number, np.arange(len(alleles)), locus[:, None]] = allele
                predicted = predict_distinct(predict, rows.reshape(-1, n_loci))
                yield background, chosen, np.einsum("nsve,v->nse", predicted.reshape(*rows.shape[:3], -1), signs)
                bar.advance(task, rows.shape[0] * rows.shape[1])
