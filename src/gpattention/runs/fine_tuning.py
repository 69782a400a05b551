"""Training that starts from the map of an earlier run, perhaps of other environments."""

import numpy as np
import torch
from torch import Tensor

from gpattention.checks import name_some
from gpattention.data.alleles import alleles_of, signs_of
from gpattention.data.training_data import TrainingData
from gpattention.errors import InputError
from gpattention.run_folder.files import MEND, SPLITS, read_arrays_of
from gpattention.run_folder.loading import Run
from gpattention.training.by_gradients import GPMapModule

PER_ENVIRONMENT = ("readout.deviation", "readout.offset_deviation")  # ends of the names of parameters
MAY_DIFFER = {"dropout", "init_std", "attention_kernel"}  # without being another map


def start_from(module: GPMapModule, earlier: Run, data: TrainingData) -> None:
    """Copy the parameters of an earlier run into a module.

    With a readout per environment, an environment that the earlier run had takes its own, and a new one the mean of all
    that it had. With environments as tokens or known by covariates both runs must have the same environments.

    Raises:
        InputError: the earlier run has another kind of model, other sizes, other loci, other environments where they must
            be the same, or was fitted to individuals that this run tests or chooses by.
    """
    place = f"fine_tune_from={earlier.folder}"
    if not isinstance(earlier.module, GPMapModule):
        raise InputError(f"{place} is a run of a regression, which has nothing to start from: give a run of a network")
    refuse_other_loci(place, earlier, data)
    refuse_other_model(place, earlier.module.hparams["model"], module.hparams["model"])
    refuse_known_individuals(place, earlier, data)
    old_names, new_names = earlier.preprocessing.environment_names, module.environment_names
    by_name = module.hparams["model"].get("environment_encoding", "onehot") == "onehot" and not module.by_token
    if not by_name and old_names != new_names:
        raise InputError(
            f"{place} has environments {name_some(old_names, 20)} and this run {name_some(new_names, 20)}: with environments "
            "as tokens or known by covariates they must be the same; data.target_values=0 leaves one out of training"
        )
    state = earlier.module.state_dict()
    if by_name:
        for name in state:
            if name.endswith(PER_ENVIRONMENT):
                state[name] = match_environments(state[name], old_names, new_names)
        state = {name: values for name, values in state.items() if not name.endswith("code.table")}
    module.load_state_dict(state, strict=not by_name)


def match_environments(values: Tensor, old_names: list[str], new_names: list[str]) -> Tensor:
    """Rows by environment, from those of the old names to those of the new; the mean of all for a new name."""
    return torch.stack([values[old_names.index(n)] if n in old_names else values.mean(0) for n in new_names])


def refuse_other_model(place: str, then: dict, now: dict) -> None:
    differing = sorted(key for key in {*then, *now} - MAY_DIFFER if then.get(key) != now.get(key))
    if differing:
        was, wanted = (", ".join(f"{key}={model.get(key)}" for key in differing) for model in (then, now))
        raise InputError(f"{place} has model.{was} and this run model.{wanted}: give both the same")


def refuse_known_individuals(place: str, earlier: Run, data: TrainingData) -> None:
    """Individuals that the earlier run was fitted to tell nothing about new ones."""
    path = earlier.folder / SPLITS
    then, train, val = read_arrays_of(earlier.folder, SPLITS, ("individual_ids", "train", "val")).values()
    try:
        fitted, chosen_by = set(then[train].tolist()), set(then[val].tolist())
    except IndexError as error:
        raise InputError(f"{path} names individuals that it does not have: {MEND}") from error
    ids = np.array(data.data.individual_ids)
    for part, seen in (("test", fitted | chosen_by), ("val", fitted)):
        known = [name for name in ids[getattr(data.split, part)].tolist() if name in seen]
        if known:
            raise InputError(
                f"{place} has seen {len(known)} individuals of the {part} part of this run, the first {known[0]}: give "
                "both runs the same data.split_scheme, data.split_seed and fractions"
            )


def refuse_other_loci(place: str, earlier: Run, data: TrainingData) -> None:
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
    alleles = alleles_of(data.data.loci)
    if then.alleles is not None and alleles is not None:
        names = [*map(str, now or range(len(alleles)))]
        if (turned := np.flatnonzero(signs_of(alleles, then.alleles, names) < 0)).size:
            raise InputError(
                f"{place} counted the other allele at {turned.size} loci, the first {names[turned[0]]}: prepare the genotypes of "
                "both from files that count the same (plink --a1-allele)"
            )
