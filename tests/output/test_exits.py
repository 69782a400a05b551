import pytest

from gpattention.output import exits


def test_a_message_goes_to_the_errors_with_its_status(capsys, monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(SystemExit) as caught:
        exits.stop("give another folder")
    assert caught.value.code == 2
    assert capsys.readouterr() == ("", "error: give another folder\n")
    with pytest.raises(SystemExit) as caught:
        exits.end("stopped", 143)
    assert caught.value.code == 143
    assert capsys.readouterr().err == "stopped\n"


def test_other_processes_leave_the_first_word_to_the_first(monkeypatch):
    waited = []
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(exits.time, "sleep", waited.append)
    with pytest.raises(SystemExit):
        exits.stop("the same")
    assert waited == [exits.SECONDS_FOR_FIRST]


@pytest.mark.parametrize(
    ("code", "words"), [(-9, "signal SIGKILL"), (-15, "signal SIGTERM"), (3, "status 3"), (None, "status None")]
)
def test_how_a_process_ended_in_words(code, words):
    assert exits.ending(code) == words
