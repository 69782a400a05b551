"""A fitted map from its checkpoint, which is believed in nothing: neither classes nor sizes nor numbers."""

from typing import Any

import torch

from gpattention.config import check_node, check_type
from gpattention.errors import InputError
from gpattention.hydra_targets import find_target
from gpattention.training.gpmap import GPMap

PROBE = 2  # individuals that a restored map is tried on


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
        check_node(
            "model", settings["model"], find_target("model", "model", settings["model"].get("_target_")).__init__
        )
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
