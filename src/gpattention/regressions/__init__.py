"""Maps that are solved: regressions on loci, pairs and kernels, sets that interact, trees; within and across environments. The names given here are public: a configuration names them as its `_target_`."""

from gpattention.regressions.all_pairs import AllPairs
from gpattention.regressions.boosted import Boosted
from gpattention.regressions.interactions import Interactions
from gpattention.regressions.kernel_ridge import KernelRidge
from gpattention.regressions.kronecker import Kronecker
from gpattention.regressions.ladder import Ladder
from gpattention.regressions.ridge import Ridge
from gpattention.regressions.sparse import Sparse

__all__ = ["AllPairs", "Boosted", "Interactions", "KernelRidge", "Kronecker", "Ladder", "Ridge", "Sparse"]
