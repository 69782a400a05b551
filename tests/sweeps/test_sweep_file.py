import pytest
import yaml

from gpattention.config import check_config, compose_config
from gpattention.errors import InputError
from gpattention.hydra_targets import conf_folder
from gpattention.sweeps import sweep_file
from gpattention.sweeps.sweep_file import Sweep


@pytest.mark.parametrize("path", sorted((conf_folder() / "sweeps").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sweep_composes_at_every_scale(path):
    own = ["data.genotype_file=g.tsv", "data.phenotype_file=p.tsv", "data.target_environment=A"]
    for scale in sweep_file.read_sweep(path.stem).scales or [None]:
        content = sweep_file.read_sweep(path.stem, scale)
        for label, block in sweep_file.merge(content, own if path.stem == "transfer_table" else []).items():
            if content.n_trials:
                block = [one.input_line for one in sweep_file.parse(block) if not one.is_sweep_override()]
            for job in (first := sweep_file.expand(label, block))[:: max(1, len(first) - 1)]:
                assert check_config(compose_config(job.overrides))


def test_blocks_expand_to_products():
    block = ["model=attention", "seed=3", "model.embedding_dim=12,30", "data.epsilon=0,0.5"]
    assert sweep_file.expand("my attention", block) == [
        (
            "my attention",
            f"my_attention,model.embedding_dim={d},data.epsilon={e}",
            [*block[:2], f"model.embedding_dim={d}", f"data.epsilon={e}"],
            {"model.embedding_dim": str(d), "data.epsilon": str(e)},
        )
        for d in (12, 30)
        for e in (0, 0.5)
    ]
    assert sweep_file.expand("linear", ["model=linear", "data.environments=[A,B]"])[0] == (
        "linear",
        "linear",
        ["model=linear", "data.environments=[A,B]"],
        {},
    )


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("seed=range(3,3)", "seed=range\\(3,3\\) has no values: give at least one"),
        ("training.learning_rate=interval(0.1,1)", "an interval is for a search"),
    ],
)
def test_grids_without_values_are_refused(override, words):
    with pytest.raises(InputError, match=words):
        sweep_file.expand("a", ["model=linear", override])


def test_scales_go_into_their_blocks():
    sweep = SWEEP._replace(scales={"small": {"common": ["seed=9"], "two": ["x=1"]}, "large": {"one": ["seed=6"]}})
    small, large = sweep_file.at_scale(sweep, None), sweep_file.at_scale(sweep, "large")
    assert (small.folder, large.folder) == ("f", "f_large")
    assert small.common == ["data=simulated", "seed=9", "trainer.max_epochs=3"]
    assert small.blocks == {
        "one": ["model=linear", "seed=5"],
        "two": ["model=attention", "model.embedding_dim=3,4", "x=1"],
    }
    assert (large.common, large.blocks["one"]) == (SWEEP.common, ["model=linear", "seed=6"])


@pytest.mark.parametrize("override", ["hydra.run.dir=x", "hydra.sweep.dir=x", "hydra.sweep.subdir=x"])
def test_folders_of_runs_cannot_be_given(override):
    with pytest.raises(InputError, match="folders of their own; give folder=FOLDER"):
        sweep_file.merge(SWEEP, [override])


SWEEP = Sweep(
    title="t",
    folder="f",
    common=["data=simulated", "seed=0,1", "trainer.max_epochs=3"],
    blocks={"one": ["model=linear", "seed=5"], "two": ["model=attention", "model.embedding_dim=3,4"]},
)


@pytest.mark.parametrize(
    ("given", "one", "two"),
    [
        ([], ["seed=5", "trainer.max_epochs=3"], ["seed=0,1", "trainer.max_epochs=3", "model.embedding_dim=3,4"]),
        (
            ["seed=7,8"],
            ["seed=5", "trainer.max_epochs=3"],
            ["seed=7,8", "trainer.max_epochs=3", "model.embedding_dim=3,4"],
        ),
        (
            ["trainer.max_epochs=9", "data.seed=2", "model.embedding_dim=6"],
            ["seed=5", "trainer.max_epochs=9", "data.seed=2"],
            ["seed=0,1", "trainer.max_epochs=9", "model.embedding_dim=6", "data.seed=2"],
        ),
    ],
)
def test_command_line_goes_before_the_block_and_the_block_before_what_is_common(given, one, two):
    merged = sweep_file.merge(SWEEP, given)
    assert set(merged["one"]) == {"data=simulated", "model=linear", *one}
    assert set(merged["two"]) == {"data=simulated", "model=attention", *two}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("blocks: [", "cannot be read as YAML"),
        ("", "give a valid dictionary"),
        ("title: t\nfolder: f\nblocks: {a: [model=linear]}", "common=None: give a valid list"),
        ("title: t\nfolder: f\ncommon: []\nblocks: {a: [seed=1, 2]}", "blocks=.*: give a valid string"),
        ("title: t\nfolder: f\ncommon: []\nblok: 1", "unknown key .*blok"),
        ("title: t\nfolder: f\ncommon: []\nblocks: {}", "blocks is empty: give at least one"),
        (
            "title: t\nfolder: f\ncommon: []\nblocks: {a: []}\nscales: {s: {b: []}}",
            "scales.s: did you mean a|scales.s: .* has a",
        ),
        (
            "title: t\nfolder: f\ncommon: []\nblocks: {one: [model=linear]}\naverages: {b: [one, two]}",
            "averages.b: no block is called two: the sweep has one",
        ),
    ],
)
def test_bad_sweep_files_are_refused(text, words, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        sweep_file.read_sweep(str(path))


@pytest.mark.parametrize(
    ("name", "words"), [("fig2c", "it has small, paper"), ("quickstart", "one size; leave scale out")]
)
def test_unknown_scales_are_refused(name, words):
    with pytest.raises(InputError, match=f"scale=huge: .*{words}"):
        sweep_file.read_sweep(name, "huge")


def test_file_of_ones_own_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="mine.yaml is not there"):
        sweep_file.read_sweep(str(tmp_path / "mine.yaml"))


def write_sweep(path, **content):
    path.write_text(yaml.safe_dump({"title": "T", "folder": "f"} | content))
    return str(path)


def test_a_sweep_takes_what_it_lacks_from_the_one_it_extends(tmp_path):
    mine = write_sweep(
        tmp_path / "mine.yaml",
        extends="fig2c",
        common=["data=simulated", "data.noise=0"],
        blocks={"pairwise": ["model=pairwise_iterative"], "kernel": ["model=kernel"]},
        scales={"small": {"common": ["data.n_loci=9"]}},
    )
    sweep, base = sweep_file.read_sweep(mine), sweep_file.read_sweep("fig2c")
    assert (sweep.title, sweep.folder, sweep.analysis, sweep.x) == ("T", "f", "curves", "data.epsilon")
    assert sweep.common == ["data=simulated", "data.noise=0", "data.n_loci=9"]
    assert list(sweep.blocks) == [*base.blocks, "kernel"]
    assert sweep.blocks["pairwise"] == ["model=pairwise_iterative"]
    assert sweep.blocks["transformer"] == base.blocks["transformer"]
    assert sweep.scales["paper"] == base.scales["paper"]
    again = write_sweep(tmp_path / "again.yaml", extends=mine, folder="g")
    assert sweep_file.read_sweep(again).blocks == sweep.blocks


def test_each_stands_for_a_run_in_every_environment(tmp_path):
    content = {"common": ["data=simulated"], "blocks": {"one": ["data.environments=each"], "all": ["model=linear"]}}
    path = write_sweep(tmp_path / "mine.yaml", environments=["23C", "4NQO"], **content)
    sweep = sweep_file.read_sweep(path)
    assert sweep.blocks["one"] == ["data.environments=[23C],[4NQO]"]
    jobs = sweep_file.expand("one", sweep.blocks["one"])
    assert [job.varied for job in jobs] == [{"data.environments": "[23C]"}, {"data.environments": "[4NQO]"}]
    given = sweep_file.merge(sweep_file.read_sweep(path), ["data.environments=each"])
    assert given["one"] == ["data=simulated", "data.environments=[23C],[4NQO]"]
    with pytest.raises(InputError, match=r"data.environments=each: the sweep names no environments: add environments"):
        sweep_file.read_sweep(write_sweep(tmp_path / "other.yaml", **content))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("fig2", r"mine.yaml: extends: unknown sweep fig2: did you mean .*fig2c"),
        ("nowhere.yaml", "nowhere.yaml is not there"),
        ("ITSELF", r"mine.yaml: extends: it extends itself, by way of .*mine.yaml"),
        (["fig2c"], r"mine.yaml: extends=\['fig2c'\]: give a valid string"),
    ],
)
def test_what_cannot_be_extended_is_refused(other, words, tmp_path):
    path = tmp_path / "mine.yaml"
    write_sweep(path, extends=str(path) if other == "ITSELF" else other)
    with pytest.raises(InputError, match=words):
        sweep_file.read_sweep(str(path))
