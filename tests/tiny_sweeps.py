"""Sweeps of a few runs whose folders are written, not fitted."""

from omegaconf import OmegaConf
from written_runs import write_run

from gpattention.sweeps import sweep
from gpattention.sweeps.planned_runs import plan
from gpattention.sweeps.sweep_file import Sweep, merge

TINY = ["data=simulated", "data.n_segregants=300", "data.n_loci=6", "trainer=cpu", "trainer.max_epochs=1"]


def make_sweep(folder, blocks, common=(), title="Tiny"):
    """The folder of a sweep with all that its command leaves there."""
    content = Sweep(title, str(folder), [*TINY, *common], blocks)
    made_by = {"sweep": "tiny", "title": title, "scale": None, "overrides": ["data.n_loci=6"]}
    with sweep.held(folder, made_by):
        planned = plan("tiny", merge(content, []), folder)
        for one in planned:
            write_run(OmegaConf.create(one.config), one.folder, one.overrides)
        sweep.report("tiny", sweep.collect(planned), content, folder, planned[0].config["logger"])
    return folder
