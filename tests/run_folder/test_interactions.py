import pandas as pd
import pytest

from gpattention.errors import InputError
from gpattention.regressions.interaction_table import COLUMNS
from gpattention.run_folder.files import INTERACTIONS
from gpattention.run_folder.interactions import LOCI, TEXTS, loci_of, read_interactions


def write(folder, **changes):
    row = dict.fromkeys(TEXTS, "") | {"order": 2, "n_alternatives": 0} | dict.fromkeys(COLUMNS, 0.5)
    row |= {"environment": "NA", "locus_1": "1", "locus_2": "007"} | changes
    pd.DataFrame([row]).to_csv(folder / INTERACTIONS, sep="\t", index=False)


def test_names_stay_what_they_are(tmp_path):
    write(tmp_path)
    table = read_interactions(tmp_path)
    assert loci_of(table) == [["1", "007"]]
    assert table["environment"].tolist() == ["NA"]
    assert table["z"].tolist() == [0.5]


def test_a_search_that_found_nothing_has_no_rows(tmp_path):
    pd.DataFrame(columns=[*TEXTS, "order", *COLUMNS]).to_csv(tmp_path / INTERACTIONS, sep="\t", index=False)
    table = read_interactions(tmp_path)
    assert (len(table), loci_of(table)) == (0, [])


def test_a_run_without_a_search_has_none(tmp_path):
    assert read_interactions(tmp_path) is None


@pytest.mark.parametrize("content", ["", "environment\torder\n30C\t2\n", None])
def test_damaged_tables_are_refused(content, tmp_path):
    if content is None:
        write(tmp_path, z="much")
    else:
        (tmp_path / INTERACTIONS).write_text(content)
    with pytest.raises(InputError, match="as a table of interactions"):
        read_interactions(tmp_path)


def test_every_locus_has_a_column():
    assert set(LOCI) < set(TEXTS)
