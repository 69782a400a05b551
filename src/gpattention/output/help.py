"""The help of the commands, from the files of the configuration and their first comments; loads nothing heavy."""

import re
import textwrap
from pathlib import Path
from string import Template

import yaml

from gpattention.hydra_targets import conf_folder, options

WIDTH = 100
GROUP = re.compile(
    r"^  - (\w+): (\w+) # (.+)$", re.MULTILINE
)  # in the defaults of a configuration: name, option, what it is


def command_help(name: str) -> str:
    """The help of a command, from `conf/NAME.yaml`: its template, with the options of its groups and its keys."""
    path = conf_folder() / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    known = content["hydra"]["help"]
    keys = text.partition("\nhydra:")[0].partition("_self_")[2]
    shown = "\n".join(line for line in keys.splitlines() if line and not line.startswith((" ", "#", "training:")))
    template = re.sub(r"\$\{hydra\.help\.(\w+)\}", lambda found: known[found[1]], known["template"])
    return Template(template).safe_substitute(CONFIG=shown, APP_CONFIG_GROUPS=list_groups(text))


def list_groups(text: str) -> str:
    """The groups in the defaults of a configuration, each with what it is, and its options with what they are."""
    parts = []
    for group, default, what in GROUP.findall(text):
        parts.append(f"  {group:<11} {what}")
        width = max(map(len, options(group))) + 1
        for option in options(group):
            said = first_sentence(conf_folder() / group / f"{option}.yaml")
            said += " (default)" if option == default else ""
            parts.append(fold(f"    {option:<{width}} {said}", 5 + width))
    return "\n".join(parts)


def list_sweeps() -> str:
    """The files of `conf/sweeps`, each with what it is."""
    paths = sorted((conf_folder() / "sweeps").glob("*.yaml"))
    width = max(len(path.stem) for path in paths) + 1
    return "\n".join(fold(f"    {path.stem:<{width}} {first_sentence(path)}", 5 + width) for path in paths)


def first_sentence(path: Path) -> str:
    """What the comment at the top of a file says first."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = []
    for line in lines[bool(lines) and lines[0].startswith("# @package") :]:
        if not line.startswith("# "):
            break
        comment.append(line[2:])
    return re.split(r"(?<!Fig)(?<!Eq)(?<! al)\.(?= [A-Z\d]|$)", " ".join(comment))[0]


def fold(line: str, indent: int) -> str:
    return "\n".join(textwrap.wrap(line, WIDTH, subsequent_indent=" " * indent, drop_whitespace=True))
