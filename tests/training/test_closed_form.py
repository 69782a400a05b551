"""Of several solutions validation chooses, for each environment by itself or one for all."""

import lightning as L
import torch
from small_data import make_data

from gpattention.training.closed_form import ClosedFormMap


class Constants(ClosedFormMap):
    """Candidates that predict a constant: the closest to the validation mean has the highest R2."""

    def __init__(self, environment_names, values):
        super().__init__(environment_names)
        self.values = torch.tensor(values, dtype=torch.float64)
        self.register_buffer("kept", torch.zeros(len(environment_names), dtype=torch.float64))

    def n_fitted(self):
        return 1

    def solve(self):
        self.is_solved = True

    def predict_candidates(self, genotype_BL):
        return self.values.expand(len(genotype_BL), *self.values.shape)

    def keep(self, best_E):
        self.kept = self.values[best_E, torch.arange(len(best_E))]

    def forward(self, genotype_BL):
        return self.kept.expand(len(genotype_BL), -1)


def fitted(one_map, values):
    data = make_data(n_environments=2)
    module = Constants(["A", "B"], values)
    module.one_map = one_map
    L.Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(module, datamodule=data)
    return data.training_data, module


def test_each_environment_has_its_best_candidate():
    data, _ = fitted(False, [[0.0, 0.0]])
    mean = torch.from_numpy(data.scaling.standardise(data.data.phenotype[data.split.val])).mean(0)
    values = torch.stack([mean + torch.tensor([0.0, 1.0]), mean + torch.tensor([0.5, 0.01])]).tolist()
    _, module = fitted(False, values)
    torch.testing.assert_close(module.kept, torch.tensor([values[0][0], values[1][1]], dtype=torch.float64))
    _, module = fitted(True, values)  # mean squared errors above the variance: 0 + 1 against .25 + .0001
    torch.testing.assert_close(module.kept, torch.tensor(values[1], dtype=torch.float64))
    assert module.scores["val/r2"] < 0
