"""What makes two runs the same: their settings and the content of their input files, not where anything lies."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gpattention.data.prepared_files import MANIFEST
from gpattention.errors import InputError
from gpattention.files.checksums import file_digest, refuse_changed
from gpattention.files.untrusted import read_object
from gpattention.run_folder.files import IDENTITY, RESULTS_FORMAT, refuse_another_format

# Where results go, what watches them and on which machine they are made; the profile's values are in what they fill.
LEFT_OUT = {"logger", "profile", "overwrite", "resume"}
LEFT_OUT_OF = {"trainer": {"accelerator", "devices", "num_nodes"}, "data": {"root", "genotypes_in"}}
EARLIER_RUNS = ("fine_tune_from", "fit_on_residual_of", "model.interactions_from")  # keys that name run folders
DIGITS = 10  # of the digest in a folder's name
REPLACE = "set overwrite=true to replace it, or give another folder"
INPUT_FILE = "_file"  # keys of `data` that end so name files
PREPARED = "folder"  # the key of `data` that names a prepared data set


class Identity(NamedTuple):
    """Settings of a run by their full keys, files by the SHA-256 of their content, and the format of the results."""

    content: dict[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(json.dumps(self.content, sort_keys=True).encode()).hexdigest()

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """The keys in which another content differs."""
        keys = sorted(self.content.keys() | other.keys())
        return [key for key in keys if self.content.get(key) != other.get(key)]


def identify(config: Mapping[str, Any], planned: Mapping[str, str] | None = None) -> Identity:
    """The identity of a run with this resolved configuration.

    Args:
        planned: digests of runs that are still to be made, by their folders, for the keys that name runs.

    Raises:
        InputError: a file or run that the configuration names is not there.
    """
    content: dict[str, Any] = {"results_format": RESULTS_FORMAT}
    for group, value in config.items():
        if group not in LEFT_OUT:
            content |= dict(flatten(group, value, LEFT_OUT_OF.get(group, set())))
    for key, path in input_files(config["data"]).items():
        content[f"data.{key}"] = file_digest(path)
    for key in EARLIER_RUNS:
        if (source := content.get(key)) is not None:
            content[key] = (planned or {}).get(source) or run_digest(key, Path(source))
    return Identity(content)


def folder_of(digest: str, folder: Path, name: str) -> Path:
    """The folder of the run with this digest: the one that is there, whatever its name, or one with this name."""
    there = sorted(path for path in folder.glob(f"*-{digest[:DIGITS]}") if path.is_dir())
    return there[0] if there else folder / f"{name}-{digest[:DIGITS]}"


def input_files(data: Mapping[str, Any]) -> dict[str, Path]:
    """The files that `data` names, by their keys; relative names start from `data.root`.

    The manifest of a prepared data set stands for all of it: it holds the digests of what the set was made from.
    """
    folder = Path(data.get("root") or "")
    files = {key: folder / name for key, name in data.items() if key.endswith(INPUT_FILE) and isinstance(name, str)}
    return files | ({PREPARED: Path(data[PREPARED]) / MANIFEST} if PREPARED in data else {})


def flatten(key: str, value: Any, left_out: set[str] = frozenset()) -> Iterator[tuple[str, Any]]:  # type: ignore[assignment]
    """Values by their full keys; 1 and 1.0 are the same."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in left_out:
                yield from flatten(f"{key}.{name}", inner)
    else:
        yield key, plain(value)


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def run_digest(key: str, folder: Path) -> str:
    """The digest that a finished run has left."""
    cure = "give the folder of a finished run"
    if not (folder / IDENTITY).is_file():
        raise InputError(f"{key}={folder}: {IDENTITY} is not there: {cure}")
    refuse_changed(folder, IDENTITY)
    return str(read_object(folder / IDENTITY, ("identity",), cure)["identity"])


def to_json(identity: Identity) -> dict[str, Any]:
    return {"identity": identity.digest, **identity.content}


def is_of(identity: Identity, folder: Path) -> bool:
    """Whether the run in a folder has this identity; one whose identity cannot be read has another."""
    try:
        return read_object(folder / IDENTITY, ("identity",), REPLACE)["identity"] == identity.digest
    except InputError:
        return False


def refuse_another(identity: Identity, folder: Path, cure: str = REPLACE) -> None:
    """Raise an InputError where the run in a folder is of another format or another run; names the keys in which it differs."""
    stored = read_object(folder / IDENTITY, ("identity",), cure)
    refuse_another_format(folder, stored.get("results_format"))
    del stored["identity"]
    if keys := identity.differences(stored):
        changes = ", ".join(f"{key} {stored.get(key)} -> {identity.content.get(key)}" for key in keys[:5])
        raise InputError(f"{folder} holds another run, it differs in {changes}{' and more' * (len(keys) > 5)}: {cure}")
