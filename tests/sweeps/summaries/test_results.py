import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from gpattention.run_folder.predictions import read_predictions
from gpattention.sweeps.summaries.results import correlation, r2


def test_scores_leave_out_what_was_not_measured():
    rng = np.random.default_rng(0)
    measured, predicted = pd.Series(rng.normal(size=50)), pd.Series(rng.normal(size=50))
    measured[:10] = np.nan
    assert r2(measured, predicted) == pytest.approx(r2_score(measured[10:], predicted[10:]))
    assert correlation(measured, predicted) == pytest.approx(np.corrcoef(measured[10:], predicted[10:])[0, 1])
    assert correlation(measured, predicted * 0) == 0


def test_predictions_keep_ids_and_names_as_text(tmp_path):
    text = "id\tenvironment\tmeasured\tpredicted\n001\t37\t1\t2\nNA\tNA\t\t3\n"
    (tmp_path / "predictions_test.tsv").write_text(text)
    table = read_predictions(str(tmp_path))
    assert list(table.index) == [("001", "37"), ("NA", "NA")]
    assert table["measured"].isna().tolist() == [False, True]
