"""`gpattention prepare`: raw files in, one prepared data set out."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.checks import check_node, name_some, refuse_repeats
from gpattention.data import prepared_files as files
from gpattention.data.formats import join_ids
from gpattention.errors import InputError
from gpattention.files.atomic import write_json, write_text
from gpattention.files.checksums import file_digest
from gpattention.hydra_targets import find_target
from gpattention.prepare.calls import Settler, Wanted
from gpattention.prepare.filters import Filters, apply_filters
from gpattention.prepare.folder import new_folder, refuse_taken
from gpattention.prepare.source import RAW_DATA, RawData
from gpattention.prepare.stage import Stage, stage_genotypes
from gpattention.prepare.writer import write_genotypes

log = logging.getLogger(__name__)

MOST_DESCRIBED = 20  # environments with a line of their own


def prepare(
    *,
    prepare: dict[str, Any],
    folder: str,
    genotype: Wanted = "dosage",
    seed: int = 0,
    missing: Literal["mean", "drop"] = "mean",
    min_individual_call_rate: float | None = None,
    min_locus_call_rate: float | None = None,
    min_allele_frequency: float | None = None,
    max_uncertainty: float | None = None,
    on_missing_id: Literal["error", "drop"] = "error",
    overwrite: bool = False,
) -> Path:
    """Write a prepared data set; returns its folder.

    Genotypes are read once, block by block, into a file beside the final one; what is kept of them is decided from
    counts over that file. Nothing has the name `folder` before all of it is there; an interrupted attempt is begun anew.

    Args:
        prepare: what reads the raw files, and its keys; see the functions named in `conf/prepare`.
        folder: that the data set gets.
        genotype: `dosage`, `hard` calls, or calls `sampled` from the dosages.
        seed: of `sampled`.
        missing: a genotype still missing after the filters becomes the `mean` of its locus, or its locus goes (`drop`).
        on_missing_id: what to do with an id that only the genotypes or only the phenotypes have.

    The other arguments are those of `Filters`.

    Raises:
        InputError: the raw files cannot be used, or nothing would be left of them.
    """
    refuse_taken(Path(folder), overwrite)
    open_raw = find_target(RAW_DATA, prepare)
    check_node("prepare", prepare, open_raw)
    raw: RawData = open_raw(**{key: value for key, value in prepare.items() if key != "_target_"})
    source = raw.genotypes
    filters = Filters(
        min_individual_call_rate, min_locus_call_rate, min_allele_frequency, max_uncertainty, missing == "drop"
    )
    filters.check(source.dtype is np.float32 and source.ploidy == 1)
    with new_folder(Path(folder), overwrite) as partial:
        stage = stage_genotypes(source, partial / "genotypes.stage")
        loci = source.loci()
        refuse_repeats(loci.iloc[:, 0].tolist(), f"{source.files[0]}: locus")
        joined = join(source.individual_ids(), raw, stage, on_missing_id)
        kept = apply_filters(stage, joined.rows, filters)
        is_call = genotype != "dosage" or (stage.dtype == np.int8 and not kept.n_missing)
        dtype = np.int8 if is_call else np.float16
        settler = Settler(genotype, source.ploidy, dtype, np.random.default_rng(seed))
        write_genotypes(stage, kept, settler, partial / files.GENOTYPES)
        ids = [name for name, stays in zip(joined.ids, kept.individuals[joined.rows], strict=True) if stays]
        write_tables(partial, raw, ids, loci[kept.loci])
        manifest = {
            "format": files.FORMAT,
            "version": version("gpattention"),
            "source": prepare["_target_"],
            "files": {path.name: file_digest(path) for path in (*source.files, *raw.phenotypes.files, *raw.files)},
            "genotype": genotype,
            "seed": seed if genotype == "sampled" else None,
            "missing": missing,
            "filters": {name: value for name, value in filters._asdict().items() if name != "drop_missing"},
            "coding": source.coding,
            "ploidy": source.ploidy,
            "dtype": np.dtype(dtype).name,
            "n_individuals": len(ids),
            "n_loci": int(kept.loci.sum()),
            "n_missing_genotypes": kept.n_missing,
            "dropped_individuals": kept.dropped_individuals | {"no genotypes": joined.n_without_genotypes},
            "dropped_loci": dict(source.left_out) | kept.dropped_loci,
            "n_measured": raw.phenotypes.values.loc[ids].notna().sum().to_dict(),
            "phenotypes": raw.phenotypes.values.loc[ids].agg(["min", "mean", "max"]).to_dict(),
        }
        contents = {name: file_digest(partial / name) for name in files.CONTENTS if (partial / name).is_file()}
        write_json(partial / files.MANIFEST, manifest | {"contents": contents})
    log.info("%s", describe(manifest))
    log.info("train from it with: data=prepared data.folder=%s", folder)
    return Path(folder)


@dataclass(frozen=True)
class Joined:
    """Which of the (N,) individuals with genotypes have phenotypes, and their ids in the order of the genotypes."""

    rows: NDArray[np.bool_]
    ids: tuple[str, ...]
    n_without_genotypes: int


def join(
    genotype_ids: Sequence[str] | None, raw: RawData, stage: Stage, on_missing_id: Literal["error", "drop"]
) -> Joined:
    """Match genotypes and phenotypes by id, or by order where the genotypes have no ids."""
    phenotype_ids = tuple(raw.phenotypes.values.index)
    place, phenotype_file = raw.genotypes.files[0], raw.phenotypes.files[0]
    if genotype_ids is None:
        if len(phenotype_ids) != stage.n_individuals:
            raise InputError(
                f"{place} has {stage.n_individuals} rows and {phenotype_file} has {len(phenotype_ids)}: an array without "
                "ids goes by row order and needs as many rows"
            )
        return Joined(np.ones(stage.n_individuals, dtype=bool), phenotype_ids, 0)
    shared = join_ids(tuple(genotype_ids), phenotype_ids, place, phenotype_file, on_missing_id, "on_missing_id")
    known = set(shared)
    rows = np.array([name in known for name in genotype_ids])
    return Joined(rows, shared, len(phenotype_ids) - len(shared))


def write_tables(folder: Path, raw: RawData, ids: list[str], loci: pd.DataFrame) -> None:
    """Everything but the genotypes and the manifest."""

    def write(name: str, table: pd.DataFrame, index_label: str | None = None) -> None:
        write_text(folder / name, table.to_csv(sep="\t", index=index_label is not None, index_label=index_label))

    write(files.PHENOTYPES, raw.phenotypes.values.loc[ids], "id")
    if raw.phenotypes.standard_error is not None:
        write(files.STANDARD_ERRORS, raw.phenotypes.standard_error.loc[ids], "id")
    write(files.LOCI, loci)
    if raw.split is not None:
        write(files.SPLIT, pd.DataFrame({"id": ids, "split": [raw.split[name] for name in ids]}))
    if raw.causal_loci is not None:
        write(files.CAUSAL_LOCI, raw.causal_loci)


def describe(manifest: dict[str, Any]) -> str:
    """What was made, in a few lines."""
    lines = [
        f"{manifest['n_individuals']:,} individuals, {manifest['n_loci']:,} loci ({manifest['dtype']}), "
        f"environments: {name_some(list(manifest['n_measured']), 20)}"
    ]
    for name, of in list(manifest["phenotypes"].items())[:MOST_DESCRIBED]:
        range_of = f"from {of['min']:.4g} to {of['max']:.4g}, mean {of['mean']:.4g}"
        lines.append(f"{name}: {manifest['n_measured'][name]:,} values {range_of}")
    for what in ("individuals", "loci"):
        dropped = {reason: n for reason, n in manifest[f"dropped_{what}"].items() if n}
        if dropped:
            lines.append(f"{what} left out: " + ", ".join(f"{n:,} ({reason})" for reason, n in dropped.items()))
    if manifest["n_missing_genotypes"]:
        lines.append(f"{manifest['n_missing_genotypes']:,} missing genotypes filled from the mean of their locus")
    return "\n".join(lines)
