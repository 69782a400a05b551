"""A sweep of which a run fails."""

from conftest import SMALL

from gpattention.sweeps.sweep_file import Sweep

BROKEN = Sweep(
    title="t",
    folder="f",
    common=["data=simulated", *SMALL],
    blocks={
        "good": ["model=linear"],
        "bad": ["model=attention", "training.learning_rate=1e30"],
        "good again": ["model=linear", "trainer.accelerator=auto"],
    },
)
