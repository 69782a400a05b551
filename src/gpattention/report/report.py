"""`gpattention report`: a run or a sweep as one HTML page that needs nothing else."""

import logging
from pathlib import Path

from gpattention.errors import InputError
from gpattention.files.atomic import write_text
from gpattention.interpret.read import read
from gpattention.report.of_run import describe_run
from gpattention.report.of_sweep import describe_sweep, runs_of
from gpattention.report.page import render
from gpattention.run_folder.files import REPORT

log = logging.getLogger(__name__)


def report(
    *,
    run: str | None = None,
    sweep: str | None = None,
    output_file: str | None = None,
    what: list[str] | None = None,
    root: str | None = None,
) -> Path:
    """Write the report of a run or of a sweep; returns the file.

    Args:
        run: folder of a finished run.
        sweep: folder of a sweep, in place of `run`.
        output_file: where the page goes; None takes `report.html` in the folder, and replaces one that is there.
        what: what `read` is to find in the run, or in every run of the sweep, before; see `read`.
        root: where the runs' data are now, if their folder moved; of `what`.

    Raises:
        InputError: neither or both are given, or the folder is not what it should be, or the output file is there already.
    """
    if (run is None) == (sweep is None):
        raise InputError(f"run={run} and sweep={sweep}: give the folder of a run or that of a sweep")
    if output_file is not None and Path(output_file).exists():
        raise InputError(f"{output_file} is there already: give another output_file")
    folder = Path(run or str(sweep))
    if what:
        for one in [str(run)] if run is not None else runs_of(folder):
            read(run=one, what=what, root=root)
    title, subtitle, sections = describe_run(folder) if run is not None else describe_sweep(folder)
    page = render(title, subtitle, sections)
    output = Path(output_file) if output_file is not None else folder / REPORT
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, page)
    log.info("report of %d sections, %.1f MB, in %s", len(sections), len(page) / 1e6, output)
    return output
