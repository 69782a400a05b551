import json

import pytest
from conftest import SMALL

from gpattention.config import check_config, compose_config
from gpattention.errors import InputError
from gpattention.run_folder.identity import identify, refuse_another, to_json


def identity(*overrides, planned=None):
    return identify(check_config(compose_config([*SMALL, *overrides])), planned)


@pytest.mark.parametrize(
    "overrides",
    [
        ["logger=wandb", "logger.project=other"],
        ["overwrite=true"],
        ["resume=auto"],
        ["trainer=auto"],
        ["data.epsilon=0.30"],
        ["hydra.run.dir=elsewhere"],
    ],
)
def test_where_and_how_it_is_watched_makes_no_other_run(overrides):
    assert identity(*overrides).digest == identity().digest


@pytest.mark.parametrize(
    ("overrides", "keys"),
    [
        (["seed=1"], ["seed"]),
        (["data.epsilon=1"], ["data.epsilon"]),
        (["trainer.precision=bf16-mixed"], ["trainer.precision"]),
        (["training.freeze=[embedding]"], ["training.freeze"]),
    ],
)
def test_settings_make_another_run(overrides, keys):
    assert identity(*overrides).digest != identity().digest
    assert identity(*overrides).differences(identity().content) == keys


def test_whole_numbers_are_the_same_with_and_without_a_point():
    assert identity("data.epsilon=1").digest == identity("data.epsilon=1.0").digest


def test_files_count_by_their_content(own_files, tmp_path):
    genotype, phenotype = own_files
    table = [
        "data=table",
        f"data.genotype_file={genotype.name}",
        f"data.phenotype_file={phenotype.name}",
        "model=linear",
    ]

    def of(folder):
        return identify(check_config(compose_config(["trainer=cpu", *table, f"data.root={folder}"]))).digest

    first = of(tmp_path)
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in own_files:
        (moved / path.name).write_bytes(path.read_bytes())
    assert of(moved) == first
    (moved / phenotype.name).write_text(phenotype.read_text().replace("line1,", "line1,9"))
    assert of(moved) != first
    (moved / phenotype.name).unlink()
    with pytest.raises(InputError, match=r"pheno.csv is not there"):
        of(moved)


def test_run_that_starts_from_another_counts_by_that_one(tmp_path):
    source = tmp_path / "source"
    planned = identity(f"fine_tune_from={source}", planned={str(source): "abc"})
    assert planned.content["fine_tune_from"] == "abc"
    source.mkdir()
    (source / "identity.json").write_text(json.dumps({"identity": "abc"}))
    assert identity(f"fine_tune_from={source}").digest == planned.digest


def test_unreadable_identity_is_refused(tmp_path):
    refuse_written = to_json(identity())
    (tmp_path / "identity.json").write_text(json.dumps(refuse_written))
    refuse_another(identity(), tmp_path)
    for text in ("[]", "{", ""):
        (tmp_path / "identity.json").write_text(text)
        with pytest.raises(InputError, match=r"identity.json cannot be (read|used) .*: set overwrite=true"):
            refuse_another(identity(), tmp_path)
