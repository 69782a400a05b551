import numpy as np
import pytest
from conftest import SMALL

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.interpret import series
from gpattention.interpret.fitted_map import open_map
from gpattention.interpret.walsh import all_genotypes, variance_by_order, walsh_hadamard
from gpattention.runs.run import run


def test_series_of_a_fitted_layer_in_original_units(tmp_path):
    options = ["model=attention", "model.embedding_dim=full", "model.n_layers=1", "model.init_std=0.5"]
    run(compose_config([*SMALL, *options]), tmp_path / "layer")
    fitted = open_map(tmp_path / "layer")
    reading = series.read(fitted)
    exact = walsh_hadamard(fitted.predict(all_genotypes(6))[:, 0])
    table = reading.tables["series"]
    names = fitted.loci["locus"].tolist()
    assert table["order"].value_counts().to_dict() == {1: 6, 2: 15, 3: 20}
    for row in table.itertuples():
        members = [names.index(name) for name in (row.locus_1, row.locus_2, row.locus_3)[: row.order]]
        assert row.coefficient == pytest.approx(
            exact[sum(2 ** (5 - k) for k in members)], abs=1e-6 * np.abs(exact[1:]).max()
        )
    variance = reading.tables["series_orders"]["variance"]
    np.testing.assert_allclose(variance, variance_by_order(exact)[1:4], rtol=1e-4)
    assert set(reading.figures) == {"series"}


def test_regressions_are_refused(tmp_path):
    run(compose_config([*SMALL, "model=linear"]), tmp_path / "linear")
    with pytest.raises(InputError, match="a regression has no attention layer"):
        series.read(open_map(tmp_path / "linear"))
