"""With what a run was made: enough to repeat it, and to know why a repetition differs."""

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gpattention.data.training_data import TrainingData
from gpattention.ranks import n_ranks
from gpattention.training.gpmap import GPMap

PACKAGES = ("gpattention", "torch", "lightning", "hydra-core", "numpy")


def made_with(config: Mapping[str, Any], data: TrainingData, module: GPMap) -> dict[str, Any]:
    """Commit, versions, seeds, device and the checksum of the data, as `metrics.json` holds them."""
    seeds = {
        "seed": config["seed"],
        "data.seed": config["data"].get("seed"),
        "data.split_seed": config["data"]["split_seed"],
    }
    return {
        "commit": commit(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "seeds": seeds,
        "device": device_name(module.device),
        "processes": n_ranks(),
        "data_sha256": data_checksum(data),
    }


def data_checksum(data: TrainingData) -> str:
    """SHA-256 of genotypes, phenotypes and split, as they were used."""
    digest = hashlib.sha256()
    for array in (data.data.genotype, data.data.phenotype, *data.split):
        array = np.ascontiguousarray(array)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def commit() -> str | None:
    """The commit of the program where it runs from a checkout, with + after it where files were changed since."""
    here = Path(__file__).resolve().parents[1]
    git = ["git", "-C", str(here)]
    try:
        subprocess.run([*git, "ls-files", "--error-unmatch", __file__], capture_output=True, check=True)
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, check=True, text=True)
        changed = subprocess.run([*git, "status", "--porcelain", "--", str(here)], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if changed.stdout else "")


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({platform.machine()})"
