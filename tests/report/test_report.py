import pytest

from gpattention.errors import InputError
from gpattention.report.report import report


def test_refusals(networks, tmp_path):
    with pytest.raises(InputError, match="give the folder of a run or that of a sweep"):
        report()
    with pytest.raises(InputError, match="nowhere is not a folder"):
        report(run="nowhere")
    with pytest.raises(InputError, match="nowhere is not a folder"):
        report(sweep="nowhere")
    (tmp_path / "mine.html").write_text("mine")
    with pytest.raises(InputError, match="mine.html is there already"):
        report(run=str(networks), output_file=str(tmp_path / "mine.html"))
    with pytest.raises(InputError, match="holds no finished sweep: it has no sweep.json, results.csv"):
        report(sweep=str(networks))
