"""Which sets of an order are tested: all of them, or what heredity says where they take too long."""

import logging
from typing import Literal

import torch
from torch import Tensor

from gpattention import ranks
from gpattention.regressions.interaction_screen import Factors, all_sets, extensions, measured_rate, n_sets
from gpattention.regressions.interaction_search import Search

log = logging.getLogger(__name__)

Heredity = Literal["weak", "strong", "none"]
ORDER_WORDS = {2: "pairs", 3: "sets of three", 4: "sets of four"}


def plan(
    searches: list[Search],
    order: int,
    chosen: list[Tensor],
    lower: list[Factors],
    heredity: Heredity,
    most_candidates: int,
    max_seconds: float,
) -> list[Factors]:
    """What each search tests of an order.

    Args:
        chosen: of each search, the sets of the search one order below.
        lower: what that tested; none of them for pairs.
        heredity, most_candidates, max_seconds: see `Interactions`.

    Raises:
        InputError: the sets cannot be numbered, or the factors of all of them do not fit into memory.
    """
    genotype_LN = searches[0].genotype_LN
    n_loci = len(genotype_LN)
    n = n_sets(n_loci, order)
    rate = ranks.from_first(measured_rate(genotype_LN))
    seconds = sum(search.screen.seconds_of(n, rate) for search in searches)
    if seconds <= max_seconds:
        cure = "prune loci (data.max_correlation), or lower model.max_seconds or model.max_order"
        searches[0].screen.refuse_too_large(n_loci, order, cure)
        log.info("%s: all %s are tested, about %s a round", ORDER_WORDS[order], f"{n:,}", in_words(seconds))
        return [all_sets(torch.arange(n_loci, device=genotype_LN.device), order)] * len(searches)
    too_long = (
        f"{ORDER_WORDS[order]}: all {n:.3g} would take about {in_words(seconds)} a round, model.max_seconds allows "
        f"{in_words(max_seconds)};"
    )
    if heredity == "none":
        log.warning("%s none is tested (model.heredity=none)", too_long)
        empty = torch.empty(0, 1, dtype=torch.long, device=genotype_LN.device)
        return [Factors(empty, empty, False)] * len(searches)
    most = max(2, int(n * max_seconds / seconds))
    if heredity == "strong":
        n_strong = next(m for m in range(n_loci, 0, -1) if n_sets(m, order) <= most or m == order)
        log.warning("%s all of the %d strongest loci are tested (model.heredity=strong)", too_long, n_strong)
        strong = [search.strongest_loci(sets)[:n_strong] for search, sets in zip(searches, chosen, strict=True)]
        return [all_sets(loci.sort().values, order) for loci in strong]
    n_strong = max(1, min(most_candidates, most // n_loci))
    log.warning(
        "%s the %s strongest sets of %d, with each locus, are tested (model.heredity=weak)",
        too_long,
        f"{n_strong:,}",
        order - 1,
    )
    if order == 2:
        return [extensions(search.strongest_loci(search.none)[:n_strong, None], n_loci) for search in searches]
    below = zip(searches, chosen, lower, strict=True)
    return [extensions(one.strongest_sets(order - 1, sets, tested, n_strong), n_loci) for one, sets, tested in below]


def in_words(seconds: float) -> str:
    for size, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "1 s"
