import torch
from torch import nn

from gpattention.models.ensemble import Ensemble


def test_is_the_mean_of_members_that_differ():
    ensemble, genotype = Ensemble(lambda: nn.Linear(4, 2), 3), torch.randn(5, 4)
    wanted = sum(genotype @ member.weight.T + member.bias for member in ensemble.members) / 3
    torch.testing.assert_close(ensemble(genotype), wanted)
    assert not torch.equal(ensemble.members[0].weight, ensemble.members[1].weight)
