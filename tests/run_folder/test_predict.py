import numpy as np
import pandas as pd
import pytest
from conftest import SMALL
from predicting import predict_to, read

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.runs.run import run


def test_predictions_equal_those_of_the_run_in_original_units(named, tmp_path):
    folder, genotype = named
    shuffled = genotype.sample(frac=1, random_state=0)[["z", "y", "x", "w", "v"]]
    shuffled["new"] = 0
    shuffled.to_csv(tmp_path / "new.csv")
    predict_to(folder / "run", tmp_path / "new.csv", tmp_path / "out.tsv")
    given = pd.read_csv(tmp_path / "out.tsv", sep="\t")
    assert given["id"].tolist() == shuffled.index.tolist()
    table = pd.read_csv(folder / "run" / "predictions_test.tsv", sep="\t").set_index("id")["predicted"]
    np.testing.assert_allclose(given.set_index("id")["predicted"][table.index], table, rtol=1e-6)
    assert abs(given["predicted"].mean() - 102.5) < 1


def test_coding_of_the_run_is_kept(named, tmp_path):
    """A file of 0s alone would be any coding; values of another coding are refused, not guessed."""
    folder, genotype = named
    (genotype * 0).to_csv(tmp_path / "zeros.csv")
    predict_to(folder / "run", tmp_path / "zeros.csv", tmp_path / "zeros.tsv")
    assert pd.read_csv(tmp_path / "zeros.tsv", sep="\t")["predicted"].nunique() == 1
    (genotype * 2 - 1).to_csv(tmp_path / "signed.csv")
    with pytest.raises(InputError, match=r"genotype -1 of individual .* is outside 0/1 alleles"):
        predict_to(folder / "run", tmp_path / "signed.csv", tmp_path / "signed.tsv")
    assert not (tmp_path / "signed.tsv").exists()


def test_network_in_several_environments(tmp_path):
    run(
        compose_config([*SMALL, "model=transformer", "model.environment=joint", "data.temperatures=[25,30]"]),
        tmp_path / "run",
    )
    np.save(tmp_path / "new.npy", np.random.default_rng(0).choice([-1, 1], (2000, 6)))
    predict_to(tmp_path / "run", tmp_path / "new.npy", tmp_path / "out.tsv")
    table = pd.read_csv(tmp_path / "out.tsv", sep="\t")
    assert len(table) == 4000
    assert table["environment"].tolist()[:3] == ["25C", "30C", "25C"]
    assert not table.isna().any(axis=None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"run_folder": "nowhere"}, "nowhere is not a folder"),
        ({"run_folder": "."}, "is not a complete run"),
        ({"genotype_file": "nowhere.npy"}, "nowhere.npy is not there"),
        ({"accelerator": "gpu"}, "accelerator=gpu: there is no GPU"),
    ],
)
def test_refusals(named, tmp_path, change, words):
    folder, _ = named
    with pytest.raises(InputError, match=words):
        predict_to(
            **(
                {"run_folder": folder / "run", "genotype_file": folder / "geno.tsv", "output": tmp_path / "out.tsv"}
                | change
            )
        )


def test_output_is_not_overwritten_unless_asked(named, tmp_path):
    folder, _ = named
    output = tmp_path / "out.tsv"
    output.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        predict_to(folder / "run", folder / "geno.tsv", output)
    assert output.read_text() == "mine"
    predict_to(folder / "run", folder / "geno.tsv", output, overwrite=True)
    assert output.read_text() != "mine"


@pytest.fixture(scope="module")
def by_temperature(tmp_path_factory):
    """A run that knows its environments by temperature; 29C is in the data but not in training."""
    folder = tmp_path_factory.mktemp("by_temperature")
    options = ["model=transformer", "model.environment=joint", "model.environment_encoding=covariate", "data.epsilon=1"]
    target = ["data.target_environment=29C", "data.target_values=0", "data.target_scaling=covariate"]
    more = ["data.temperatures=[23,26,29,33,36]", "data.n_segregants=1500", "trainer.max_epochs=8", "data.noise=0.05"]
    run(compose_config([*SMALL, *options, *target, *more, "training.learning_rate=1e-2"]), folder / "run")
    genotype = np.random.default_rng(1).choice([-1, 1], (12, 6))
    np.save(folder / "new.npy", genotype)
    predict_to(folder / "run", folder / "new.npy", folder / "own.tsv")
    return folder


def test_environments_of_the_run_are_predicted_the_same_by_their_covariates(by_temperature, tmp_path):
    (tmp_path / "e.tsv").write_text("name\tpH\ttemperature\n29C\t5\t29\n23C\t6\t23\n")
    folder = by_temperature
    predict_to(folder / "run", folder / "new.npy", tmp_path / "out.tsv", environment_file=tmp_path / "e.tsv")
    given = pd.read_csv(tmp_path / "out.tsv", sep="\t").pivot(index="id", columns="environment", values="predicted")
    own = pd.read_csv(folder / "own.tsv", sep="\t").pivot(index="id", columns="environment", values="predicted")
    assert list(given) == ["23C", "29C"]
    np.testing.assert_allclose(given, own[["23C", "29C"]], rtol=1e-5)


def test_new_environment_lies_on_the_reaction_norm_of_every_individual(by_temperature, tmp_path):
    """Predictions of all temperatures are quadratic in it, in original units, up to their means."""
    rows = "".join(f"t{t}\t{t}\n" for t in (24, 27.5, 30, 31, 35))
    (tmp_path / "e.tsv").write_text("name\ttemperature\n" + rows)
    folder = by_temperature
    predict_to(folder / "run", folder / "new.npy", tmp_path / "out.tsv", environment_file=tmp_path / "e.tsv")
    table = pd.read_csv(tmp_path / "out.tsv", sep="\t").pivot(index="id", columns="environment", values="predicted")
    table = table - table.mean()
    t = np.array([float(name[1:]) for name in table])
    for row in table.to_numpy():
        np.testing.assert_allclose(np.polyval(np.polyfit(t, row, 2), t), row, atol=1e-3 * abs(row).max())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\tpH\nx\t5\n", "has no column temperature: it has pH"),
        ("name\ttemperature\nx\t\n", "covariate temperature of environment x is missing"),
        ("name\ttemperature\nx\t1\nx\t2\n", "id x occurs more than once"),
    ],
)
def test_bad_environment_files_are_refused(by_temperature, text, words, tmp_path):
    (tmp_path / "e.tsv").write_text(text)
    folder = by_temperature
    with pytest.raises(InputError, match=words):
        predict_to(folder / "run", folder / "new.npy", tmp_path / "out.tsv", environment_file=tmp_path / "e.tsv")


def test_run_that_knows_environments_by_name_has_no_new_ones(named, tmp_path):
    folder, genotype = named
    genotype.to_csv(tmp_path / "new.csv")
    (tmp_path / "e.tsv").write_text("name\ttemperature\nx\t1\n")
    with pytest.raises(
        InputError, match="knows its environments by name only; fit one with model.environment_encoding"
    ):
        predict_to(folder / "run", tmp_path / "new.csv", tmp_path / "out.tsv", environment_file=tmp_path / "e.tsv")


def test_bounds_are_the_conformal_quantile_of_the_validation_errors(named, tmp_path):
    folder, _ = named
    validation = read(folder / "run" / "predictions_val.tsv")
    errors = np.sort((validation["measured"] - validation["predicted"]).abs())
    for level in (0.5, 0.9):
        predict_to(folder / "run", folder / "geno.tsv", tmp_path / f"{level}.tsv", level=level)
        table = read(tmp_path / f"{level}.tsv")
        width = errors[int(np.ceil((len(errors) + 1) * level - 1e-9)) - 1]
        np.testing.assert_allclose(table["upper"] - table["predicted"], width, rtol=1e-4)
        np.testing.assert_allclose(table["predicted"] - table["lower"], width, rtol=1e-4)
    assert "sd" not in table


def test_ensemble_is_the_mean_of_its_runs_and_its_bounds_are_of_the_mean(named, ensemble, tmp_path):
    folder, _ = named
    single = []
    for number, one in enumerate(ensemble[:2]):
        predict_to(one, folder / "geno.tsv", tmp_path / f"{number}.tsv")
        single.append(read(tmp_path / f"{number}.tsv")["predicted"])
    predict_to(None, folder / "geno.tsv", tmp_path / "both.tsv", ensemble=[str(one) for one in ensemble[:2]])
    table = read(tmp_path / "both.tsv")
    np.testing.assert_allclose(table["predicted"], np.mean(single, axis=0), rtol=1e-6)
    np.testing.assert_allclose(table["sd"], np.abs(single[0] - single[1]) / np.sqrt(2), rtol=1e-3)
    parts = [read(one / "predictions_val.tsv") for one in ensemble[:2]]
    errors = np.sort((parts[0]["measured"] - (parts[0]["predicted"] + parts[1]["predicted"]) / 2).abs())
    k = int(np.ceil((len(errors) + 1) * 0.9 - 1e-9))
    np.testing.assert_allclose((table["upper"] - table["lower"]) / 2, errors[k - 1], rtol=1e-4)


@pytest.mark.parametrize("change", [{"run_folder": None}, {"ensemble": ["a", "b"]}])
def test_one_run_or_an_ensemble(named, tmp_path, change):
    folder, _ = named
    with pytest.raises(InputError, match="give the folder of one run, or those of an ensemble"):
        given = {"run_folder": folder / "run", "genotype_file": folder / "geno.tsv", "output": tmp_path / "out.tsv"}
        predict_to(**given | change)
