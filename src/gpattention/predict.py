"""Phenotypes of new genotypes from a finished run, without its training data."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gpattention.artifacts import Preprocessing, Run, load_run
from gpattention.config import explain
from gpattention.data.formats import Genotypes, read_genotypes, read_loci
from gpattention.data.genotype_phenotype import name_some
from gpattention.errors import InputError
from gpattention.progress import progress_bar

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 1024


def predict(cfg: DictConfig) -> Path:
    """Write predictions for the genotypes that the configuration names; returns the file.

    Raises:
        InputError: the run or the genotypes cannot be used, or the output file is there already.
    """
    try:
        OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise InputError(explain(error)) from error
    output = Path(cfg.output_file)
    if output.exists() and not cfg.overwrite:
        raise InputError(f"{output} is there already: set overwrite=true to replace it, or give another output_file")
    run = load_run(cfg.run)
    genotypes = read_genotypes(Path(cfg.genotype_file), run.preprocessing.coding)
    names = genotypes.locus_names
    if cfg.loci_file is not None:
        _, names = read_loci(Path(cfg.loci_file), cfg.locus_name_column, genotypes)
    values = match_loci(genotypes, names, run.preprocessing)
    predicted = predict_phenotypes(run, values, choose_device(cfg.accelerator))
    ids = genotypes.individual_ids or tuple(map(str, range(len(values))))
    environments = run.preprocessing.environment_names
    table = pd.DataFrame(
        {
            "id": np.repeat(ids, len(environments)),
            "environment": np.tile(environments, len(ids)),
            "predicted": predicted.ravel(),
        }
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(output, sep="\t", index=False, float_format="%.8g")
    log.info("%d individuals, %d environments: predictions in %s", len(ids), len(environments), output)
    return output


def match_loci(genotypes: Genotypes, names: tuple[str, ...] | None, wanted: Preprocessing) -> NDArray:
    """(N, L) genotypes at the loci of the run, by name where both have names, else by position."""
    values = genotypes.values
    if names is not None and wanted.locus_names is not None:
        position = {name: column for column, name in enumerate(names)}
        missing = [name for name in wanted.locus_names if name not in position]
        if missing:
            raise InputError(
                f"the genotypes lack {len(missing)} of the run's {len(wanted.locus_names)} loci: {name_some(missing)}; add them"
            )
        return values[:, [position[name] for name in wanted.locus_names]]
    if values.shape[1] != wanted.n_columns:
        raise InputError(
            f"the genotypes have {values.shape[1]} columns and the run was trained on {wanted.n_columns}: give the same "
            "columns in the same order, or name the loci (a table with a header, or loci_file)"
        )
    return values[:, wanted.loci_index]


def predict_phenotypes(run: Run, genotype: NDArray, device: torch.device) -> NDArray[np.float64]:
    """(N, E) phenotypes in original units for (N, L) genotypes at the loci of the run."""
    module = run.module.to(device)
    predicted = []
    with torch.inference_mode(), progress_bar() as bar:
        task = bar.add_task("predicting", total=len(genotype), note="")
        for start in range(0, len(genotype), ROWS_AT_ONCE):
            rows = torch.from_numpy(np.ascontiguousarray(genotype[start : start + ROWS_AT_ONCE])).to(device)
            predicted.append(module(rows.float()).cpu().numpy())
            bar.advance(task, len(rows))
    return run.preprocessing.scaling.restore(np.concatenate(predicted))


def choose_device(accelerator: str) -> torch.device:
    available = torch.cuda.is_available()
    if accelerator not in ("auto", "cpu", "gpu") or (accelerator == "gpu" and not available):
        raise InputError(
            f"accelerator={accelerator}: give auto or cpu{', or gpu' if available else ' (there is no GPU here)'}"
        )
    return torch.device("cuda" if available and accelerator != "cpu" else "cpu")
