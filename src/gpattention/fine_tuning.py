"""Training that starts from the map of an earlier run, perhaps of other environments."""

import torch
from torch import Tensor

from gpattention.artifacts import Run
from gpattention.data.datamodule import GPMapDataModule
from gpattention.data.genotype_phenotype import name_some
from gpattention.errors import InputError
from gpattention.module import GPMapModule

PER_ENVIRONMENT = ("network.readout.deviation", "network.readout.offset_deviation")


def start_from(module: GPMapModule, earlier: Run, data: GPMapDataModule) -> None:
    """Copy the parameters of an earlier run into a module.

    With a readout per environment, an environment that the earlier run had takes its own, and a new one the mean of all
    that it had. With environments as tokens both runs must have the same environments.

    Raises:
        InputError: the earlier run has another kind of model, other sizes, other loci, or other environments by token.
    """
    place = f"fine_tune_from={earlier.folder}"
    refuse_other_loci(place, earlier, data)
    old_names = earlier.preprocessing.environment_names
    if not isinstance(earlier.module, GPMapModule):
        raise InputError(f"{place} is a run of a regression, which has nothing to start from: give a run of a network")
    if module.by_token and old_names != module.environment_names:
        raise InputError(
            f"{place} has environments {name_some(old_names, 20)} and this run {name_some(module.environment_names, 20)}: "
            "with environments as tokens they must be the same; data.target_values=0 leaves one out of training"
        )
    old = earlier.module.state_dict()
    by_name = module.hparams["model"].get("environment_encoding", "onehot") == "onehot"
    new: dict[str, Tensor] = {}
    for name, values in module.state_dict().items():
        values_then = old.get(name, torch.empty(0))
        if name in PER_ENVIRONMENT and by_name and len(values_then) == len(old_names):
            values_then = match_environments(values_then, old_names, module.environment_names)
        if values_then.shape != values.shape:
            was, now = (tuple(part.shape) for part in (values_then, values))
            raise InputError(
                f"{place}: its {name.removeprefix('network.')} has shape {was} and this run needs {now}: give both runs the same model keys"
            )
        new[name] = values_then
    module.load_state_dict(new)


def match_environments(values: Tensor, old_names: list[str], new_names: list[str]) -> Tensor:
    """Rows by environment, from those of the old names to those of the new; the mean of all for a new name."""
    return torch.stack([values[old_names.index(n)] if n in old_names else values.mean(0) for n in new_names])


def refuse_other_loci(place: str, earlier: Run, data: GPMapDataModule) -> None:
    then, now = earlier.preprocessing, data.data.locus_names
    if then.locus_names is not None and now is not None:
        same = then.locus_names == list(now)
    else:
        same = then.loci_index == data.loci_index.tolist() and then.n_columns == data.n_columns
    if not same:
        raise InputError(
            f"{place} was trained on other loci ({len(then.loci_index)}) than this run has ({data.data.n_loci}): give the "
            "same genotype columns, pruning and data.split_seed"
        )
