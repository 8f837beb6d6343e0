"""What commands print, and how long they keep silent."""

from __future__ import annotations

import io
import json
import sys
import threading
from pathlib import Path

import pytest

from edge.cli import output
from edge.cli.output import console, day, emit, facts, progress, table


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_json_is_one_document_with_paths_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    emit(True, {"path": Path("/x"), "n": 1, "list": ("a",)}, lambda: "not drawn")
    said = capsys.readouterr()
    assert json.loads(said.out) == {"path": "/x", "n": 1, "list": ["a"]}
    assert said.err == ""


def test_people_get_what_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    emit(False, {}, lambda: "drawn [bold]as it is[/bold]")
    assert capsys.readouterr().out == "drawn [bold]as it is[/bold]\n"


def test_a_value_without_a_place_in_json_is_a_defect() -> None:
    with pytest.raises(TypeError, match="complex"):
        emit(True, {"x": 1j}, lambda: "")


def test_tables_show_text_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    console().print(table("t", ("name", "count", "works"), [("\x1b[31mred[/]", 3, True), ("b", 12.34567, False)]))
    console().print(facts({"a": "\x07", "b": 1}))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "?[31mred[/]" in out
    assert "12.35" in out
    assert "\x07" not in out


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "1970-01-01"), (1e300, "beyond the calendar"), (float("nan"), "beyond the calendar")]
)
def test_a_day(seconds: float, said: str) -> None:
    assert day(seconds) == said


def test_progress_is_silent_for_scripts_and_files(capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    for hidden in (True, False):
        with progress("work", 3, hidden=hidden) as advance:
            advance(1)
            assert threading.active_count() == before
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_quick_work_shows_nothing_on_a_terminal_either(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress("work", 3) as advance:
        advance(3)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("total", [3, None])
def test_long_work_shows_how_far_it_is_on_stderr(monkeypatch: pytest.MonkeyPatch, total: int | None) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(output, "SILENT_S", 0.0)
    begun = threading.Event()
    begin = output._Progress.begin

    def noted(self: output._Progress) -> None:
        begin(self)
        begun.set()

    monkeypatch.setattr(output._Progress, "begin", noted)
    with progress("counting", total) as advance:
        advance(1)
        assert begun.wait(20)
        advance(1)
    assert "counting" in terminal.getvalue()
    assert ("/3" in terminal.getvalue()) == (total == 3)
