import json

import numpy as np
import pandas as pd
import pytest

from gpattention.errors import InputError
from gpattention.sweeps.summaries.unseen import from_others, read_covariate

COVARIATE = pd.Series({"27C": 27.0, "33C": 33.0, "29C": 29.0, "23C": 23.0})


def test_reaction_norm_is_exact_for_what_is_quadratic():
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 15, 1))
    t = COVARIATE.to_numpy()
    predicted = pd.DataFrame(a * t**2 + b * t + c, columns=COVARIATE.index)
    given = from_others(predicted, COVARIATE, "29C")
    np.testing.assert_allclose(given["reaction norm"], predicted["29C"], rtol=1e-9)
    np.testing.assert_allclose(given["mean of the others"], predicted[["27C", "33C", "23C"]].mean(axis=1))
    np.testing.assert_allclose(given["interpolation"], 2 / 3 * predicted["27C"] + 1 / 3 * predicted["33C"])


@pytest.mark.parametrize("covariates", [None, {"a": [1.0], "b": [2.0]}])
def test_anything_but_one_covariate_is_refused(covariates, tmp_path):
    content = {
        "coding": "binary",
        "n_columns": 3,
        "loci_index": [0, 2],
        "locus_names": None,
        "environment_names": ["A"],
        "mean": [0.0],
        "sd": [1.0],
        "n_train_values": [5],
        "covariates": covariates,
    }
    (tmp_path / "preprocessing.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"have {len(covariates or {})} covariates and a reaction norm takes one"):
        read_covariate(str(tmp_path))
