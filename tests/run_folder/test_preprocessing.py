import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from refusals import refused
from small_data import a_data_set, training_data

from gpattention.run_folder.preprocessing import Preprocessing


@pytest.fixture
def kept():
    return Preprocessing.of(training_data(a_data_set(2, 0.2), max_correlation=0.1))


def test_what_a_run_needs_of_its_data_is_read_back(kept, tmp_path):
    (tmp_path / "p.json").write_text(json.dumps(asdict(kept)))
    again = Preprocessing.read(tmp_path / "p.json", "mend it")
    assert again == kept
    data = a_data_set(2, 0.2)
    assert again.locus_names == [data.locus_names[k] for k in again.loci_index]
    np.testing.assert_allclose(again.mean_allele, data.genotype[:, again.loci_index].mean(axis=0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sd": [0.0, 1.0]}, "a standard deviation is not above 0"),
        ({"mean": [1.0]}, "one value of each kind for each of 2 environments"),
        ({"loci_index": []}, "names for 0 loci"),
        ({"n_columns": 1}, "loci_index goes beyond the 1 columns"),
        ({"environment_names": ["A", "A"]}, "environment A occurs more than once"),
        ({"alleles": [["A", "C", "G"]]}, "alleles are not"),
    ],
)
def test_what_cannot_be_true_of_any_run_is_refused(change, words, kept, tmp_path):
    (tmp_path / "p.json").write_text(json.dumps(asdict(replace(kept, **change))))
    assert words in refused(lambda: Preprocessing.read(tmp_path / "p.json", "mend it"), "p.json")
