"""Large text files, plain or gzip, as blocks of whole lines; another thread decompresses ahead (zlib lets both run at once)."""

import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from gpattention.data.prefetch import ahead
from gpattention.errors import InputError
from gpattention.files.untrusted import refuse_missing_file

COMPRESSED_AT_ONCE = 2**20
TEXT_AT_ONCE = 2**23
GZIP = 31  # of zlib: a gzip header and its checksum
MAGIC = b"\x1f\x8b"


class Lines(NamedTuple):
    """Whole lines, each with its line end.

    Attributes:
        text: their bytes.
        bytes_read: of the file so far.
    """

    text: bytes
    bytes_read: int


def read_lines(path: Path) -> Generator[Lines]:
    """The lines of a file, block after block; a last line without an end gets one.

    Raises:
        InputError: the file is cut off or damaged.
    """
    rest, bytes_read = b"", 0
    with closing(ahead(decompress(path))) as blocks:
        for block, bytes_read in blocks:
            text = (rest + block).replace(b"\r\n", b"\n")
            end = text.rfind(b"\n") + 1
            rest = text[end:]
            if end:
                yield Lines(text[:end], bytes_read)
    if rest:
        yield Lines(rest + b"\n", bytes_read)


def decompress(path: Path) -> Iterator[tuple[bytes, int]]:
    """Blocks of about TEXT_AT_ONCE, with the bytes of the file read so far. A gzip file may have several members."""
    refuse_missing_file(path)
    with path.open("rb") as file:
        is_gzip = file.read(2) == MAGIC
        file.seek(0)
        if not is_gzip:
            if path.suffix == ".gz":
                raise InputError(f"{path} is no gzip file: mend its name, or fetch it again")
            while block := file.read(TEXT_AT_ONCE):
                yield block, file.tell()
            return
        decoder, waiting = zlib.decompressobj(GZIP), b""
        try:
            while waiting or (waiting := file.read(COMPRESSED_AT_ONCE)):
                if decoder.eof:
                    if not waiting.strip(b"\0"):  # padding
                        waiting = b""
                        continue
                    decoder = zlib.decompressobj(GZIP)
                block = decoder.decompress(waiting, TEXT_AT_ONCE)
                waiting = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
                yield block, file.tell()
            if not decoder.eof:
                block = decoder.flush()
                yield block, file.tell()
        except zlib.error as error:
            raise InputError(f"{path} is damaged before byte {file.tell():,} ({error}): fetch it again") from error
        if not decoder.eof:
            raise InputError(
                f"{path} is cut off: its compressed data do not end at byte {file.tell():,}; fetch it again"
            )
