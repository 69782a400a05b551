"""Data modules, some of a few individuals and loci."""

import numpy as np

from gpattention.data.datamodule import GPMapDataModule
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.data.informative_loci import Pruning
from gpattention.data.splits import Splitting
from gpattention.data.training_data import TrainingData
from gpattention.data.transfer import FewValues
from gpattention.runs.build import arguments_of
from gpattention.training.trainer import make_trainer


def training_data(data, **settings):
    """The training data with settings by the keys of the configuration, which may be none but theirs."""
    parts = {"splitting": Splitting, "pruning": Pruning, "few_values": FewValues}
    made = {name: kind(**arguments_of(kind, settings)) for name, kind in parts.items()}
    own = {key: value for key, value in settings.items() if not any(key in kind._fields for kind in parts.values())}
    return TrainingData(data, **made, **own)


def data_module(data, **settings):
    """The same with batches."""
    own = arguments_of(GPMapDataModule, settings)
    return GPMapDataModule(training_data(data, **{k: v for k, v in settings.items() if k not in own}), **own)


def fit_solved(kind, data, n_devices=1, **settings):
    """A map of a kind that is solved, fitted to the data of a module."""
    described = data.training_data.data
    module = kind(n_loci=described.n_loci, environment_names=list(described.environment_names), **settings)
    trainer = make_trainer(accelerator="cpu", devices=n_devices, max_epochs=module.max_epochs, by_gradients=False)
    trainer.fit(module, datamodule=data)
    return module


def make_data(n=300, n_loci=6, n_environments=1, missing=0.0, seed=0):
    rng = np.random.default_rng(seed)
    genotype = rng.choice([-1, 1], (n, n_loci)).astype(np.int8)
    pairs = genotype[:, :-1] * genotype[:, 1:]
    phenotype = genotype @ rng.normal(size=(n_loci, n_environments)) + pairs @ rng.normal(
        size=(n_loci - 1, n_environments)
    )
    phenotype = 5 + phenotype + rng.normal(size=phenotype.shape)
    phenotype[rng.random(phenotype.shape) < missing] = np.nan
    data = GenotypePhenotypeData(
        genotype=genotype,
        phenotype=phenotype,
        individual_ids=tuple(map(str, range(n))),
        environment_names=tuple("ABCDEFG"[:n_environments]),
        coding="signed",
    )
    return data_module(data, batching="one_pass")


def a_data_set(n_environments: int = 1, share_missing: float = 0.0, n: int = 200, **changes) -> GenotypePhenotypeData:
    rng = np.random.default_rng(0)
    phenotype = rng.normal(5, 3, (n, n_environments))
    phenotype[rng.random(phenotype.shape) < share_missing] = np.nan
    arguments = {
        "genotype": rng.choice([-1, 1], (n, 12)).astype(np.int8),
        "phenotype": phenotype,
        "individual_ids": tuple(f"line{i}" for i in range(n)),
        "environment_names": tuple(f"{23 + i}C" for i in range(n_environments)),
        "coding": "signed",
        "locus_names": tuple(f"m{i}" for i in range(12)),
    }
    return GenotypePhenotypeData(**(arguments | changes))
