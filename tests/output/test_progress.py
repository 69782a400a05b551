import io

from rich.console import Console

from gpattention.output import progress


def test_nothing_is_drawn_into_a_file(monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=written))
    with progress.progress_bar() as bar:
        task = bar.add_task("reading", total=3, note="half")
        bar.advance(task, 2)
    assert written.getvalue() == ""


def test_a_terminal_sees_what_is_done_and_how_far(monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=written, force_terminal=True, width=100))
    with progress.progress_bar() as bar:
        task = bar.add_task("reading", total=4, note="half")
        bar.update(task, completed=2)
        bar.refresh()
    assert "reading" in written.getvalue()
    assert "50%" in written.getvalue()
    assert "2/4" in written.getvalue()
