import numpy as np
import pandas as pd
import pytest
import torch
from small_runs import small_run

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.interpret.fitted_map import open_map
from gpattention.interpret.latents import canonical, predict, read
from gpattention.runs.run import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Phenotypes that are a smooth function of two additive traits, of loci 1 to 5 and of loci 6 to 10."""
    folder = tmp_path_factory.mktemp("latents")
    rng = np.random.default_rng(0)
    genotype = rng.choice([0, 1], (3000, 10))
    signed = 2 * genotype - 1
    first, second = signed[:, :5].sum(1) / 5**0.5, signed[:, 5:].sum(1) / 5**0.5
    phenotype = np.column_stack([np.tanh(first) * (2 + second), np.tanh(first) * (2 - second)])
    phenotype += 0.1 * rng.normal(size=phenotype.shape)
    names = [f"m{k}" for k in range(1, 11)]
    ids = [f"s{k}" for k in range(3000)]
    pd.DataFrame(genotype, columns=names, index=pd.Index(ids, name="id")).to_csv(folder / "genotype.tsv", sep="\t")
    pd.DataFrame(phenotype, columns=["A", "B"], index=pd.Index(ids, name="id")).to_csv(
        folder / "phenotype.tsv", sep="\t"
    )
    files = [f"data.{kind}_file={folder / kind}.tsv" for kind in ("genotype", "phenotype")]
    run(
        compose_config(["model=latent", "data=table", *files, "data.coding=binary", "trainer=cpu", "logger=none"]),
        folder / "run",
    )
    return folder / "run"


def test_traits_are_uncorrelated_ordered_and_lose_nothing(folder):
    fitted = open_map(folder)
    network = fitted.run.module.network.double()
    genotype = torch.from_numpy(fitted.genotype).double()
    member = network.members_of(network.chosen).tolist()[0]
    form, predicted = canonical(network, genotype, member)
    np.testing.assert_allclose(np.cov(form.trait.T, bias=True), np.eye(form.trait.shape[1]), atol=1e-6)
    assert (np.diff(form.slope) <= 0).all()
    np.testing.assert_allclose(
        predict(network, member, form.trait @ form.to_latent + form.centre), predicted, atol=1e-6
    )
    at = {True: fitted.genotype.copy(), False: fitted.genotype.copy()}
    for is_high, values in at.items():
        values[:, 3] = 1 if is_high else -1
    high, low = (canonical_of(network, values, member, form) for values in (at[True], at[False]))
    np.testing.assert_allclose((high - low).mean(0), form.loading[3], atol=1e-8)


def canonical_of(network, genotype, member, form):
    """Traits of other genotypes in the form of the backgrounds."""
    slot = network.slot[member, : len(form.centre)]
    latent = genotype @ (network.loading * network.scale)[:, slot].detach().numpy()
    return (latent - form.centre) @ np.linalg.pinv(form.to_latent)


def test_two_true_traits_are_found(folder):
    tables, drawn, _ = read(open_map(folder))
    traits, loadings = tables["latents_traits"], tables["latents"]
    assert traits["variance_explained"].iloc[1] > 0.97
    assert traits["variance_explained"].iloc[0] < 0.95
    assert (traits["agreement"].iloc[:2] > 0.95).all()
    for name, inside in (("trait_1", slice(0, 5)), ("trait_2", slice(5, 10))):
        values = loadings[name].to_numpy()
        mine = np.zeros(10, bool)
        mine[inside] = True
        np.testing.assert_allclose(abs(values[mine]), 2 / 5**0.5, rtol=0.15)
        assert abs(values[~mine]).max() < 0.15
    assert {"latents", "latents_surface", "latents_number"} == set(drawn)
    number = tables["latents_number"].set_index("n_latents")
    assert number["val/r2"][1] < number["val/r2"][2] - 0.02
    assert number["chosen"].sum() == 1


def test_other_maps_are_refused(tmp_path):
    small_run(tmp_path, "model=linear")
    with pytest.raises(InputError, match="model=latent"):
        read(open_map(tmp_path))
