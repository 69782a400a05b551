"""Coverage-guided fuzzing of the readers, by atheris, where that can be installed: `make fuzz`.

python tests/faults/coverage_guided.py [NAME [options of libFuzzer]]

NAME is one of those of `test_fuzz.py`; without one all are tried, 20 seconds each. A file that ends in anything but a result or
the project's own error is kept by libFuzzer in the working folder as crash-*, and the exit status is not 0.
"""

import logging
import re
import subprocess
import sys
import tempfile
import warnings
from contextlib import nullcontext, suppress
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
with atheris.instrument_imports(include=["gpattention"]) if len(sys.argv) > 1 else nullcontext():
    import test_fuzz as readers

    from gpattention.errors import InputError
    from gpattention.training.checkpoints import DamagedCheckpoint

OPTIONS = ("-max_total_time=20", "-print_final_stats=1")


def try_all() -> None:
    for name in readers.NAMES:
        done = subprocess.run([sys.executable, __file__, name, *OPTIONS], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{name}: failed\n{done.stdout}{done.stderr}")
        count = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        print(f"{name}: {count[1] if count else '?'} reads", flush=True)


def try_one(name: str) -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder_name:
        folder = readers.make_folder(Path(folder_name))
        content, read = readers.files_in(folder)[name]
        path, corpus = folder / name, folder / "corpus"
        corpus.mkdir()
        (corpus / "good").write_bytes(content)

        def read_bytes(data: bytes) -> None:
            path.write_bytes(data)
            with suppress(InputError, DamagedCheckpoint):
                read(path)

        atheris.Setup([*sys.argv, "-timeout=10", str(corpus)], read_bytes)
        atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        try_one(sys.argv.pop(1))
    else:
        try_all()
