import gzip
import threading

import numpy as np
import pytest

import gpattention.prepare.text_blocks as text_blocks
from gpattention.errors import InputError
from gpattention.prepare.text_blocks import read_lines

TEXT = b"".join(b"%d\t%d\n" % (n, n * n) for n in range(20000))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(text_blocks, "COMPRESSED_AT_ONCE", 1000)
    monkeypatch.setattr(text_blocks, "TEXT_AT_ONCE", 3000)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [b"", b"20000\t1"])
@pytest.mark.parametrize("kind", ["plain", "gzip", "members", "padded"])
def test_blocks_are_the_lines_of_the_file(tmp_path, kind, last, ending):
    text = (TEXT + last).replace(b"\n", ending)
    half = len(text) // 2 + 1
    content = {
        "plain": text,
        "gzip": gzip.compress(text),
        "members": gzip.compress(text[:half]) + gzip.compress(b"") + gzip.compress(text[half:]),
        "padded": gzip.compress(text) + bytes(3000),
    }[kind]
    path = tmp_path / ("a.txt" if kind == "plain" else "a.txt.gz")
    path.write_bytes(content)
    blocks = list(read_lines(path))
    assert len(blocks) > 10
    assert all(block.text.endswith(b"\n") for block in blocks)
    assert b"".join(block.text for block in blocks) == TEXT + last + (b"\n" if last else b"")
    assert kind == "padded" or blocks[-1].bytes_read == len(content)
    assert np.all(np.diff([block.bytes_read for block in blocks]) >= 0)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content[:-1], "is cut off"),
        (lambda content: content[: len(content) // 2], "is cut off"),
        (lambda content: content[:5000] + b"\0" * 100 + content[5100:], "is damaged"),
        (lambda content: content[:-6] + b"\1" + content[-5:], "is damaged"),
        (lambda content: content + b"more", "is damaged"),
        (lambda content: TEXT, "is no gzip file"),
    ],
)
def test_damaged_files_are_refused(tmp_path, damage, words):
    (tmp_path / "a.txt.gz").write_bytes(damage(gzip.compress(TEXT)))
    with pytest.raises(InputError, match=words):
        list(read_lines(tmp_path / "a.txt.gz"))


def test_thread_ends_with_its_reader(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(TEXT))
    before = threading.active_count()
    blocks = read_lines(tmp_path / "a.txt.gz")
    next(blocks)
    assert threading.active_count() == before + 1
    blocks.close()
    assert threading.active_count() == before
