"""LightningModules, and all that surrounds a fit. The names given here are public: a configuration names them as its `_target_`."""

from gpattention.training.loggers import csv_loggers, mlflow_loggers, no_loggers, tensorboard_loggers, wandb_loggers
from gpattention.training.trainer import make_trainer

__all__ = ["csv_loggers", "mlflow_loggers", "no_loggers", "tensorboard_loggers", "wandb_loggers", "make_trainer"]
