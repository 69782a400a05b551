"""Read what a finished run has learned: effect sizes, epistasis, attention maps."""

import logging
import time
from collections.abc import Callable
from inspect import signature
from pathlib import Path

from gpattention.checks import suggest
from gpattention.errors import InputError
from gpattention.interpret import attention_maps, effects, epistasis, interactions, landscape, latents, orders, series
from gpattention.interpret.fitted_map import Accelerator, open_map, open_replicates
from gpattention.interpret.reading import Reading, write_reading
from gpattention.run_folder.files import READING

log = logging.getLogger(__name__)

# Each takes the map, and of the settings below those that it names.
READINGS: dict[str, Callable[..., Reading]] = {
    "effects": effects.read,
    "epistasis": epistasis.read,
    "interactions": interactions.read,
    "latents": latents.read,
    "orders": orders.read,
    "landscape": landscape.read,
    "attention": attention_maps.read,
    "series": series.read,
}


def read(
    *,
    run: str,
    what: list[str],
    n_backgrounds: int = 1000,
    seed: int = 0,
    n_pairs: int | None = None,
    replicates: list[str] | None = None,
    n_walks: int = 2000,
    root: str | None = None,
    genotype_file: str | None = None,
    loci_file: str | None = None,
    locus_name_column: str | None = None,
    accelerator: Accelerator = "auto",
) -> Path:
    """Write what analyses find in a finished run; returns the folder, `reading` in the run folder.

    Args:
        run: folder of a finished run.
        what: names of analyses, see `READINGS`.
        n_pairs: pairs of loci that `epistasis` looks at, the strongest; None takes all.
        replicates: folders of other runs on the same data, with other seeds, that `epistasis` averages with this one.
        n_walks: random walks along which `orders` evaluates the map, at nine genotypes each.

    The other arguments are those of `open_map`.

    Raises:
        InputError: the run, its data or the genotypes cannot be used, or an analysis cannot be made of this map.
    """
    for name in what:
        if name not in READINGS:
            raise InputError(f"what={name}: {suggest(name, READINGS, 'gpattention read')}")
    if not what:
        raise InputError(f"what is empty: give one or more of {', '.join(READINGS)}")
    fitted = open_map(
        run,
        n_backgrounds=n_backgrounds,
        seed=seed,
        root=root,
        genotype_file=genotype_file,
        loci_file=loci_file,
        locus_name_column=locus_name_column,
        accelerator=accelerator,
    )
    settings = {
        "n_pairs": n_pairs,
        "replicates": open_replicates(fitted, replicates or []),
        "n_walks": n_walks,
        "seed": seed,
    }
    folder = Path(run) / READING
    for name in dict.fromkeys(what):
        start = time.perf_counter()
        function = READINGS[name]
        reading = function(fitted, **{key: settings[key] for key in signature(function).parameters if key in settings})
        write_reading(reading, folder)
        log.info("%s in %.1f s: %s", name, time.perf_counter() - start, ", ".join(f"{n}.tsv" for n in reading.tables))
    log.info("%d backgrounds; results in %s", len(fitted.genotype), folder)
    return folder
