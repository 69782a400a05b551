"""Unknown keys and values of the wrong type are refused in the same words everywhere."""

import pytest

from gpattention.config import check_config, compose_config
from gpattention.errors import InputError


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("+sed=1", r"unknown key sed: did you mean seed"),
        ("+data.epsilonn=1", r"unknown key data.epsilonn: did you mean data.epsilon"),
        ("+model.embeding_dim=1", r"unknown key model.embeding_dim: did you mean model.embedding_dim"),
        ("+training.lr=1", r"unknown key training.lr: training has .*learning_rate"),
        ("+trainer.max_epoch=1", r"unknown key trainer.max_epoch: did you mean trainer.max_epochs"),
        ("+logger.projct=1", r"unknown key logger.projct"),
        ("+profile.init_sd=1", r"did you mean profile.init_std"),
        ("data.n_segregants=many", r"data.n_segregants=many: give a valid integer"),
        ("data.n_segregants=10.5", r"data.n_segregants=10.5: give"),
        ("data.loci=last", r"data.loci=last: give 'first' or 'random'"),
        ("data.environments=30C", r"data.environments=30C: give a valid list"),
        ("model.layer_norm=2", r"model.layer_norm=2: give"),
        ("training.schedule=linear", r"training.schedule=linear: give 'constant' or 'one_cycle'"),
        ("seed=-1", r"seed=-1"),
        ("~data.noise", r"data.noise is not given"),
        ("overwrite=maybe", r"overwrite=maybe: give a valid boolean"),
        ("seed=true", r"seed=True: give a valid integer"),
        ("monitor=5", r"monitor=5: give a valid string"),
        ("training.learning_rate=nan", r"training.learning_rate=nan: give a finite number"),
        ("model.init_std=inf", r"model.init_std=inf: give a finite number"),
        ("data.temperatures=[30,inf]", r"data.temperatures=.* give a finite number"),
        ("trainer.fast_dev_run=much", r"trainer.fast_dev_run=much: give a valid boolean or a valid integer"),
        ("+callbacks.mine=1", r"callbacks.mine=1: give"),
        ("model._target_=os.system", r"model._target_=os.system is not of this program: give a class of maps"),
        ("model._target_=gpattention.models.nothing", r"gpattention.models.nothing is not there"),
        ("data=_split", "data has no _target_: choose one of prepared, simulated, table"),
        ("~training", r"the configuration has no training"),
        ("data=table", r"data.genotype_file is not given"),
    ],
)
def test_bad_keys_and_values_are_refused(override, words):
    with pytest.raises(InputError, match=words):
        check_config(compose_config([override]))
