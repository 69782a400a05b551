"""A run from its folder, and its map from the checkpoint, which is believed in nothing: neither classes nor sizes nor numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import OmegaConf

from gpattention.checks import check_node, check_type
from gpattention.config import GIVEN, check_config
from gpattention.data.coded_rows import CodedRows
from gpattention.errors import InputError
from gpattention.files.checksums import refuse_changed
from gpattention.files.untrusted import UNREADABLE, read_yaml
from gpattention.hydra_targets import find_target
from gpattention.run_folder.files import (
    CHECKPOINT,
    CONFIG,
    MEND,
    METRICS,
    PREPROCESSING,
    refuse_incomplete,
    refuse_run_of_another_format,
)
from gpattention.run_folder.preprocessing import Preprocessing
from gpattention.training.checkpoints import read_checkpoint
from gpattention.training.gpmap import MAPS, GPMap
from gpattention.training.kinds import module_class

PROBE = 2  # individuals that a restored map is tried on


ROWS_AT_ONCE = 1024


# What comes of reading files that are cut off, empty or not what their names say.
DAMAGED = (*UNREADABLE, AttributeError, ImportError, IndexError)


@dataclass(frozen=True)
class Run:
    """A finished run: its resolved configuration, its fitted map and how to prepare genotypes for it."""

    folder: Path
    config: dict[str, Any]
    module: GPMap
    preprocessing: Preprocessing


def load_run(folder: Path | str) -> Run:
    """The run in a folder; needs nothing but the folder.

    Raises:
        InputError: the folder is not there, not complete, damaged, or of another version.
    """
    folder = Path(folder)
    refuse_incomplete(folder, (METRICS, CONFIG, PREPROCESSING, CHECKPOINT))
    refuse_changed(folder, METRICS, CONFIG, PREPROCESSING, CHECKPOINT)
    refuse_run_of_another_format(folder)
    try:
        config = read_config(folder)
        module = restore(module_class(config["model"]), read_checkpoint(folder / CHECKPOINT))
        preprocessing = Preprocessing.read(folder / PREPROCESSING, MEND)
        if len(preprocessing.loci_index) != module.hparams["n_loci"]:
            raise ValueError(f"{PREPROCESSING} and {CHECKPOINT} have different numbers of loci")
        if preprocessing.environment_names != module.environment_names:
            raise ValueError(f"{PREPROCESSING} and {CHECKPOINT} have different environments")
    except DAMAGED as error:
        raise damaged(folder, error) from error
    return Run(folder, config, module, preprocessing)


def damaged(folder: Path, error: Exception) -> InputError:
    """What to say of a run whose files are not what their names say."""
    kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
    reason = kind + str(error).partition("\n")[0].removesuffix(f": {MEND}")
    return InputError(f"{folder} is damaged ({reason}): {MEND}")


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a run, checked as one from the command line is."""
    content = read_yaml(folder / CONFIG, MEND)
    if not isinstance(content, dict) or "${" in str(content):
        raise InputError(f"{folder / CONFIG} is not the resolved configuration of a run: {MEND}")
    config = check_config(OmegaConf.create(content | {"overwrite": False, "resume": "never"}))
    return {key: config[key] for key in content}


def restore(kind: type[GPMap], checkpoint: dict[str, Any]) -> GPMap:
    """The map of a checkpoint, in evaluation mode.

    Its hyper-parameters are checked as a configuration's are. It is first built without memory, so that sizes that are not
    those of the parameters are found before anything of these sizes is made.

    Raises:
        InputError: it is not the checkpoint of such a map, or holds numbers that are not finite.
    """
    settings, state = part(checkpoint, "hyper_parameters"), part(checkpoint, "state_dict")
    check_node("hyper_parameters", settings, kind.__init__)
    if "model" in settings:
        network = find_target(MAPS, settings["model"]).__init__
        check_node("model", settings["model"], network, given=GIVEN["model"])
    for name, values in state.items():
        refuse_unsound(name, values)
    with torch.device("meta"):
        refuse_other_sizes(build(kind, settings, checkpoint), state)
    module = build(kind, settings, checkpoint)
    module.load_state_dict(state)
    module.train(False)
    refuse_unusable(module, settings["n_loci"])
    return module


def part(checkpoint: dict[str, Any], name: str) -> dict[str, Any]:
    found = checkpoint.get(name) if isinstance(checkpoint, dict) else None
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise InputError(f"it has no {name}")
    return dict(found)


def build(kind: type[GPMap], settings: dict[str, Any], checkpoint: dict[str, Any]) -> GPMap:
    module = kind(**settings)
    module.on_load_checkpoint(checkpoint)
    return module


def refuse_unsound(name: str, values: Any) -> None:
    """Raise an InputError unless this is a tensor that has all the values of its shape, and all are finite."""
    if not isinstance(values, torch.Tensor) or values.layout is not torch.strided:
        raise InputError(f"its {name} is no tensor")
    if values.numel() * values.element_size() > values.untyped_storage().nbytes():
        raise InputError(f"its {name} has fewer values than its shape {tuple(values.shape)} says")
    if not torch.isfinite(values).all():
        raise InputError(f"its {name} has values that are not finite")


def refuse_other_sizes(planned: GPMap, state: dict[str, torch.Tensor]) -> None:
    """Raise an InputError unless the parameters have the names and shapes that the map's have."""
    wanted = {name: tuple(values.shape) for name, values in planned.state_dict().items()}
    found = {name: tuple(values.shape) for name, values in state.items()}
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            raise InputError(f"its {name} is {found.get(name)}, where its hyper-parameters make it {wanted.get(name)}")


def refuse_unusable(module: GPMap, n_loci: int) -> None:
    """Raise an InputError unless it gives a finite phenotype for each environment."""
    with torch.inference_mode():
        try:
            predicted = module(torch.zeros(PROBE, n_loci))
        except (RuntimeError, IndexError, ValueError, TypeError, AttributeError) as error:
            raise InputError(f"it cannot be applied ({str(error).partition(chr(10))[0]})") from error
    check_type("environment_names", module.environment_names, list[str])
    if predicted.shape != (PROBE, len(module.environment_names)) or not torch.isfinite(predicted).all():
        raise InputError("it does not give a finite phenotype for each of its environments")


def phenotypes_of(
    run: Run, genotype: NDArray | CodedRows, device: torch.device, on_rows: Callable[[int], None] | None = None
) -> NDArray[np.float64]:
    """(N, E) phenotypes in original units for (N, L) genotypes at the loci of the run.

    Args:
        on_rows: told of the number of individuals of every block that is done.
    """
    module = run.module.to(device)
    predicted = np.empty((len(genotype), len(run.preprocessing.scaling.mean)))
    with torch.inference_mode():
        for start in range(0, len(genotype), ROWS_AT_ONCE):
            rows = torch.from_numpy(np.array(genotype[start : start + ROWS_AT_ONCE])).to(device)
            predicted[start : start + len(rows)] = module(rows.float()).cpu().numpy()
            if on_rows is not None:
                on_rows(len(rows))
    return run.preprocessing.scaling.restore(predicted)


def choose_device(accelerator: str) -> torch.device:
    available = torch.cuda.is_available()
    if accelerator == "gpu" and not available:
        raise InputError("accelerator=gpu: there is no GPU that torch can use here; give auto or cpu")
    return torch.device("cuda" if available and accelerator != "cpu" else "cpu")
