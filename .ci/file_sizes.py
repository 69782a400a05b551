"""Refuse source files that have grown too long to be read at once, and files too large for a repository of text."""

import sys
from pathlib import Path

MOST_LINES = 300  # of a source file
MOST_BYTES = 2**20

faults = []
for path in map(Path, sys.argv[1:]):
    if path.stat().st_size > MOST_BYTES:
        faults.append(
            f"{path}: {path.stat().st_size / 2**20:.1f} MiB; data and results stay outside, or are made when they are needed"
        )
    if path.parts[0] == "src" and path.suffix == ".py" and (n := len(path.read_text().splitlines())) > MOST_LINES:
        faults.append(
            f"{path}: {n} lines, where {MOST_LINES} are the most: a file does one thing; move another to a file of its own"
        )
print("\n".join(faults), end="\n" if faults else "")
sys.exit(bool(faults))
