"""The chromosomes that the records of a VCF name, found before its records are read."""

import gzip
import re
from pathlib import Path

from gpattention.errors import InputError
from gpattention.files.untrusted import UNREADABLE, refuse

BYTES_AT_ONCE = 2**24
MOST = 10_000  # chromosomes, scaffolds and all
LONGEST = 1000  # bytes of a name
RECORD = re.compile(rb"\n([^#\t\n][^\t\n]*)\t")  # the first column of a line that is no header
NAME = re.compile(r"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*")  # as the VCF specification has it
COMPRESSED, BCF = b"\x1f\x8b", b"BCF"


def chromosomes_of(path: Path) -> list[str]:
    """Names in the first column of a VCF, plain or compressed, in their order; none of a BCF, whose header has them all.

    Raises:
        InputError: the file cannot be read, or what stands there is no name.
    """
    found: dict[bytes, None] = {}
    try:
        with path.open("rb") as raw:
            is_compressed = raw.read(2) == COMPRESSED
        with gzip.open(path) if is_compressed else path.open("rb") as file:
            left = b"\n"
            while block := file.read(BYTES_AT_ONCE):
                if left == b"\n" and not found and block.startswith(BCF):
                    return []
                text = left + block
                found |= dict.fromkeys(RECORD.findall(text))
                refuse_too_many(path, len(found))
                last = text[text.rfind(b"\n") :] if b"\n" in text else b""
                left = b"" if b"\t" in last or len(last) > LONGEST else last  # the start of a name
    except UNREADABLE as error:
        refuse(path, "as VCF or BCF", error, "give one that is whole")
    names = [name.decode("ascii", "replace") for name in found]
    if wrong := next((name for name in names if not NAME.fullmatch(name)), None):
        raise InputError(f"{path}: a record has '{wrong[:50]}' where a chromosome is named: give a VCF that is whole")
    return names


def refuse_too_many(path: Path, n: int) -> None:
    if n > MOST:
        raise InputError(
            f"{path}: its records name more than {MOST:,} chromosomes: give a VCF with the chromosome first"
        )
