"""A finished run as the analyses see it: a function of genotypes, and the backgrounds to look at it in."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from gpattention.data.formats import read_genotypes, with_loci
from gpattention.data.loci import name_loci
from gpattention.data.phenotypes import true_phenotypes
from gpattention.data.training_data import TrainingData
from gpattention.errors import InputError
from gpattention.files.checksums import file_digest
from gpattention.run_folder.files import IDENTITY, SPLITS, TRUTH, Preprocessing, read_arrays_of, read_object_of
from gpattention.run_folder.identity import PREPARED, input_files
from gpattention.run_folder.loading import Run, choose_device, load_run, phenotypes_of
from gpattention.run_folder.matching import match_loci
from gpattention.runs.build import build_data

Accelerator = Literal["auto", "cpu", "gpu"]


@dataclass(frozen=True)
class Truth:
    """The map that phenotypes were simulated from.

    Attributes:
        arrays: of `truth.npz`, by name.
    """

    arrays: dict[str, NDArray]

    def __call__(self, genotype: NDArray) -> NDArray[np.float64]:
        """(N, L) genotypes to (N, E) noiseless phenotypes."""
        return true_phenotypes(genotype, self.arrays)

    @property
    def interacting_loci(self) -> NDArray[np.int64]:
        """(M, order) positions of the loci of each interacting set."""
        return self.arrays["interacting_loci"]


@dataclass(frozen=True)
class FittedMap:
    """A run, and the individuals in whose genotypes it is read.

    Attributes:
        run: as `load_run` gives it.
        genotype: (N, L) backgrounds, alleles in [-1, 1].
        ids: of the backgrounds.
        loci: a row per locus: `locus`, and whatever else is known, such as `chromosome` and `position_bp`.
        device: where to predict.
        data: the data that the run was fitted to; None where the backgrounds come from a file.
        truth: what the phenotypes were simulated from; None for measured ones.
    """

    run: Run
    genotype: NDArray
    ids: tuple[str, ...]
    loci: pd.DataFrame
    device: torch.device
    data: TrainingData | None = None
    truth: Truth | None = None

    @property
    def environment_names(self) -> list[str]:
        return self.run.preprocessing.environment_names

    def predict(self, genotype: NDArray) -> NDArray[np.float64]:
        """(N, L) genotypes to (N, E) phenotypes in original units."""
        return phenotypes_of(self.run, genotype, self.device)


def open_map(
    folder: str | Path,
    *,
    n_backgrounds: int = 1000,
    seed: int = 0,
    root: str | None = None,
    genotype_file: str | None = None,
    loci_file: str | None = None,
    locus_name_column: str | None = None,
    accelerator: Accelerator = "auto",
) -> FittedMap:
    """A finished run with backgrounds to read it in.

    Args:
        folder: of the run.
        n_backgrounds: individuals drawn, without replacement and with `seed`, from the run's test part or the file; all
            of them where there are fewer.
        root: where the run's data are now, if their folder moved; takes the place of `data.root`.
        genotype_file: take the backgrounds from this file rather than from the run's data, which are then not needed.
        loci_file, locus_name_column: as in `predict`.

    Raises:
        InputError: the run or its data are not there or not what they were, or the genotypes do not fit the run.
    """
    if n_backgrounds < 1:
        raise InputError(f"n_backgrounds={n_backgrounds}: give a number from 1 on")
    run = load_run(folder)
    device = choose_device(accelerator)
    if genotype_file is not None:
        genotypes = read_genotypes(Path(genotype_file), run.preprocessing.coding)
        loci = None
        if loci_file is not None:
            genotypes, loci = with_loci(genotypes, Path(loci_file), locus_name_column)
        genotype = match_loci(genotypes, run.preprocessing).values
        ids = genotypes.individual_ids or tuple(map(str, range(len(genotype))))
        data = None
        loci = None if loci is None else loci.set_axis(pd.Index(genotypes.locus_names))
    else:
        data = data_of(run, root)
        rows = data.split.test
        genotype, ids = data.data.genotype[rows], tuple(data.data.individual_ids[row] for row in rows)
        loci = data.data.loci
        loci = None if loci is None else loci.set_axis(pd.Index(run.preprocessing.locus_names))
    drawn = np.sort(np.random.default_rng(seed).permutation(len(genotype))[:n_backgrounds])
    return FittedMap(
        run=run,
        genotype=np.ascontiguousarray(genotype[drawn]),
        ids=tuple(ids[row] for row in drawn),
        loci=describe_loci(run.preprocessing, loci),
        device=device,
        data=data,
        truth=truth_of(run),
    )


def describe_loci(preprocessing: Preprocessing, known: pd.DataFrame | None) -> pd.DataFrame:
    """A row per locus of the run, its name in the column `locus`; without names they are numbered from 1."""
    names = name_loci(preprocessing.locus_names, preprocessing.loci_index)
    table = pd.DataFrame({"locus": names})
    if known is None or preprocessing.locus_names is None:
        return table
    rest = known.loc[names].drop(columns="locus", errors="ignore").reset_index(drop=True)
    return pd.concat([table, rest], axis=1)


def data_of(run: Run, root: str | None = None) -> TrainingData:
    """The data that a run was fitted to, read or simulated again.

    Raises:
        InputError: a file is not there, or has changed since.
    """
    config = dict(run.config)
    if root is not None:
        place = next((key for key in ("root", PREPARED) if key in config["data"]), None)
        if place is None:
            raise InputError(f"root={root}: the data of {run.folder} are simulated and lie in no folder; leave it out")
        config["data"] = config["data"] | {place: root}
    known = read_object_of(run.folder, IDENTITY)
    for key, path in input_files(config["data"]).items():
        if not path.is_file():
            raise InputError(
                f"{path}, the data.{key} of {run.folder}, is not there: give root=FOLDER, where the folder "
                f"{config['data'].get('root') or path.parent} now is, or a genotype_file to read the map in"
            )
        if file_digest(path) != known.get(f"data.{key}"):
            raise InputError(
                f"{path} is not the data.{key} that {run.folder} was fitted to (its SHA-256 differs): give root=FOLDER where "
                "that lies, or fit the map again"
            )
    data = build_data(config)
    ids = read_arrays_of(run.folder, SPLITS, ("individual_ids",))["individual_ids"]
    if ids.tolist() != list(data.data.individual_ids) or data.loci_index.tolist() != run.preprocessing.loci_index:
        raise InputError(
            f"the data of {run.folder} come out otherwise than when it was fitted (by another version of the program?): "
            "fit the map again, or give a genotype_file to read it in"
        )
    return data


def truth_of(run: Run) -> Truth | None:
    """The map that the phenotypes of a run were simulated from, where all its loci are those of the run."""
    if not (run.folder / TRUTH).is_file() or len(run.preprocessing.loci_index) != run.preprocessing.n_columns:
        return None
    if run.config.get("fit_on_residual_of") is not None:  # fitted to another phenotype than was simulated
        return None
    return Truth(read_arrays_of(run.folder, TRUTH))


def open_replicates(fitted: FittedMap, folders: list[str]) -> list[FittedMap]:
    """The same backgrounds with other runs, of the same loci and environments: fits with other seeds, or of other models.

    Raises:
        InputError: a run has other loci or environments.
    """
    others = [replace(fitted, run=load_run(folder)) for folder in folders]
    for other in others:
        for key in ("loci_index", "locus_names", "environment_names", "coding"):
            if getattr(other.run.preprocessing, key) != getattr(fitted.run.preprocessing, key):
                raise InputError(
                    f"replicates: {other.run.folder} has other {key.replace('_', ' ')} than {fitted.run.folder}: give runs on the "
                    "same data"
                )
    return others
