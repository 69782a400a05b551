import json
import os

import pytest

from gpattention.files.atomic import write_bytes, write_json, write_text


def test_a_file_is_replaced_whole_or_stays_what_it_was(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_text(path, "first é")
    assert path.read_bytes() == "first é".encode()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_bytes(path, b"second")
    assert caught.value.filename == str(path)
    assert path.read_text() == "first é"
    assert list(tmp_path.iterdir()) == [path]


def test_json_holds_finite_numbers_alone(tmp_path):
    write_json(tmp_path / "a.json", {"x": [1, 0.1], "y": None})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": [1, 0.1], "y": None}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text())["y"] is None
