"""Cards that are typed."""

from __future__ import annotations

import logging
import os
import queue
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import BootClock
from edge.errors import PartFailed
from edge.gate.readers import line as module
from edge.gate.readers.line import MAX_LINE_BYTES, NO_CARD, LineReader, Lines
from tests.fakes.clock import LOST_S


def test_lines_are_numbers_however_they_end() -> None:
    assert Lines().feed(b"1234\n5678\r\n9abc\rdef0\n") == ["1234", "5678", "9abc", "def0"]


def test_an_unfinished_line_is_no_number_yet() -> None:
    lines = Lines()
    assert lines.feed(b"12") == []
    assert lines.feed(b"34") == []
    assert lines.feed(b"\n") == ["1234"]


def test_an_empty_line_is_nothing() -> None:
    assert Lines().feed(b"\n \r\n\t\n") == []


def test_a_line_that_is_too_long_is_no_card_whatever_it_begins_with() -> None:
    """Cut off, it could be a number that somebody has."""
    known = "1234" * (MAX_LINE_BYTES // 4)
    lines = Lines()
    assert lines.feed(known.encode() + b"\n") == [known]
    assert lines.feed(known.encode() + b"5\n") == [NO_CARD]
    assert lines.feed(b"5678\n") == ["5678"]


def test_the_end_of_a_line_that_is_too_long_is_no_card_either() -> None:
    lines = Lines()
    assert lines.feed(b"9" * (2 * MAX_LINE_BYTES)) == []
    assert lines.feed(b"1234\n") == [NO_CARD]


def test_a_line_without_end_takes_no_memory() -> None:
    lines = Lines()
    for _ in range(1000):
        assert lines.feed(b"9" * 4096) == []
        assert len(lines._begun) <= MAX_LINE_BYTES
    assert lines.feed(b"\n1234\n") == [NO_CARD, "1234"]


@given(st.lists(st.binary(max_size=200)))
def test_no_bytes_give_more_than_a_bounded_printable_or_replaced_text(pieces: list[bytes]) -> None:
    lines = Lines()
    for piece in pieces:
        for number in lines.feed(piece):
            assert len(number) <= MAX_LINE_BYTES
            assert "\n" not in number


@given(st.binary(max_size=400), st.lists(st.integers(0, 400)))
def test_how_the_bytes_are_split_on_their_way_changes_nothing(data: bytes, cuts: list[int]) -> None:
    data = data.replace(b"\r", b"")
    whole, split = Lines(), Lines()
    at, parts = 0, []
    for cut in [*sorted(cuts), len(data)]:
        parts += split.feed(data[at:cut])
        at = max(at, min(cut, len(data)))
    assert parts == whole.feed(data)


def test_a_plain_file_is_no_reader(tmp_path: Path) -> None:
    (tmp_path / "cards.txt").write_text("1234\n")
    with pytest.raises(PartFailed, match="neither a tty nor a pipe"):
        LineReader(str(tmp_path / "cards.txt"))


def test_a_missing_device_is_named_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(PartFailed, match="ttyUSB9") as caught:
        LineReader(str(tmp_path / "ttyUSB9"))
    assert "cards.device" in caught.value.hint


def test_a_reader_that_comes_back_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    caplog.set_level(logging.INFO)
    os.mkfifo(tmp_path / "cards")
    read: queue.SimpleQueue[str] = queue.SimpleQueue()
    reader = LineReader(str(tmp_path / "cards"))
    plugged = os.open(tmp_path / "cards", os.O_WRONLY)
    reader.listen(read.put)
    os.write(plugged, b"1234\nhalf a num")
    assert read.get(timeout=LOST_S) == "1234"
    os.close(plugged)
    _until_gone(caplog)
    plugged = os.open(tmp_path / "cards", os.O_WRONLY)
    os.write(plugged, b"5678\n")
    assert read.get(timeout=LOST_S) == "5678", "what was typed before the cable was pulled is forgotten"
    reader.close()
    os.close(plugged)


def _until_gone(caplog: pytest.LogCaptureFixture) -> None:
    end = BootClock().now() + LOST_S
    while "is gone" not in caplog.text:
        assert BootClock().now() < end


def test_standard_input_that_ends_has_ended(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = os.pipe()
    monkeypatch.setattr(os, "dup", lambda fd: ours)
    read: queue.SimpleQueue[str] = queue.SimpleQueue()
    reader = LineReader("-")
    reader.listen(read.put)
    os.write(theirs, b"1234\n")
    os.close(theirs)
    assert read.get(timeout=LOST_S) == "1234"
    assert reader._thread is not None
    reader._thread.join(LOST_S)
    assert "standard input has ended" in caplog.text
    reader.close()
