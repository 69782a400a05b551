"""Which LightningModule fits the map that a configuration names."""

from typing import Any

from gpattention.hydra_targets import find_target
from gpattention.models.latent_traits import LatentTraits
from gpattention.training.by_gradients import GPMapModule
from gpattention.training.gpmap import MAPS, GPMap
from gpattention.training.latents import LatentModule


def module_class(model: dict[str, Any]) -> type[GPMap]:
    """The map's own where it fits itself, else one that trains networks by gradients."""
    target = find_target(MAPS, model)
    if issubclass(target, GPMap):
        return target
    return LatentModule if issubclass(target, LatentTraits) else GPMapModule
