"""Reader of a prepared data set, the folder that `gpattention prepare` leaves; genotypes stay in their file."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gpattention.checks import check_type
from gpattention.data import prepared_files as files
from gpattention.data.causal_loci import select_causal_loci
from gpattention.data.formats import read_covariates, read_phenotype_tables
from gpattention.data.genotype_phenotype import Coding, GenotypePhenotypeData
from gpattention.errors import InputError
from gpattention.files import cache
from gpattention.files.checksums import file_digest
from gpattention.files.tables import read_cells, read_shape, refuse_other_count
from gpattention.files.untrusted import read_array, read_object

log = logging.getLogger(__name__)

CURE = "prepare it again with overwrite=true"
# By a manifest, among other things.
SAID = {"coding": Coding, "dtype": str, "n_individuals": int, "n_loci": int, "contents": dict[str, str]}


def read_prepared(
    *,
    folder: str,
    loci: Literal["all", "causal"] = "all",
    causal_loci_file: str | None = None,
    environment_file: str | None = None,
    covariates: list[str] | None = None,
    environments: list[str] | None = None,
) -> GenotypePhenotypeData:
    """A prepared data set, its genotypes as a read-only map of their file.

    Args:
        folder: of the data set.
        loci: all, or those listed as `causal` for the environments taken, see `select_causal_loci`.
        causal_loci_file: the list; None takes that of the data set.
        environment_file: table with a row per environment and numeric columns, such as its temperature.
        covariates: columns of `environment_file` to keep; None keeps all.
        environments: columns of the phenotypes to keep; None keeps all.

    Raises:
        InputError: there is no prepared data set in the folder, or its files do not belong together.
    """
    place = Path(folder)
    manifest = read_manifest(place)
    has_error = (place / files.STANDARD_ERRORS).is_file()
    phenotype, error = read_phenotype_tables(
        place / files.PHENOTYPES, place / files.STANDARD_ERRORS if has_error else None, environments
    )
    genotype = map_genotypes(place / files.GENOTYPES, manifest)
    header, names_of_loci = read_shape(place / files.LOCI, least_columns=1)
    table = read_cells(place / files.LOCI, header, header, {header[0]: str}, [])
    refuse_other_count(place / files.LOCI, table, names_of_loci)
    if len(phenotype) != len(genotype) or len(table) != genotype.shape[1]:
        raise InputError(
            f"{folder}: {files.GENOTYPES} is {genotype.shape}, {files.PHENOTYPES} has {len(phenotype)} rows and {files.LOCI} "
            f"{len(table)}: they do not belong together; {CURE}"
        )
    refuse_changed_contents(place, manifest["contents"])
    names = tuple(phenotype.columns)
    data = GenotypePhenotypeData(
        genotype=genotype,
        phenotype=phenotype.to_numpy(),
        individual_ids=tuple(phenotype.index),
        environment_names=names,
        coding=manifest["coding"],
        standard_error=None if error is None else error.loc[phenotype.index].to_numpy(),
        locus_names=tuple(table.iloc[:, 0]),
        loci=table,
        covariates=None if environment_file is None else read_covariates(Path(environment_file), names, covariates),
    )
    if loci == "all":
        return data
    stored = place / files.CAUSAL_LOCI
    if causal_loci_file is None and not stored.is_file():
        raise InputError(f"data.loci=causal: {folder} has no {stored.name}: give data.causal_loci_file")
    return select_causal_loci(data, stored if causal_loci_file is None else Path(causal_loci_file))


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a prepared data set says of itself."""
    path = folder / files.MANIFEST
    if not path.is_file():
        raise InputError(
            f"{folder} holds no prepared data set (no {path.name}): make one with gpattention prepare, or mend data.folder"
        )
    manifest = read_object(path, ("format", *SAID), CURE)
    found = manifest["format"]
    if found != files.FORMAT:
        raise InputError(f"{path}: format {found}, and this version reads format {files.FORMAT}: {CURE}")
    for name, kind in SAID.items():
        check_type(f"{path}: {name}", manifest[name], kind)
    return manifest


def refuse_changed_contents(folder: Path, digests: Mapping[str, str]) -> None:
    """Raise an InputError where a file is no longer what was prepared."""
    for name in files.CONTENTS:
        path = folder / name
        if path.is_file() and remembered_digest(path) != digests.get(name):
            raise InputError(
                f"{path} is not what was prepared ({files.MANIFEST} has another checksum of it): restore it, or {CURE}"
            )


def remembered_digest(path: Path) -> str:
    """SHA-256 of a file, from the cache where it has been read and not touched since."""
    status = path.stat()
    state = {"path": str(path.resolve()), "modified": status.st_mtime_ns, "bytes": status.st_size}
    return str(cache.prepared("digest", state, lambda: {"sha256": np.array(file_digest(path))})["sha256"])


def map_genotypes(path: Path, manifest: dict[str, Any]) -> NDArray:
    """(N, L) alleles as a read-only map, once they are found to be what the manifest says."""
    genotype = read_array(path, CURE, mapped=True)
    said = manifest["dtype"], (manifest["n_individuals"], manifest["n_loci"])
    if (genotype.dtype.name, genotype.shape) != said:
        raise InputError(
            f"{path} is {genotype.dtype.name} {genotype.shape} and its manifest says {said[0]} {said[1]}: {CURE}"
        )
    return genotype
