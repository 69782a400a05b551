"""The command that fits a run with a given resolved configuration."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from omegaconf import OmegaConf

from gpattention.config import check_config, compose_config
from gpattention.hydra_targets import conf_folder, options
from gpattention.run_folder.identity import flatten

PLAIN = re.compile(r"[A-Za-z./][\w./:-]*")  # text that Hydra takes for nothing but itself
LEFT_OUT = ("profile", "logger", "overwrite", "resume")  # the profile's values are in what they fill


def train_command(config: Mapping[str, Any]) -> str | None:
    """`python train.py` with the options and the fewest keys that give this configuration; None where keys cannot say it."""
    wanted = values_of(config)
    found = min((overrides(list(chosen), wanted) for chosen in choices(config)), key=len, default=[])
    try:
        given = values_of(check_config(compose_config(found)))
    except Exception:  # of Hydra's grammar or of what is checked: a value that a command line cannot hold
        return None
    is_it = all(given.get(key, ...) == value for key, value in wanted.items())
    return f"python train.py {shlex.join(found)}" if is_it else None


def choices(config: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Options of the groups whose targets are those of the configuration, with every profile."""
    names = {}
    for group in ("model", "data"):
        target = f"_target_: {config[group]['_target_']}\n"
        texts = {name: (conf_folder() / group / f"{name}.yaml").read_text() for name in options(group)}
        names[group] = [f"{group}={name}" for name, text in texts.items() if target in text]
    profiles = [f"profile={path.stem}" for path in sorted((conf_folder() / "profile").glob("*.yaml"))]
    yield from product(names["model"], names["data"], profiles)


def overrides(chosen: list[str], wanted: Mapping[str, Any]) -> list[str]:
    """The options, and a `key=value` for whatever they do not give."""
    given = values_of(OmegaConf.to_container(compose_config(chosen), resolve=True))  # type: ignore[arg-type]
    return chosen + [f"{key}={literal(value)}" for key, value in wanted.items() if given.get(key, ...) != value]


def values_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Values by their full keys."""
    groups = {group: value for group, value in config.items() if group not in LEFT_OUT}
    return {key: value for group, node in groups.items() for key, value in flatten(group, node, set())}


def literal(value: Any) -> str:
    """A value in the grammar of Hydra's command line."""
    if isinstance(value, list):
        return f"[{','.join(map(literal, value))}]"
    if isinstance(value, str) and not PLAIN.fullmatch(value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return value if isinstance(value, str) else json.dumps(value)
