"""Arrays and archives of them that are cut off, claim what they do not hold, or hold what must not be read."""

import io
import pickle
import zipfile

import numpy as np
import pytest
from numpy.lib import format as npy
from refusals import refused

from gpattention.data.formats import read_genotypes
from gpattention.files import untrusted

GOOD = np.array([[0, 1], [1, 0], [1, 1]], dtype=np.int8)


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def claimed(shape, dtype="<f8", held=b"\0" * 64):
    """An array whose header says this, before a few bytes."""
    file = io.BytesIO()
    npy.write_array_header_1_0(file, {"shape": shape, "fortran_order": False, "descr": dtype})
    return file.getvalue() + held


def with_header(text, version=1):
    body = text.encode() + b"\n"
    length = len(body).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + body + b"\0" * 64


class Code:
    def __reduce__(self):
        return (print, ("this was run",))


CONTENT = saved(GOOD)
ARRAYS = {
    "empty": b"",
    "magic only": b"\x93NUMPY",
    "no magic": b"genotypes",
    "cut off in the header": CONTENT[:40],
    "cut off in the values": CONTENT[:-1],
    "pickled objects": saved(np.array([[Code()]], dtype=object), allow_pickle=True),
    "a pickle": pickle.dumps(GOOD),
    "an archive": None,
    "more than memory": claimed((10**6, 10**6)),
    "more than any number": claimed((2**40, 2**40)),
    "negative shape": claimed((-1, 2)),
    "other version": b"\x93NUMPY\x09\x00" + CONTENT[8:],
    "header that is code": with_header("__import__('os').getcwd()"),
    "header that does not end": with_header("{'descr': '<f8', 'shape': ("),
    "header without a shape": with_header("{'descr': '<f8', 'fortran_order': False}"),
    "header that is deep": with_header("(" * 5000),
    "header that is long": with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }" + " " * 20000, 2),
    "unknown kind": with_header("{'descr': '<q9', 'fortran_order': False, 'shape': (1, 1), }"),
    "one dimension": saved(GOOD[0]),
    "three dimensions": saved(GOOD[None]),
    "no individuals": saved(GOOD[:0]),
    "no loci": saved(GOOD[:, :0]),
    "text": saved(GOOD.astype(str)),
    "complex": saved(GOOD.astype(complex)),
    "dates": saved(GOOD.astype("datetime64[D]")),
    "records": saved(np.zeros((2, 2), dtype=[("a", "i1")])),
    "missing": saved(np.array([[0.0, np.nan]])),
    "infinite": saved(np.array([[0.0, np.inf]])),
    "outside of all codings": saved(GOOD * 7),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_genotype_arrays(name, tmp_path, capsys):
    content = ARRAYS[name]
    if content is None:
        np.savez(tmp_path / "g.npz", GOOD)
        content = (tmp_path / "g.npz").read_bytes()
    (tmp_path / "g.npy").write_bytes(content)
    refused(lambda: read_genotypes(tmp_path / "g.npy", None), "g.npy")
    assert "this was run" not in capsys.readouterr().out


def archive(**entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries.items():
            made.writestr(f"{name}.npy", content)
    return file.getvalue()


WHOLE = archive(train=CONTENT, names=saved(np.array(["x"])))
ARCHIVES = {
    "empty": b"",
    "no archive": CONTENT,
    "cut off": WHOLE[:-30],
    "without the array": archive(val=CONTENT),
    "pickled objects": archive(train=ARRAYS["pickled objects"]),
    "claims more than it has": archive(train=claimed((10**6, 10**6))),
    "longer than it says": archive(train=CONTENT + b"\0"),
    "values changed": bytearray(WHOLE),
    "no array in it": archive(train=b"text"),
}
ARCHIVES["values changed"][60] ^= 255


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(name, tmp_path, capsys):
    (tmp_path / "splits.npz").write_bytes(ARCHIVES[name])
    refused(lambda: untrusted.read_arrays(tmp_path / "splits.npz", ("train",), "restore it from a copy"), "splits.npz")
    assert "this was run" not in capsys.readouterr().out


def test_archive_that_expands_beyond_memory(tmp_path, monkeypatch):
    """16 MiB of zeros in 16 KiB: refused by what it says before it is unpacked, whatever the memory is."""
    (tmp_path / "bomb.npz").write_bytes(archive(train=saved(np.zeros((2**12, 2**12), np.int8))))
    assert (tmp_path / "bomb.npz").stat().st_size < 2**16
    read = {"path": tmp_path / "bomb.npz", "names": ("train",), "cure": "restore it"}
    assert untrusted.read_arrays(**read)["train"].shape == (2**12, 2**12)
    little = type("Memory", (), {"available": 2**20})
    monkeypatch.setattr("psutil.virtual_memory", lambda: little)
    assert "GiB of memory" in refused(lambda: untrusted.read_arrays(**read), "bomb.npz")


def test_names_in_an_archive_are_names_only(tmp_path):
    """Nothing is written while an archive is read, wherever its entries say that they lie."""
    (tmp_path / "inner").mkdir()
    path = tmp_path / "inner" / "splits.npz"
    path.write_bytes(archive(**{"train": CONTENT, "../../outside": CONTENT, "/tmp/outside": CONTENT}))
    before = sorted(tmp_path.rglob("*"))
    assert set(untrusted.read_arrays(path, None, "restore it")) == {"train", "../../outside", "/tmp/outside"}
    assert sorted(tmp_path.rglob("*")) == before


def test_good_ones_are_read(tmp_path):
    (tmp_path / "g.npy").write_bytes(CONTENT)
    (tmp_path / "g.npz").write_bytes(WHOLE)
    np.testing.assert_array_equal(untrusted.read_array(tmp_path / "g.npy", ""), GOOD)
    np.testing.assert_array_equal(untrusted.read_arrays(tmp_path / "g.npz", ("train",), "")["train"], GOOD)
