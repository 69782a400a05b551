import pytest
from torch import nn

from gpattention.models import Attention
from gpattention.regressions import Ridge
from gpattention.training.by_gradients import GPMapModule
from gpattention.training.gpmap import MAPS, is_map


def test_networks_and_regressions_are_maps_and_what_trains_them_is_not():
    assert is_map(Attention)
    assert is_map(Ridge)
    assert not is_map(GPMapModule)
    assert not is_map(nn.Linear)
    assert not is_map(Attention(n_loci=3))
    assert MAPS.group == "model"


@pytest.mark.parametrize("kind", [Attention, Ridge])
def test_every_map_says_how_many_loci_it_takes(kind):
    assert "n_loci" in kind.__init__.__annotations__
