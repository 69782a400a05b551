"""One of the processes that `several_devices.py` starts for a run: `python -m gpattention.runs.rank_worker FOLDER` under torch's launcher."""

import json
import logging
import os
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path

import psutil
from omegaconf import OmegaConf

from gpattention.errors import InputError, Preempted
from gpattention.files.atomic import write_json
from gpattention.runs.run import run
from gpattention.runs.several_devices import Channel


def main() -> None:
    channel, rank = Channel(Path(sys.argv[1])), int(os.environ["RANK"])
    job = json.loads(channel.job.read_text())
    threading.Thread(target=end_with, args=(job["parent"],), daemon=True).start()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)

    def on_epoch(*epoch: float) -> None:
        with channel.epochs.open("a") as file:
            file.write(json.dumps(epoch) + "\n")

    def fail(kind: str, text: str, status: int) -> None:
        write_json(channel.error(rank), {"kind": kind, "text": text})
        os._exit(status)  # at once: others may be waiting for this one, and the launcher ends them

    try:
        run(OmegaConf.create(job["config"]), Path(job["folder"]), None if rank else on_epoch, job["overrides"])
    except InputError as error:
        fail("input", str(error), 2)
    except Preempted as error:
        fail("preempted", str(error), Preempted.STATUS)
    except Exception as error:
        traceback.print_exc()
        # Where another process is gone, this one fails in what they do together: the other's end is what counts.
        fail("lost" if "Connection" in str(error) else "fault", f"{type(error).__name__}: {error}", 1)


def end_with(parent: int) -> None:
    """End this process at once when the one that started the run is gone."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(parent).wait()
    os._exit(1)


if __name__ == "__main__":
    main()
