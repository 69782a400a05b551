"""Maps that are solved: ridge regression on loci, pairs and kernels, within and across environments. The names given here are public: a configuration names them as its `_target_`."""

from gpattention.regressions.all_pairs import AllPairs
from gpattention.regressions.interactions import Interactions
from gpattention.regressions.kernel_ridge import KernelRidge
from gpattention.regressions.kronecker import Kronecker
from gpattention.regressions.ridge import Ridge

__all__ = ["AllPairs", "Interactions", "KernelRidge", "Kronecker", "Ridge"]
