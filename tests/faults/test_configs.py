"""Configurations that name what they must not, or values that no run can have; nothing is written before they are refused."""

import pytest
from conftest import SMALL
from refusals import refused

from gpattention.config import compose_config
from gpattention.runs.run import run
from gpattention.sweeps.sweep_file import read_sweep

VALUES = [
    "model._target_=os.system",
    "model._target_=builtins.eval",
    "model._target_=gpattention.runs.run.subprocess.run",
    "model._target_=gpattention.cli.main",
    "model._target_=gpattention.training.gpmap.GPMap.validation_step",
    "model._target_=''",
    "model._target_=null",
    "data._target_=shutil.rmtree",
    "data._target_=gpattention.runs.folder.remove_run",
    "data._target_=gpattention.training.loggers.csv_loggers",
    "trainer._target_=subprocess.Popen",
    "trainer._target_=lightning.Trainer",
    "logger._target_=os.getcwd",
    "logger._target_=lightning.pytorch.loggers.CSVLogger",
    "+callbacks.mine={_target_:os.getcwd}",
    "+callbacks.mine={_target_:lightning.Trainer}",
    "+callbacks.mine={_target_:lightning.pytorch.callbacks.LambdaCallback,on_fit_start:{_target_:os.getcwd}}",
    "+callbacks.mine={_target_:lightning.pytorch.callbacks.Timer,duration:{_target_:os.getcwd}}",
    "+callbacks.mine={_target_:lightning.pytorch.callbacks.EarlyStopping,_args_:[val/r2]}",
    "+callbacks.mine={_target_:lightning.pytorch.callbacks.EarlyStopping,monitr:val/r2}",
    "+callbacks.mine=[]",
    "seed=-1",
    "seed=4294967296",
    "seed=0.5",
    "data.seed=-1",
    "data.n_segregants=0",
    "data.n_segregants=1",
    "data.n_loci=-5",
    "data.n_loci=100000",
    "data.noise=-1",
    "data.epsilon=2",
    "data.order=0",
    "data.temperatures=[]",
    "data.temperatures=[30,30]",
    "data.temperatures=[warm]",
    "data.test_fraction=1",
    "data.val_fraction=0",
    "data.split_scheme=none",
    "data.fold=3",
    "data.batch_size=0",
    "data.max_correlation=1.5",
    "data.environments=[]",
    "data.environments=[99C]",
    "model.embedding_dim=0",
    "model.n_layers=1000000000",
    "model.init_std=0",
    "training.learning_rate=0",
    "training.learning_rate=1e999",
    "training.optimizer=sgd",
    "training.freeze=[nothing]",
    "trainer.max_epochs=0",
    "trainer.devices=0",
    "trainer.precision=8",
    "trainer.gradient_clip_val=-1",
    "monitor=val/accuracy",
    "fine_tune_from=nowhere",
    "resume=always",
    "overwrite=1",
]


@pytest.mark.parametrize("override", VALUES)
def test_values(override, tmp_path):
    overrides = [one for one in SMALL if one.partition("=")[0] != override.partition("=")[0]]
    refused(lambda: run(compose_config([*overrides, "model=attention", override]), tmp_path / "run"))
    assert not (tmp_path / "run").exists()


SWEEPS = {
    "empty": "",
    "a list": "- 1",
    "cut off": "title: [",
    "object": "title: !!python/object/apply:os.getcwd []",
    "aliases": "title: &a [x]\nfolder: *a",
    "key twice": "title: a\ntitle: b",
    "no blocks": "title: a\nfolder: b\ncommon: []\nblocks: {}",
    "unknown key": "title: a\nfolder: b\ncommon: []\nblocks: {x: [seed=1]}\ncommand: ls",
    "blocks are text": "title: a\nfolder: b\ncommon: []\nblocks: seed=1",
    "deep": "title: " + "[" * 3000,
}


@pytest.mark.parametrize("name", SWEEPS)
def test_sweep_files(name, tmp_path):
    (tmp_path / "mine.yaml").write_text(SWEEPS[name])
    refused(lambda: read_sweep(str(tmp_path / "mine.yaml")), "mine.yaml")
