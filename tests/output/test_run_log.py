import logging

import pytest

from gpattention.output.run_log import log_kept_for


def test_what_was_said_before_the_file_is_opened_is_in_it(tmp_path):
    log = logging.getLogger("gpattention.somewhere")
    with log_kept_for(tmp_path / "run.log") as open_log:
        log.info("before")
        assert not (tmp_path / "run.log").exists()
        open_log()
        log.info("after")
    log.info("outside")
    lines = (tmp_path / "run.log").read_text().splitlines()
    assert [line.split()[-1] for line in lines] == ["before", "after"]


def test_nothing_is_written_where_the_file_is_never_opened(tmp_path):
    with pytest.raises(ValueError, match="refused"), log_kept_for(tmp_path / "run.log"):
        logging.getLogger("gpattention").info("before")
        raise ValueError("refused")
    assert list(tmp_path.iterdir()) == []
