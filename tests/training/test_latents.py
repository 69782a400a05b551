import pandas as pd
import pytest
from small_runs import small_run

from gpattention.errors import InputError
from gpattention.models.latent_traits import Setting
from gpattention.run_folder.loading import load_run
from gpattention.training.latents import fewest_near_best

QUICK = ["data.n_segregants=1500", "data.n_loci=6", "data.n_interactions=2", "trainer.max_epochs=4", "model.n_starts=2"]


def test_the_fewest_traits_within_a_standard_error_are_chosen_with_their_best_decays():
    settings = [Setting(k, decay, 0.1) for k in (1, 2, 4) for decay in (0.3, 1.0)]
    r2 = [0.50, 0.51, 0.79, 0.78, 0.795, 0.80]
    near, far = [0.02, 0.02, 0.011, 0.011, 0.01, 0.0], [0.02, 0.02, 0.009, 0.03, 0.01, 0.0]
    assert settings[fewest_near_best(settings, r2, near)] == Setting(2, 0.3, 0.1)
    assert settings[fewest_near_best(settings, r2, far)] == Setting(4, 1.0, 0.1)


def test_a_run_chooses_by_validation_and_says_among_what(tmp_path):
    metrics = small_run(tmp_path, "model=latent", *QUICK, "data.temperatures=[23,30]")
    table = pd.read_csv(tmp_path / "candidates.tsv", sep="\t")
    assert len(table) == 6 * 4 * 3
    assert table.nlargest(5, "val/r2")["averaged"].all() and table["averaged"].sum() == 5
    assert metrics["val/r2"] > table["val/r2"].max() - 0.01
    chosen = table[table["read"]].iloc[0]
    assert chosen["val/r2"] + chosen["standard_error"] >= table["val/r2"].max()
    network = load_run(tmp_path).module.network
    assert network.settings[int(network.chosen)].n_latents == chosen["n_latents"]
    assert metrics["n_parameters"] == network.n_fitted() > 0


def test_members_of_latent_traits_are_refused(tmp_path):
    with pytest.raises(InputError, match="n_starts"):
        small_run(tmp_path, "model=latent", *QUICK, "training.n_members=2")
