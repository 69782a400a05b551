"""The tested set in its two forms."""

import re

from conftest import ROOT


def test_lock_has_the_tested_set_with_hashes_and_torch_apart():
    tested = set(re.findall(r"^([\w.-]+==[^\s;]+)", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE))
    locked = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([\w.-]+==\S+) --hash=sha256:[0-9a-f]{64}$", locked, flags=re.MULTILINE)
    plain = lambda pins: {pin.lower().replace("_", "-") for pin in pins if not pin.startswith("torch==")}  # noqa: E731
    assert plain(pins) == plain(tested)
    assert len(pins) == len([line for line in locked.splitlines() if line and not line.startswith("#")])
