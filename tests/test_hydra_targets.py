import pytest

from gpattention.config import KINDS as CONFIGURED
from gpattention.errors import InputError
from gpattention.hydra_targets import find_target, refuse_inner_targets
from gpattention.prepare.source import RAW_DATA

KINDS = {**CONFIGURED, "prepare": RAW_DATA}
GOOD = {
    "data": "gpattention.data.simulate",
    "model": "gpattention.regressions.Ridge",
    "prepare": "gpattention.prepare.open_plink",
    "trainer": "gpattention.training.make_trainer",
    "logger": "gpattention.training.csv_loggers",
    "callbacks": "lightning.pytorch.callbacks.EarlyStopping",
}
BAD = (
    "os.system",
    "builtins.exec",
    "torch.load",
    "gpattention.runs.run.os.system",
    "gpattention.run_folder.files.shutil.rmtree",
    "gpattention.runs.folder.discard_aside",
    "gpattention.cli.main",
    "gpattention.training.by_gradients.nn.Linear",
    "gpattention.models.environment.Readout",
    "gpattention.training.by_gradients.GPMapModule",
    "gpattention.training.gpmap.R2PerEnvironment",
    "gpattention.runs.run.Path",
    "gpattention.nothing.at_all",
    "gpattention.",
    "gpattention..run",
    "lightning.pytorch.Trainer",
    "lightning.pytorch.callbacks.callback.Any",
    "lightning.fabric.utilities.cloud_io._load",
    "",
    None,
    7,
    {"a": 1},
)


@pytest.mark.parametrize("group", KINDS)
def test_only_the_kind_that_the_group_is_for(group):
    assert callable(find_target(KINDS[group], {"_target_": GOOD[group]}))
    for path in (*BAD, *(path for other, path in GOOD.items() if other != group)):
        with pytest.raises(
            InputError, match=rf"^{group}\._target_=.*give (a|the) (class|function)|^{group} has no _target_"
        ):
            find_target(KINDS[group], {"_target_": path})


def test_arguments_are_plain_values():
    refuse_inner_targets("callbacks.mine", {"patience": 3, "more": [{"a": 1}]})
    for value in ({"f": {"_target_": "os.getcwd"}}, {"f": [1, {"_target_": "os.getcwd"}]}, {"_args_": [1]}):
        with pytest.raises(InputError, match="an argument is a plain value"):
            refuse_inner_targets("callbacks.mine", value)
