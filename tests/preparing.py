"""What tests of `gpattention prepare` share: the command in this process, and its data set as arrays."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from gpattention.checks import check_node
from gpattention.config import compose_config, plain_values
from gpattention.errors import InputError
from gpattention.prepare.pipeline import prepare


def prepared(folder: Path, *overrides: str) -> Path:
    """The data set that `gpattention prepare` makes in `folder`/set from files in `folder`."""
    root = [] if any(text.startswith("prepare.root=") for text in overrides) else [f"prepare.root={folder}"]
    values = plain_values(compose_config([f"folder={folder / 'set'}", *root, *overrides], "prepare"))
    check_node("", values, prepare)
    return prepare(**values)


def refusal(folder: Path, *overrides: str) -> str:
    """The message of a refusal, which leaves nothing behind."""
    with pytest.raises(InputError) as error:
        prepared(folder, *overrides)
    assert not (folder / "set").exists()
    assert list(folder.glob("set*")) == []
    return str(error.value)


def genotypes(folder: Path) -> np.ndarray:
    return np.load(folder / "genotypes.npy", allow_pickle=False)


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.tsv", sep="\t", index_col=0)


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def load_writer() -> Callable[..., None]:
    """What writes simulated files in the formats of the published yeast cross."""
    spec = importlib.util.spec_from_file_location("yeast_files", ROOT / "benchmarks" / "yeast_files.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.write_yeast_files
