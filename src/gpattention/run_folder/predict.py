"""Phenotypes of new genotypes from finished runs, without their training data."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from gpattention.checks import name_some
from gpattention.data.coded_rows import CodedRows
from gpattention.data.formats import Genotypes, map_genotypes, read_covariates, with_loci
from gpattention.data.scaling import Scaling, describe_environments, extrapolate_scaling
from gpattention.errors import InputError
from gpattention.files.atomic import write_text
from gpattention.models.environment import EnvironmentCode
from gpattention.output.progress import progress_bar
from gpattention.prepare.genotypes_alone import is_raw, read_raw_genotypes
from gpattention.run_folder.loading import Run, choose_device, load_run, phenotypes_of
from gpattention.run_folder.matching import match_loci
from gpattention.run_folder.predictions import average_predictions
from gpattention.scores.conformal import half_widths

log = logging.getLogger(__name__)


def predict(
    *,
    genotype_file: str,
    run: str | None = None,
    ensemble: list[str] | None = None,
    level: float = 0.9,
    loci_file: str | None = None,
    locus_name_column: str | None = None,
    environment_file: str | None = None,
    output_file: str = "predictions.tsv",
    overwrite: bool = False,
    accelerator: Literal["auto", "cpu", "gpu"] = "auto",
) -> Path:
    """Write predictions for new genotypes; returns the file.

    Args:
        genotype_file: `.npy` or a table with an id column, in the coding of the run; or a PLINK `.bed` or a VCF.
        run: folder of a finished run.
        ensemble: folders of several, whose predictions are averaged; in place of `run`.
        level: share of new phenotypes that lie between `lower` and `upper`, see `conformal.half_widths`.
        loci_file: table that names the columns of an `.npy`; `locus_name_column` is the column with the names.
        environment_file: table with a row per environment and the covariates of the run: predict these environments, new
            ones too, in place of the run's. The run must know environments by their covariates.
        output_file: table of id, environment, predicted phenotype, `sd` of the predictions of an ensemble, and bounds
            `lower` and `upper`, all in original units. Environments without validation values have no bounds.
        overwrite: replace the output file.
        accelerator: where to predict.

    Raises:
        InputError: the runs or the genotypes cannot be used, or the output file is there already.
    """
    output = Path(output_file)
    if output.exists() and (not overwrite or not output.is_file() or output.resolve() == Path(genotype_file).resolve()):
        raise InputError(
            f"{output} is there already: give another output_file, or set overwrite=true to replace a file"
        )
    if (run is None) == (not ensemble):
        raise InputError(f"run={run} and ensemble={ensemble}: give the folder of one run, or those of an ensemble")
    output.parent.mkdir(parents=True, exist_ok=True)
    device = choose_device(accelerator)
    runs = [load_run(folder) for folder in ensemble or [str(run)]]
    refuse_other_environments(runs)
    half_width = half_widths(average_predictions([one.folder for one in runs], "val").reset_index(), level)
    if environment_file is not None:
        runs = [in_environments(one, Path(environment_file)) for one in runs]
    coding, path = runs[0].preprocessing.coding, Path(genotype_file)
    genotypes: Genotypes[Any] = read_raw_genotypes(path, coding) if is_raw(path) else map_genotypes(path, coding)
    if loci_file is not None:
        genotypes, _ = with_loci(genotypes, Path(loci_file), locus_name_column)
    if genotypes.locus_names is None and runs[0].preprocessing.locus_names is not None:
        log.warning(
            "the genotypes have no names of loci: they are matched by position (loci_file names the columns of an .npy)"
        )
    matched = [match_loci(genotypes, one.preprocessing) for one in runs]
    if n_turned := matched[0].n_turned:
        log.info("%s counts the other allele at %d loci: they are turned", path.name, n_turned)
    if n_filled := matched[0].n_filled:
        log.info("%s: %d missing genotypes take the mean of their locus in the run's data", path.name, n_filled)
    predicted = np.stack([predict_phenotypes(one, of.values, device) for one, of in zip(runs, matched, strict=True)])
    n = predicted.shape[1]
    ids = genotypes.individual_ids or tuple(map(str, range(n)))
    environments = runs[0].preprocessing.environment_names
    table = pd.DataFrame(
        {
            "id": np.repeat(ids, len(environments)),
            "environment": np.tile(environments, n),
            "predicted": predicted.mean(axis=0).ravel(),
        }
    )
    if ensemble:
        table["sd"] = predicted.std(axis=0, ddof=1).ravel() if len(runs) > 1 else np.nan
    width = table["environment"].map(half_width).replace(np.inf, np.nan)
    table = table.assign(lower=table["predicted"] - width, upper=table["predicted"] + width)
    if not_known := [name for name in environments if not np.isfinite(half_width.get(name, np.inf))]:
        log.warning("%s: too few validation values for intervals at level %g", name_some(not_known), level)
    write_text(output, table.to_csv(sep="\t", index=False, float_format="%.8g"))
    log.info("%d individuals, %d environments: predictions in %s", len(ids), len(environments), output)
    return output


def refuse_other_environments(runs: list[Run]) -> None:
    """Raise an InputError unless all runs predict the same from genotypes of the same coding."""
    first, *others = runs
    for one in others:
        for key in ("environment_names", "coding"):
            wanted, given = getattr(first.preprocessing, key), getattr(one.preprocessing, key)
            if given != wanted:
                raise InputError(
                    f"ensemble: {one.folder} has {key} {given} and {first.folder} has {wanted}: average runs of the same data"
                )


def in_environments(run: Run, path: Path) -> Run:
    """The run with other environments, known by their covariates alone.

    Mean and sd of one that the run does not have come from quadratic fits on the covariates.
    """
    then = run.preprocessing
    codes = [part for part in run.module.modules() if isinstance(part, EnvironmentCode)]
    if then.covariates is None or not codes or codes[0].by_name:
        raise InputError(
            f"environment_file={path}: the run in {run.folder} knows its environments by name only; fit one with "
            "model.environment_encoding=covariate and data.environment_file"
        )
    new = read_covariates(path, None, list(then.covariates))
    trained = np.array(then.n_train_values) > 0
    known = pd.DataFrame(then.covariates, index=pd.Index(then.environment_names))[trained]
    known_scaling = Scaling(*(values[trained] for values in then.scaling))
    own = dict(zip(then.environment_names, zip(*then.scaling, strict=True), strict=True))
    both = [
        own[name] if name in own else extrapolate_scaling(known.to_numpy(), row, known_scaling)
        for name, row in zip(new.index, new.to_numpy(), strict=True)
    ]
    mean, sd = np.array(both).T
    for name in known:
        outside = new.index[(new[name] < known[name].min()) | (new[name] > known[name].max())]
        if len(outside):
            log.warning("%s is outside the range of training in environment %s", name, name_some(list(outside)))
    codes[0].table = torch.tensor(describe_environments(new, sd, known, known_scaling.sd))
    run.module.environment_names = list(new.index)
    names = {"environment_names": list(new.index), "mean": mean.tolist(), "sd": sd.tolist()}
    return replace(run, preprocessing=replace(then, **names))


def predict_phenotypes(run: Run, genotype: NDArray | CodedRows, device: torch.device) -> NDArray[np.float64]:
    """(N, E) phenotypes in original units for (N, L) genotypes at the loci of the run, with a progress bar."""
    with progress_bar() as bar:
        task = bar.add_task("predicting", total=len(genotype), note="")
        return phenotypes_of(run, genotype, device, lambda n_rows: bar.advance(task, n_rows))
