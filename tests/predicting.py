"""Predictions of new genotypes by a finished run."""

from pathlib import Path

import pandas as pd

from gpattention.run_folder.predict import predict


def predict_to(run_folder, genotype_file, output, **more):
    settings = {
        "run": run_folder and str(run_folder),
        "genotype_file": genotype_file,
        "output_file": output,
        "accelerator": "cpu",
    } | more
    return predict(**{name: str(value) if isinstance(value, Path) else value for name, value in settings.items()})


def read(path):
    return pd.read_csv(path, sep="\t", dtype={"id": str})
