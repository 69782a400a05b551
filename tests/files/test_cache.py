import multiprocessing
import os
import time

import numpy as np
import pytest

from gpattention.errors import InputError
from gpattention.files import cache


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GPATTENTION_CACHE", str(tmp_path))
    return tmp_path


def count(calls):
    def make():
        calls.append(1)
        return {"a": np.arange(3, dtype=np.int8), "b": np.eye(2)}

    return make


def test_equal_sources_are_prepared_once():
    calls = []
    for _ in range(2):
        made = cache.prepared("cross", {"seed": 1, "spacing": None}, count(calls))
        np.testing.assert_array_equal(made["a"], [0, 1, 2])
        assert made["a"].dtype == np.int8
    cache.prepared("cross", {"seed": 2, "spacing": None}, count(calls))
    cache.prepared("other", {"seed": 1, "spacing": None}, count(calls))
    assert len(calls) == 3


def test_damaged_entry_is_made_anew(folder):
    calls = []
    cache.prepared("cross", {}, count(calls))
    (entry,) = folder.glob("cross-*.npz")
    for content in (b"", entry.read_bytes()[:200]):
        entry.write_bytes(content)
        np.testing.assert_array_equal(cache.prepared("cross", {}, count(calls))["b"], np.eye(2))
    assert len(calls) == 3


def test_entries_not_used_for_longest_go_first(folder, monkeypatch):
    monkeypatch.setenv("GPATTENTION_CACHE_GB", "0.000025")
    for seed in range(3):
        cache.prepared("x", {"seed": seed}, lambda: {"a": np.zeros(1000)})
        for path in folder.glob("*.npz"):
            os.utime(path, (time.time() - 100 + seed,) * 2)
        if seed == 2:
            break
        cache.prepared("x", {"seed": 0}, lambda: pytest.fail("the entry used last is gone"))
    assert len(list(folder.glob("*.npz"))) == 3
    cache.prepared("x", {"seed": 3}, lambda: {"a": np.zeros(1000)})
    assert len(list(folder.glob("*.npz"))) == 3


def test_limit_of_nothing_keeps_nothing(folder, monkeypatch):
    monkeypatch.setenv("GPATTENTION_CACHE_GB", "0")
    cache.prepared("x", {}, count([]))
    assert list(folder.iterdir()) == []


def test_folder_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GPATTENTION_CACHE", str(tmp_path / "file"))
    np.testing.assert_array_equal(cache.prepared("x", {}, count([]))["a"], [0, 1, 2])


@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf"])
def test_bad_limits_are_refused(text, monkeypatch):
    monkeypatch.setenv("GPATTENTION_CACHE_GB", text)
    with pytest.raises(InputError, match=f"GPATTENTION_CACHE_GB={text}: give a number"):
        cache.prepared("x", {}, count([]))


def slow(folder, started):
    os.environ["GPATTENTION_CACHE"] = str(folder)

    def make():
        with (folder / "made").open("a") as file:
            file.write("x")
        time.sleep(0.5)
        return {"a": np.arange(4)}

    started.wait()
    assert cache.prepared("slow", {}, make)["a"].sum() == 6


def test_processes_side_by_side_prepare_once(folder):
    context = multiprocessing.get_context("fork")
    started = context.Barrier(3)
    processes = [context.Process(target=slow, args=(folder, started)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (folder / "made").read_text() == "x"


def test_clearing(folder):
    cache.prepared("x", {}, count([]))
    assert "1 entries" in cache.describe()
    assert cache.clear() == 1
    assert list(folder.glob("*.npz")) == []


def test_digest_sees_content_shape_and_type():
    array = np.arange(6, dtype=np.int8)
    others = [array.reshape(2, 3), array.astype(np.int16), array + 1]
    assert cache.digest(array) == cache.digest(array.copy())
    assert len({cache.digest(one) for one in [array, *others]}) == 4
