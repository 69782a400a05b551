"""The files of `conf/sweeps`: what they hold, and which runs their blocks stand for."""

import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from gpattention.checks import check_type, refuse_unknown, suggest
from gpattention.errors import InputError
from gpattention.files.untrusted import read_yaml, refuse_missing_file
from gpattention.hydra_targets import conf_folder

NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._=+-]")
LONGEST_NAME = 120
MERGED = ("blocks", "scales", "averages")  # key by key, where a sweep extends another
EACH = "data.environments=each"


class Sweep(NamedTuple):
    """The content of a file in `conf/sweeps`.

    Attributes:
        title: of the table and the figure.
        folder: where the runs go unless the command line says otherwise.
        common: overrides of every block that does not set the key itself.
        blocks: overrides by label. Choices (`key=1,2`) make a grid, in common as in a block. `{run:LABEL}` stands for
            the folder of the one run of an earlier block, so that a run can start from it.
        scales: for every size at which the sweep can be run, overrides by block label (or `common`) that go before the
            others; the first is the default.
        analysis: what the runs come to.
        averages: for the analysis of environments, blocks whose predictions are averaged, by label.
        x, panel: for the analysis of curves, the keys along the axis and across the panels.
        n_trials: of a search, in which intervals (`key=interval(1,2)`) take the place of grids.
        environments: what `data.environments=each` in a block stands for: a run for each of these names.

    A file may also hold `extends: NAME`, a file of `conf/sweeps` whose keys it takes where it has none; blocks, scales and
    averages are taken one by one.
    """

    title: str
    folder: str
    common: list[str]
    blocks: dict[str, list[str]]
    scales: dict[str, dict[str, list[str]]] = {}  # noqa: RUF012
    analysis: str = "comparison"
    averages: dict[str, list[str]] = {}  # noqa: RUF012
    x: str | None = None
    panel: str | None = None
    n_trials: int | None = None
    environments: list[str] = []  # noqa: RUF012


class Job(NamedTuple):
    """One run of a sweep: its block, its name (the block and what varies), its overrides and those of them that vary."""

    block: str
    name: str
    overrides: list[str]
    varied: dict[str, str]


def sweep_names() -> list[str]:
    return sorted(path.stem for path in (conf_folder() / "sweeps").glob("*.yaml"))


def read_sweep(name: str, scale: str | None = None) -> Sweep:
    """The content of a sweep file at one of its scales.

    Args:
        name: of a file in `conf/sweeps`, or the path of one of your own, which ends in .yaml.

    Raises:
        InputError: the file is not there, cannot be used, or has no such scale.
    """
    path, content = read_content(name, ())
    hints = get_type_hints(Sweep)
    refuse_unknown(str(path), content, hints)
    for key, kind in hints.items():
        if key in content or key not in Sweep._field_defaults:
            check_type(f"{path}: {key}", content.get(key), kind)
    sweep = Sweep(**content)
    sweep = sweep._replace(
        common=spell_out(sweep, sweep.common),
        blocks={label: spell_out(sweep, block) for label, block in sweep.blocks.items()},
    )
    if not sweep.blocks:
        raise InputError(f"{path}: blocks is empty: give at least one")
    refuse_unknown_blocks(path, sweep)
    if scale is not None and scale not in sweep.scales:
        known = f"it has {', '.join(sweep.scales)}" if sweep.scales else "it has but one size; leave scale out"
        raise InputError(f"scale={scale}: sweep={name} has no such scale: {known}")
    return at_scale(sweep, scale)


def read_content(name: str, before: tuple[str, ...]) -> tuple[Path, dict[str, Any]]:
    """The path of a sweep file and its content, completed by the file that it extends.

    Args:
        before: the files that extend this one.
    """
    own = name.endswith(".yaml")
    if not own and name not in sweep_names():
        place = f"{before[-1]}: extends: " if before else ""
        raise InputError(f"{place}unknown sweep {name}: {suggest(name, sweep_names(), '')}")
    path = Path(name) if own else conf_folder() / "sweeps" / f"{name}.yaml"
    if str(path) in before:
        raise InputError(f"{path}: extends: it extends itself, by way of {before[-1]}: take extends out of one of them")
    refuse_missing_file(path)
    content = read_yaml(path, "mend it")
    check_type(str(path), content, dict[str, Any])
    other = content.pop("extends", None)
    if other is None:
        return path, content
    check_type(f"{path}: extends", other, str)
    _, taken = read_content(other, (*before, str(path)))
    parts = {
        key: taken[key] | content[key]
        for key in MERGED
        if isinstance(taken.get(key), dict) and isinstance(content.get(key), dict)
    }
    return path, taken | content | parts


def spell_out(sweep: Sweep, overrides: list[str]) -> list[str]:
    """Overrides with `each` replaced by the environments of the sweep, one a run."""
    if EACH in overrides and not sweep.environments:
        raise InputError(
            f"{EACH}: the sweep names no environments: add environments: [NAME, ...] to its file, or list them"
        )
    names = ",".join(f"[{name}]" for name in sweep.environments)
    return [f"data.environments={names}" if override == EACH else override for override in overrides]


def refuse_unknown_blocks(path: Path, sweep: Sweep) -> None:
    known = list(sweep.blocks)
    for label, names in sweep.averages.items():
        for unknown in [name for name in names if name not in known]:
            raise InputError(
                f"{path}: averages.{label}: no block is called {unknown}: the sweep has {', '.join(known)}"
            )
        known.append(label)
    for scale, parts in sweep.scales.items():
        for label in parts:
            if label != "common" and label not in sweep.blocks:
                raise InputError(f"{path}: scales.{scale}: {suggest(label, ['common', *sweep.blocks])}")


def at_scale(sweep: Sweep, scale: str | None) -> Sweep:
    """The sweep with a scale's overrides in their places, and a folder of its own where the scale is not the default."""
    if not sweep.scales:
        return sweep
    default = next(iter(sweep.scales))
    parts = sweep.scales[scale or default]
    blocks = {label: merged(block, parts.get(label, [])) for label, block in sweep.blocks.items()}
    folder = sweep.folder if scale in (None, default) else f"{sweep.folder}_{scale}"
    return sweep._replace(common=merged(sweep.common, parts.get("common", [])), blocks=blocks, folder=folder)


def merged(first: list[str], second: list[str]) -> list[str]:
    return list((by_key(first) | by_key(second)).values())


def by_key(overrides: list[str]) -> dict[str, str]:
    return {override.partition("=")[0]: override for override in overrides}


def merge(sweep: Sweep, given: list[str]) -> dict[str, list[str]]:
    """All overrides of each block: those of the command line before its own, and these before the common ones.

    For a key that the sweep varies the command line gives the values to vary over; a block that does not vary it stays
    as it is.
    """
    blocks = {label: by_key(sweep.common) | by_key(block) for label, block in sweep.blocks.items()}
    given = spell_out(sweep, given)
    varied = {key for block in blocks.values() for key, text in block.items() if is_sweep(text)}
    for override in given:
        if override.startswith("model="):
            raise InputError(f"{override}: the models are those of the sweep; leave it out")
        if override.startswith("~"):
            raise InputError(f"{override}: a sweep takes no deletions; set the key to null or to another value")
        if override.startswith(("hydra.run.dir=", "hydra.sweep.")):
            raise InputError(f"{override}: the runs of a sweep have folders of their own; give folder=FOLDER")
        for block in blocks.values():
            key = override.partition("=")[0]
            if key not in varied or is_sweep(block.get(key, "")):
                block[key] = override
    lists = {label: list(block.values()) for label, block in blocks.items()}
    for (first, one), (second, other) in combinations(lists.items(), 2):
        if set(one) == set(other):
            cause = f"{', '.join(given)}: the blocks" if given else "the blocks"
            raise InputError(f"{cause} {first} and {second} become the same; leave out what makes them so")
    return lists


def is_sweep(override: str) -> bool:
    return bool(override) and OverridesParser.create().parse_override(override).is_sweep_override()


def expand(label: str, block: list[str]) -> list[Job]:
    """A job for every combination of the values in a block, by Hydra's grammar.

    Raises:
        InputError: a key has nothing to vary over.
    """
    jobs = [Job(label, name_of(label), [], {})]
    for override in OverridesParser.create().parse_overrides(block):
        key = override.get_key_element()
        if override.is_interval_sweep():
            raise InputError(f"{override.input_line}: an interval is for a search; give values, as in {key}=1,2")
        varies = override.is_sweep_override()
        values = list(override.sweep_string_iterator()) if varies else [(override.input_line or "").partition("=")[2]]
        if not values:
            raise InputError(f"block {label}: {override.input_line} has no values: give at least one")
        jobs = [add(job, key, value, varies) for job in jobs for value in values]
    return jobs


def add(job: Job, key: str, value: str, varies: bool) -> Job:
    """A job with one more override."""
    text = f"{key}={value}"
    if not varies:
        return job._replace(overrides=[*job.overrides, text])
    name = name_of(f"{job.name},{text}")
    return Job(job.block, name, [*job.overrides, text], job.varied | {key: value})


def name_of(text: str) -> str:
    """A name that any file system takes; cut where it grows long, which the identity beside it makes up for."""
    return ",".join(NOT_IN_NAMES.sub("_", part) for part in text.split(","))[:LONGEST_NAME]


def escape_quotes(text: str) -> str:
    """A text as it stands between single quotes in an override."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def parse(block: Sequence[str]) -> list[Override]:
    return OverridesParser.create().parse_overrides(list(block))
