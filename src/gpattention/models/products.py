"""Products of the alleles of sets of loci.

Letters: N individuals, L loci, S sets, K loci of the largest set.
"""

import torch
from torch import Tensor


def product_of(genotype_LN: Tensor, sets_SK: Tensor) -> Tensor:
    """(S, N) products of the alleles of each set; -1 stands for no locus."""
    product_SN = genotype_LN[sets_SK[:, 0]]
    for column in sets_SK.T[1:]:
        factor_SN = genotype_LN[column.clamp_min(0)]
        if (column < 0).any():
            factor_SN = torch.where((column >= 0)[:, None], factor_SN, factor_SN.new_ones(()))
        product_SN = product_SN * factor_SN
    return product_SN
