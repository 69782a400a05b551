"""The sets of interacting loci that a run has found, from its folder."""

from pathlib import Path

import pandas as pd

from gpattention.files.untrusted import UNREADABLE, refuse
from gpattention.run_folder.files import INTERACTIONS, MEND, refuse_changed

LOCI = [f"locus_{number}" for number in (1, 2, 3, 4)]
TEXTS = ["environment", *LOCI, *(name.replace("locus", "position") for name in LOCI), "alternatives"]
NUMBERS = ["coefficient", "standard_error", "z", "variance_explained"]


def read_interactions(folder: Path) -> pd.DataFrame | None:
    """The table, or None where the run made no search; places without a locus are empty.

    Raises:
        InputError: it is damaged or was changed.
    """
    path = folder / INTERACTIONS
    if not path.is_file():
        return None
    refuse_changed(folder, INTERACTIONS)
    try:
        table = pd.read_csv(path, sep="\t", dtype=dict.fromkeys(TEXTS, str), keep_default_na=False)
        table[[*TEXTS, *NUMBERS]]
        return table.astype(dict.fromkeys(NUMBERS, float))
    except UNREADABLE as error:
        refuse(path, "as a table of interactions", error, MEND)


def loci_of(table: pd.DataFrame) -> list[list[str]]:
    """Names of the loci of each set."""
    return [[name for name in row if name] for row in table[LOCI].to_numpy().tolist()]
