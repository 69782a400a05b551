"""Files that anybody may have written or damaged: read as plain values and arrays, within bounds, or refused.

Nothing in them is run. JSON is read up to 256 MiB, YAML up to 256 KiB; an array may not be larger than the file that holds it,
and nothing larger than the memory that is free.
"""

import csv
import json
import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import psutil
import yaml
from numpy.lib import format as npy
from numpy.typing import NDArray

from gpattention.errors import InputError

LARGEST_JSON = 256 * 2**20
LARGEST_YAML = 256 * 2**10
LONGEST_REASON = 200
# What comes of reading files that are cut off, empty or not what their names say.
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    SyntaxError,
    MemoryError,
    RuntimeError,
    ArithmeticError,
    csv.Error,
    struct.error,
    tokenize.TokenError,  # numpy reads the header of an array as Python
    yaml.YAMLError,
    zipfile.BadZipFile,
    zlib.error,
)


class PlainLoader(yaml.SafeLoader):
    """YAML of plain values, without aliases, which can stand for more than any memory holds, and with each key once."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has an alias (*), which is not read here")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = [self.construct_object(key, deep=True) for key, _ in node.value]
        repeated = [key for position, key in enumerate(seen) if key in seen[:position]]
        if repeated:
            raise yaml.YAMLError(f"the key {repeated[0]} occurs more than once")
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, cure: str) -> Any:
    """The plain values of a YAML file.

    Args:
        cure: what to do where it cannot be read, the end of the message.
    """
    try:
        text = read_text(path, LARGEST_YAML)
        return yaml.load(text, PlainLoader)  # safe: a SafeLoader, which makes no objects, made stricter
    except UNREADABLE as error:
        refuse(path, "as YAML", error, cure)


def read_json(path: Path, cure: str) -> Any:
    """The values of a JSON file; all its numbers are finite."""
    try:
        text = read_text(path, LARGEST_JSON)
        return json.loads(text, parse_constant=finite, parse_float=finite)
    except UNREADABLE as error:
        refuse(path, "as JSON", error, cure)


def read_object(path: Path, keys: Iterable[str], cure: str) -> dict[str, Any]:
    """A JSON file that holds an object with these keys, and perhaps others."""
    content = read_json(path, cure)
    if not isinstance(content, dict) or (missing := sorted(set(keys) - set(content))):
        what = f"it lacks {', '.join(missing)}" if isinstance(content, dict) else "it is no object"
        raise InputError(f"{path} cannot be used ({what}): {cure}")
    return content


def finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def read_text(path: Path, largest: int) -> str:
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"it is larger than {largest // 1024} KiB")
    return content.decode("utf-8")


def read_array(path: Path, cure: str, mapped: bool = False) -> NDArray:
    """The array of an `.npy` file, whole or as a map of the file, without pickled objects."""
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a header that Python 2 wrote, which is as good
            refuse_larger_than_file(file, path.stat().st_size)
            if mapped:
                return npy.open_memmap(path, mode="r")
            refuse_larger_than_memory(path, path.stat().st_size)
            file.seek(0)
            return npy.read_array(file, allow_pickle=False)
    except UNREADABLE as error:
        refuse(path, "as an array of numbers", error, cure)


def read_arrays(path: Path, names: Iterable[str] | None, cure: str) -> dict[str, NDArray]:
    """The arrays of these names in an `.npz` file, or all."""
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            names = names or [name.removesuffix(".npy") for name in archive.namelist()]
            for name in names:
                entry = archive.getinfo(f"{name}.npy")
                refuse_larger_than_memory(path, entry.file_size)
                with archive.open(entry) as file:
                    refuse_larger_than_file(file, entry.file_size)
                with archive.open(entry) as file:
                    arrays[name] = npy.read_array(file, allow_pickle=False)
                    if file.read(1):
                        raise ValueError(f"{name} is longer than its header says")
    except UNREADABLE as error:
        refuse(path, "as arrays", error, cure)
    return arrays


def refuse_larger_than_file(file: Any, size: int) -> None:
    """Raise a ValueError unless an `.npy` file is as long as its header says."""
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"format {version} is not known")
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(file)
    claimed = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or min(shape, default=0) < 0 or claimed > size:
        what = "objects" if dtype.hasobject else f"{claimed} bytes, more than the file has,"
        raise ValueError(f"it claims to hold {what} as {dtype} {shape}")


def refuse_larger_than_memory(path: Path, n_bytes: int) -> None:
    """Raise an InputError where this would not fit into the memory that is free."""
    free = psutil.virtual_memory().available
    if n_bytes > free:
        raise InputError(
            f"{path} needs {n_bytes / 2**30:.1f} GiB of memory and {free / 2**30:.1f} GiB are free: give a smaller file, or take a "
            "larger machine"
        )


def refuse(path: Path, as_what: str, error: Exception, cure: str) -> NoReturn:
    if isinstance(error, InputError):
        raise error
    reason = " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
    raise InputError(f"{path} cannot be read {as_what} ({reason}): {cure}") from error


def refuse_missing_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(
            f"{path} is not there (working folder: {Path.cwd().name}): mend the name, or the folder it starts from (data.root, "
            "prepare.root)"
        )
