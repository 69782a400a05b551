import logging
from io import StringIO

import pytest

from gpattention.output.run_log import log_kept_for, quiet_terminal


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


def test_a_quiet_terminal_shows_errors_alone_and_files_hold_all(tmp_path, caplog):
    log = logging.getLogger("gpattention.some")
    shown = logging.StreamHandler(stream := StringIO())
    logging.getLogger().addHandler(shown)
    try:
        with log_kept_for(tmp_path / "run.log") as open_log:
            open_log()
            with quiet_terminal():
                log.info("an epoch")
                log.error("no room")
            log.info("the end")
    finally:
        logging.getLogger().removeHandler(shown)
    assert stream.getvalue().split("\n") == ["no room", "the end", ""]
    assert "an epoch" in (tmp_path / "run.log").read_text()
