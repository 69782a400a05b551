"""Lines of other libraries that say nothing about a run here, each with the reason why it is left out."""

import logging
import warnings

# (start of the message as a regular expression, reason)
SILENCED = (
    (r".*does not have many workers", "batches are gathered from memory: there are no workers"),
    (r"The number of training batches .* is smaller than the logging interval", "rows are logged once an epoch"),
    (r".*LightningModule.configure_optimizers.* returned .None.", "ridge regression has no optimizer"),
    (r"Experiment logs directory .* exists and is not empty", "the run folder holds more than the logger's file"),
    (r"Checkpoint directory .* exists and is not empty", "the run folder is the checkpoint's folder"),
    (r"The .srun. command is available", "a run inside a SLURM session may be meant to be a plain one"),
    (r".isinstance\(treespec, LeafSpec\). is deprecated", "inside lightning, on torch 2.13"),
    (r"It is recommended to use .self.log\(.*sync_dist=True", "scores are those of all processes already"),
    (r".broadcast_buffers. is deprecated", "older versions of torch know it by this name alone"),
    (r"GPU available but not used", "trainer=cpu was chosen"),
)


def quiet_libraries() -> None:
    """Leave out the lines above, and the logs of Lightning and of the writer of PDF below a warning."""
    for message, _reason in SILENCED:
        warnings.filterwarnings("ignore", message=message)
    for name in ("lightning.pytorch", "lightning.fabric", "lightning", "fontTools"):
        logging.getLogger(name).setLevel(logging.WARNING)
