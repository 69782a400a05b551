import numpy as np
import pandas as pd
import pytest
from small_runs import small_run

from gpattention.errors import InputError
from gpattention.interpret.fitted_map import open_map
from gpattention.interpret.interactions import alternatives_of, read
from gpattention.interpret.orders import read as read_orders
from gpattention.run_folder.files import INTERACTIONS

DATA = ["data.n_segregants=2000", "data.n_loci=7", "data.n_interactions=3", "data.epsilon=0.4"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    small_run(folder, "model=interactions", *DATA, "data.temperatures=[23,30]")
    return folder


def test_sets_are_compared_with_the_truth(folder):
    fitted = open_map(folder)
    tables, drawn, _ = read(fitted)
    names = fitted.loci["locus"].tolist()
    true = {frozenset(names[locus] for locus in loci) for loci in fitted.truth.interacting_loci}
    table, recovery = tables["interactions"], tables["interactions_recovery"]
    chosen = [frozenset(filter(None, row)) for row in table[[f"locus_{k}" for k in (1, 2, 3, 4)]].to_numpy()]
    assert table["is_true"].tolist() == [loci in true for loci in chosen]
    assert recovery["environment"].tolist() == ["23C", "30C"]
    for name, row in recovery.set_index("environment").iterrows():
        mine = {loci for loci, of in zip(chosen, table["environment"], strict=True) if of == name}
        assert row["n_chosen"] == len(mine)
        assert row["precision"] == pytest.approx(len(mine & true) / len(mine))
        assert row["recall"] == pytest.approx(len(mine & true) / 3) == row["recall_with_alternatives"]
    assert recovery["n_right"].sum() >= 4
    arcs = [len(axes.patches) for axes in drawn["interactions"].axes]
    assert arcs == [3 * (table["environment"] == name).sum() for name in ("23C", "30C")]


def test_alternatives_count_as_found(folder):
    fitted = open_map(folder)
    path = folder / INTERACTIONS
    kept = path.read_bytes()
    checksums = folder / "checksums.txt"
    sums = checksums.read_text()
    checksums.unlink()
    try:
        names = fitted.loci["locus"].tolist()
        true = [names[locus] for locus in fitted.truth.interacting_loci[0]]
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False).head(1)
        wrong = next(name for name in names if name not in true)
        table[[f"locus_{k}" for k in (1, 2, 3, 4)]] = [[*true[:3], wrong]]
        table["alternatives"] = ":".join(true) + " (0.40)"
        table.to_csv(path, sep="\t", index=False)
        recovery = read(fitted).tables["interactions_recovery"].iloc[0]
        assert (recovery["n_right"], recovery["recall"]) == (0, 0)
        assert recovery["recall_with_alternatives"] == pytest.approx(1 / 3)
    finally:
        path.write_bytes(kept)
        checksums.write_text(sums)


def test_words_of_alternatives():
    assert alternatives_of("a:b (0.21); c:d:e (0.10)") == {frozenset("ab"), frozenset("cde")}
    assert alternatives_of("") == set()


def test_orders_are_exact(folder):
    fitted = open_map(folder)
    table = read_orders(fitted, n_walks=100).tables["orders"]
    rows = table[(table["distribution"] == "independent") & (table["environment"] == "30C")].set_index("order")
    module = fitted.run.module
    squared = module.coefficients[:, 1] ** 2 * fitted.run.preprocessing.sd[1] ** 2
    order = (module.sets >= 0).sum(1)
    for number in (2, 3, 4):
        assert rows.loc[number, "variance"] == pytest.approx(float(squared[order == number].sum()), rel=1e-6)
    assert rows["standard_error"].eq(0).all()
    assert rows["share"].sum() == pytest.approx(1)
    corners = np.array(np.meshgrid(*[[-1, 1]] * 7)).reshape(7, -1).T
    assert rows["variance"].sum() == pytest.approx(fitted.predict(corners)[:, 1].var(), rel=1e-6)


def test_other_maps_have_no_table(tmp_path):
    small_run(tmp_path, "model=linear")
    with pytest.raises(InputError, match="is of Ridge: fit the data with model=interactions"):
        read(open_map(tmp_path))
