"""Run folders as a run leaves them, but for the fit and the pictures: the map has weights that are drawn, not trained."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig, OmegaConf

from gpattention.config import check_config
from gpattention.data.noise_ceiling import over_ceiling, r2_ceiling
from gpattention.data.training_data import TrainingData
from gpattention.files.atomic import write_json, write_text
from gpattention.run_folder import files, identity
from gpattention.run_folder.predictions import predictions_table
from gpattention.runs.build import build_data, build_module
from gpattention.runs.evaluate import target_counts
from gpattention.runs.provenance import made_with
from gpattention.scores.conformal import interval_scores
from gpattention.scores.metrics import R2PerEnvironment
from gpattention.training.checkpoints import DurableCheckpointIO
from gpattention.training.kinds import module_class


def write_run(cfg: DictConfig, folder: Path, overrides: list[str] | None = None) -> dict:
    """The files of a finished run with this configuration; returns its metrics."""
    config = check_config(cfg)
    del config["overwrite"], config["resume"]
    data = build_data(config)
    module = build_module(config, module_class(config["model"]), data)
    draw_weights(module, config["seed"])
    n_epochs = 2 if module.automatic_optimization else 1
    folder.mkdir(parents=True)
    write_json(folder / files.IDENTITY, identity.to_json(identity.identify(config)))
    write_text(folder / files.CONFIG, OmegaConf.to_yaml(OmegaConf.create(config)))
    files.write_data_description(folder, data)
    checkpoint = {"state_dict": module.state_dict(), "hyper_parameters": dict(module.hparams), "epoch": 0}
    module.on_save_checkpoint(checkpoint)
    DurableCheckpointIO().save_checkpoint(checkpoint, folder / files.CHECKPOINT)

    tables: dict[str, pd.DataFrame] = {}
    scores = {"train/passes": 1.0} | ({"train/loss": 0.5} if module.automatic_optimization else {})
    for part, name in (("val", files.VALIDATION_PREDICTIONS), ("test", files.PREDICTIONS)):
        rows = getattr(data.split, part)
        with torch.no_grad():
            predicted = module.eval()(torch.from_numpy(np.array(data.data.genotype[rows])).float())
        tables[part] = predictions_table(data, rows, predicted)
        write_text(folder / name, tables[part].to_csv(sep="\t", index=False, float_format="%.8g"))
        scores |= scores_of(part, data, rows, predicted, module.target_environment)
    history = pd.DataFrame([{"epoch": k + 1, "seconds": 0.1, **scores} for k in range(n_epochs)])
    write_text(
        folder / files.HISTORY, history.drop(columns=[c for c in history if c.startswith("test/")]).to_csv(index=False)
    )
    for name in (files.LOG, files.LEARNING_CURVE, files.PREDICTED, files.CALIBRATION):
        (folder / name).write_bytes(b"")
    ceiling = r2_ceiling(data)
    metrics = {
        **scores,
        **{f"test/{name}": value for name, value in ceiling.items()},
        **over_ceiling(scores, ceiling),
        **interval_scores(tables["val"], tables["test"]),
        "n_parameters": module.n_fitted(),
        "n_loci": data.data.n_loci,
        **{f"n_{part}": len(rows) for part, rows in data.split._asdict().items()},
        **target_counts(data),
        "best_epoch": 1,
        "n_epochs": n_epochs,
        "fit_seconds": 0.1,
        "segregants_per_second": 100.0,
        "peak_memory_mib": 100.0,
        "made_with": {"overrides": overrides} | made_with(config, data, module),
    }
    files.complete(folder, metrics)
    return metrics


def draw_weights(module: torch.nn.Module, seed: int) -> None:
    """Coefficients of a map that is solved, which are 0 before; those of a network are drawn when it is made."""
    generator = torch.Generator().manual_seed(seed)
    for name in ("additive", "coefficients"):
        if isinstance(values := getattr(module, name, None), torch.Tensor):
            values.copy_(torch.rand(values.shape, generator=generator, dtype=torch.float64))


def scores_of(part: str, data: TrainingData, rows, predicted: torch.Tensor, target: str | None) -> dict[str, float]:
    names = data.data.environment_names
    accuracy = R2PerEnvironment(len(names))
    phenotype = torch.from_numpy(data.scaling.standardise(data.data.phenotype[rows]))
    accuracy.update(predicted, phenotype.nan_to_num(), (~phenotype.isnan()).float())
    result = accuracy.compute()
    scores = {f"{part}/{name}": result[name].item() for name in ("r2_pooled", "mse")}
    for quantity in ("r2", "correlation"):
        values = dict(zip(names, result[quantity].reshape(-1).tolist(), strict=True))
        scores |= {f"{part}/{quantity}/{name}": value for name, value in values.items()}
        scores[f"{part}/{quantity}"] = sum(values.values()) / len(values)
        if target is not None:
            scores[f"{part}/{quantity}_target"] = values[target]
    return scores
