"""Run folders with a file cut off, changed, of another run or made up by somebody else.

Every damage is tried twice: as it is, which the checksums find, and with checksums made to fit, as a stranger would.
"""

import json
import re
import shutil
from functools import partial

import numpy as np
import pytest
import torch
import yaml
from conftest import SMALL
from refusals import refused

from gpattention.config import compose_config
from gpattention.files.checksums import CHECKSUMS, list_checksums
from gpattention.report.report import report
from gpattention.run_folder import files, loading
from gpattention.run_folder.identity import identify, refuse_another, run_digest
from gpattention.run_folder.predictions import read_predictions
from gpattention.runs.run import run
from gpattention.runs.verify import verify
from gpattention.training.checkpoints import DurableCheckpointIO, read_checkpoint, sealed


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    fast = ["model.embedding_dim=2", "model.n_layers=1", "trainer.max_epochs=1"]
    run(compose_config([*SMALL, "model=transformer", "model.n_heads=1", *fast]), folder / "network")
    run(compose_config([*SMALL, "model=linear"]), folder / "linear")
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    shutil.copytree(finished / "network", tmp_path / "run")
    return tmp_path / "run"


def reseal(folder):
    (folder / CHECKSUMS).write_text(list_checksums(folder, (*files.SEALED, files.METRICS), {}))


def as_text(name, change):
    """A change of the text of a file."""

    def damage(folder):
        path = folder / name
        path.write_text(change(path.read_text()))

    return damage


def as_json(name, **changes):
    """Values of a JSON file replaced; None removes one."""

    def damage(folder):
        content = json.loads((folder / name).read_text())
        for key, value in changes.items():
            content.pop(key) if value is None else content.update({key: value})
        (folder / name).write_text(json.dumps(content))

    return damage


def as_config(*keys, value):
    """One value of config.yaml replaced."""

    def damage(folder):
        content = yaml.safe_load((folder / "config.yaml").read_text())
        node = content
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = value
        (folder / "config.yaml").write_text(yaml.safe_dump(content))

    return damage


def as_checkpoint(change):
    """A checkpoint with other content, sealed again."""

    def damage(folder):
        content = read_checkpoint(folder / "best.ckpt")
        DurableCheckpointIO().save_checkpoint(change(content) or content, folder / "best.ckpt")

    return damage


def settings(**changes):
    return as_checkpoint(lambda content: content["hyper_parameters"].update(changes))


def model(**changes):
    return as_checkpoint(lambda content: content["hyper_parameters"]["model"].update(changes))


def parameters(change):
    def apply(content):
        name = next(name for name in content["state_dict"] if name.endswith("embedding"))
        content["state_dict"][name] = change(content["state_dict"][name])

    return as_checkpoint(apply)


def bytes_of(name, change):
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def of_linear(name):
    return lambda folder: shutil.copy(folder.parent / "linear" / name, folder / name)


class Code:
    def __reduce__(self):
        return (print, ("this was run",))


UNFIT = {
    "no folder": shutil.rmtree,
    "a file in its place": lambda folder: (shutil.rmtree(folder), folder.touch()),
    "no metrics": lambda folder: (folder / "metrics.json").unlink(),
    "no checkpoint": lambda folder: (folder / "best.ckpt").unlink(),
    "no preprocessing": lambda folder: (folder / "preprocessing.json").unlink(),
    "config: empty": as_text("config.yaml", lambda text: ""),
    "config: cut off": as_text("config.yaml", lambda text: text[: len(text) // 2] + "\n  : ["),
    "config: a list": as_text("config.yaml", lambda text: "- 1\n- 2\n"),
    "config: tabs": as_text("config.yaml", lambda text: "\t" + text),
    "config: object": as_text("config.yaml", lambda text: text + "x: !!python/object/apply:os.getcwd []\n"),
    "config: aliases": as_text("config.yaml", lambda text: "a: &a [1]\nb: [*a, *a]\n" + text),
    "config: key twice": as_text("config.yaml", lambda text: text + "seed: 1\n"),
    "config: deep": as_text("config.yaml", lambda text: "x: " + "[" * 5000),
    "config: large": as_text("config.yaml", lambda text: text + "#" * 2**19),
    "config: interpolation": as_config("monitor", value="${oc.env:HOME}"),
    "config: latin1": bytes_of("config.yaml", lambda content: content + b"# \xe9\n"),
    "config: class of Python": as_config("model", "_target_", value="subprocess.Popen"),
    "config: class of torch": as_config("model", "_target_", value="torch.nn.Linear"),
    "config: function of ours": as_config("model", "_target_", value="gpattention.runs.folder.remove_run"),
    "config: by way of ours": as_config("model", "_target_", value="gpattention.run_folder.files.shutil.rmtree"),
    "config: data of Python": as_config("data", "_target_", value="os.listdir"),
    "config: logger of Python": as_config("logger", "_target_", value="os.getcwd"),
    "config: callback of Python": as_config("callbacks", value={"mine": {"_target_": "os.getcwd"}}),
    "config: no model": as_config("model", value=None),
    "preprocessing: empty": as_text("preprocessing.json", lambda text: ""),
    "preprocessing: cut off": as_text("preprocessing.json", lambda text: text[:-20]),
    "preprocessing: a list": as_text("preprocessing.json", lambda text: "[]"),
    "preprocessing: deep": as_text("preprocessing.json", lambda text: "[" * 200_000),
    "preprocessing: no mean": as_json("preprocessing.json", mean=None),
    "preprocessing: mean is text": as_json("preprocessing.json", mean=["0"]),
    "preprocessing: mean is not finite": as_text(
        "preprocessing.json", lambda text: text.replace('"sd"', '"x": NaN, "sd"')
    ),
    "preprocessing: mean is too large": as_text(
        "preprocessing.json", lambda text: text.replace('"sd"', '"x": 1e999, "sd"')
    ),
    "preprocessing: two means": as_json("preprocessing.json", mean=[0.0, 1.0]),
    "preprocessing: sd of 0": as_json("preprocessing.json", sd=[0.0]),
    "preprocessing: negative sd": as_json("preprocessing.json", sd=[-1.0]),
    "preprocessing: unknown coding": as_json("preprocessing.json", coding="ternary"),
    "preprocessing: loci beyond": as_json("preprocessing.json", loci_index=[0, 1, 2, 3, 4, 600]),
    "preprocessing: negative locus": as_json("preprocessing.json", loci_index=[-1, 1, 2, 3, 4, 5]),
    "preprocessing: locus twice": as_json("preprocessing.json", loci_index=[0, 0, 2, 3, 4, 5]),
    "preprocessing: loci swapped": as_json("preprocessing.json", loci_index=[1, 0, 2, 3, 4, 5]),
    "preprocessing: fewer loci": as_json("preprocessing.json", loci_index=[0, 1], locus_names=["a", "b"]),
    "preprocessing: letters of fewer loci": as_json("preprocessing.json", alleles=[["A", "C"]]),
    "preprocessing: one letter": as_json("preprocessing.json", alleles=[["A"]] * 6),
    "preprocessing: means of fewer loci": as_json("preprocessing.json", mean_allele=[0.0]),
    "preprocessing: names twice": as_json("preprocessing.json", locus_names=["a"] * 6),
    "preprocessing: other environment": as_json("preprocessing.json", environment_names=["31C"]),
    "preprocessing: no environment": as_json(
        "preprocessing.json", environment_names=[], mean=[], sd=[], n_train_values=[], covariates={}
    ),
    "checkpoint: empty": bytes_of("best.ckpt", lambda content: b""),
    "checkpoint: cut off": bytes_of("best.ckpt", lambda content: content[:-100]),
    "checkpoint: bit changed": bytes_of(
        "best.ckpt", lambda content: content[:900] + bytes([content[900] ^ 4]) + content[901:]
    ),
    "checkpoint: no seal": bytes_of("best.ckpt", lambda content: content[:-73] + b"\0\0"),
    "checkpoint: no archive": bytes_of("best.ckpt", lambda content: sealed(b"weights\0\0")),
    "checkpoint: code": as_checkpoint(lambda content: content | {"x": Code()}),
    "checkpoint: of another model": of_linear("best.ckpt"),
    "checkpoint: a list": as_checkpoint(lambda content: [1]),
    "checkpoint: no settings": as_checkpoint(lambda content: content.pop("hyper_parameters") and None),
    "checkpoint: no parameters": as_checkpoint(lambda content: content.pop("state_dict") and None),
    "checkpoint: parameter gone": as_checkpoint(lambda content: content["state_dict"].popitem() and None),
    "checkpoint: parameter more": as_checkpoint(lambda content: content["state_dict"].update(x=torch.zeros(1))),
    "checkpoint: parameter is text": parameters(lambda values: "text"),
    "checkpoint: other shape": parameters(lambda values: values[:, :1].clone()),
    "checkpoint: not finite": parameters(lambda values: values * torch.nan),
    "checkpoint: one value for all": parameters(lambda values: torch.zeros(1).expand(2**20, 2**20)),
    "checkpoint: sparse": parameters(lambda values: values.to_sparse()),
    "checkpoint: class of Python": model(_target_="os.system"),
    "checkpoint: class of torch": model(_target_="gpattention.training.by_gradients.nn.Linear"),
    "checkpoint: unknown argument": model(command="ls"),
    "checkpoint: instantiator": settings(_instantiator="os.system"),
    "checkpoint: no loci": settings(n_loci=0),
    "checkpoint: negative loci": settings(n_loci=-6),
    "checkpoint: more loci than memory": settings(n_loci=10**12),
    "checkpoint: more loci than numbers": settings(n_loci=10**30),
    "checkpoint: loci as text": settings(n_loci="6"),
    "checkpoint: wider than memory": model(embedding_dim=10**9),
    "checkpoint: layers without end": model(n_layers=10**9),
    "checkpoint: other environments": settings(environment_names=["30C", "31C"]),
    "checkpoint: rate not finite": settings(learning_rate=float("nan")),
}


@pytest.mark.parametrize("name", UNFIT)
def test_run_is_not_loaded(name, folder, finished, capsys):
    shutil.copytree(finished / "linear", folder.parent / "linear")
    UNFIT[name](folder)
    refused(lambda: loading.load_run(folder), str(folder))
    if (folder / CHECKSUMS).is_file():
        reseal(folder)
        refused(lambda: loading.load_run(folder), str(folder))
    assert "this was run" not in capsys.readouterr().out


def test_archive_that_expands_is_not_a_checkpoint(folder):
    """A checkpoint's entries are stored as they are; packed ones could come to any size."""
    import io
    import zipfile

    content, packed = (folder / "best.ckpt").read_bytes(), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as after:
        for entry in before.infolist():
            data = before.read(entry)
            after.writestr(entry.filename, data if entry.filename.endswith("pkl") else bytes(2**24))
    (folder / "best.ckpt").write_bytes(sealed(packed.getvalue()))
    reseal(folder)
    assert "packed" in refused(lambda: loading.load_run(folder), "best.ckpt")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"test/r2": NaN, "made_with": {}}', '{"test/r2": 1}', "[" * 10**5]
)
def test_metrics(content, folder):
    (folder / "metrics.json").write_text(content)
    refused(lambda: files.read_metrics(folder), "metrics.json")
    reseal(folder)
    refused(lambda: files.read_metrics(folder), "metrics.json")


@pytest.mark.parametrize("content", ["", "{", "[]", '"x"', "{}"])
def test_identity(content, folder):
    config = loading.read_config(folder)
    refuse_another(identify(config), folder)
    (folder / "identity.json").write_text(content)
    refused(lambda: run_digest("fine_tune_from", folder), "identity.json")
    reseal(folder)
    refused(lambda: run_digest("fine_tune_from", folder), "identity.json")
    refused(lambda: refuse_another(identify(config), folder), "identity.json")


@pytest.mark.parametrize(
    "content", [b"", b"id\tenvironment\n", b"id\tenvironment\tmeasured\tpredicted\nx\t30C\t1\tred\n"]
)
def test_predictions(content, folder):
    (folder / "predictions_test.tsv").write_bytes(content)
    refused(lambda: read_predictions(folder), "predictions_test.tsv")
    reseal(folder)
    refused(lambda: read_predictions(folder), "predictions_test.tsv")


@pytest.mark.parametrize(
    "arrays", [{}, {"individual_ids": np.array(["x"])}, {"individual_ids": np.array(["x"]), "train": [5], "val": [0]}]
)
def test_splits_of_the_run_that_another_starts_from(arrays, folder):
    np.savez(folder / "splits.npz", **arrays)
    reseal(folder)
    start = compose_config(
        [*SMALL, "model=transformer", "model.n_heads=1", "model.embedding_dim=2", "model.n_layers=1"]
    )
    start.fine_tune_from = str(folder)
    refused(lambda: run(start, folder.parent / "new"), "splits.npz")
    assert not (folder.parent / "new").exists()


def test_run_of_another_version_is_not_loaded(folder):
    """Whoever opens it: one message, that says by which version it was made and not that it is damaged."""
    as_json("identity.json", results_format=1)(folder)
    made_with = json.loads((folder / "metrics.json").read_text())["made_with"]
    made_with["versions"]["gpattention"] = "0.1.0"
    as_json("metrics.json", made_with=made_with)(folder)
    config = folder / "config.yaml"
    config.write_text(re.sub(r"gpattention\.(models|regressions)\.", "gpattention.gone.", config.read_text()))
    reseal(folder)
    words = "results of format 1, by gpattention 0.1.0, and this version writes format 2: give another folder"
    for opened in (loading.load_run, lambda run: verify(run=str(run)), lambda run: report(run=str(run))):
        assert words in refused(partial(opened, folder), str(folder))


def test_undamaged_run_is_loaded_with_and_without_its_checksums(folder):
    first = loading.load_run(folder).module.state_dict()
    reseal(folder)
    again = loading.load_run(folder).module.state_dict()
    assert all(torch.equal(values, again[name]) for name, values in first.items())
