import numpy as np
import pytest
from small_data import a_data_set

from gpattention.data.informative_loci import Pruning, informative_loci
from gpattention.data.splits import Splitting
from gpattention.errors import InputError


def test_loci_that_vary_in_training_and_are_not_redundant_there():
    data = a_data_set()
    split = Splitting().divide(data.individual_ids)
    genotype = data.genotype.copy()
    genotype[:, 3] = 1  # does not vary
    genotype[:, 7] = -genotype[:, 2]  # redundant
    data = a_data_set(genotype=genotype)
    assert informative_loci(data, split, Pruning(), 0).tolist() == [k for k in range(12) if k != 3]
    ascending = Pruning(max_correlation=0.9, pruning_order="ascending")
    assert informative_loci(data, split, ascending, 0).tolist() == [k for k in range(12) if k not in (3, 7)]


def test_validation_counts_for_correlations_where_it_is_asked_for():
    data = a_data_set()
    split = Splitting().divide(data.individual_ids)
    genotype = data.genotype.copy()
    genotype[:, 7] = genotype[:, 2]
    genotype[split.val, 7] = -genotype[split.val, 2]
    data = a_data_set(genotype=genotype)
    kept = [informative_loci(data, split, Pruning(0.9, "ascending", part), 0).size for part in ("train", "train_val")]
    assert kept == [11, 12]


def test_data_without_a_locus_that_varies_are_refused():
    data = a_data_set(genotype=np.ones((200, 12), dtype=np.int8))
    with pytest.raises(InputError, match="none of the 12 loci varies"):
        informative_loci(data, Splitting().divide(data.individual_ids), Pruning(), 0)
