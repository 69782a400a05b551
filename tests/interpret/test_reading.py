import numpy as np
import pandas as pd

from gpattention.interpret.reading import Reading, write_reading
from gpattention.output.figures import new_axes


def test_tables_figures_and_arrays_are_left_by_their_names(tmp_path):
    table = pd.DataFrame({"locus": ["a", "b"], "effect": [0.125, np.nan]})
    reading = Reading({"effects": table}, {"effects": new_axes()[0]}, {"weights": {"x": np.arange(3)}})
    write_reading(reading, tmp_path / "reading")
    assert {path.name for path in (tmp_path / "reading").iterdir()} == {
        "effects.tsv",
        "effects.pdf",
        "effects.png",
        "weights.npz",
    }
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "reading" / "effects.tsv", sep="\t"), table)
    np.testing.assert_array_equal(np.load(tmp_path / "reading" / "weights.npz")["x"], [0, 1, 2])
    assert (tmp_path / "reading" / "effects.png").read_bytes().startswith(b"\x89PNG")
