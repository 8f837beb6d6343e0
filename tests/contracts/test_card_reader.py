"""What every card reader promises (`edge.ports.CardReader`)."""

from __future__ import annotations

import os
import queue
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.gate.readers.line import LineReader
from edge.gate.readers.sim import SimReader
from edge.ports import CardReader
from edge.sim.director import Director
from tests.fakes.clock import LOST_S
from tests.fakes.reader import FakeReader


@dataclass
class Desk:
    """One reader, and a hand that presents cards to it."""

    reader: CardReader
    present: Callable[[str], None]


def a_tty(tmp_path: Path) -> Iterator[Desk]:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    reader = LineReader(os.ttyname(theirs))
    yield Desk(reader, lambda number: _type(ours, f"{number}\r\n"))
    reader.close()
    os.close(ours)
    os.close(theirs)


def a_pipe(tmp_path: Path) -> Iterator[Desk]:
    os.mkfifo(tmp_path / "cards")
    reader = LineReader(str(tmp_path / "cards"))
    fd = os.open(tmp_path / "cards", os.O_WRONLY)
    yield Desk(reader, lambda number: _type(fd, f"{number}\n"))
    reader.close()
    os.close(fd)


def the_stage(tmp_path: Path) -> Iterator[Desk]:
    reader = SimReader(tmp_path)
    with Director(tmp_path) as director:
        yield Desk(reader, director.card)
    reader.close()


def a_fake(tmp_path: Path) -> Iterator[Desk]:
    reader = FakeReader()
    yield Desk(reader, reader.present)
    reader.close()


def _type(fd: int, text: str) -> None:
    os.write(fd, text.encode())


MAKERS = {"line, tty": a_tty, "line, pipe": a_pipe, "sim": the_stage, "fake": a_fake}


@pytest.fixture(params=MAKERS)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    yield from MAKERS[request.param](tmp_path)


def test_a_number_arrives_as_it_was_read(desk: Desk) -> None:
    read: queue.SimpleQueue[str] = queue.SimpleQueue()
    desk.reader.listen(read.put)
    desk.present("04A1B2C3")
    assert read.get(timeout=LOST_S) == "04A1B2C3"


def test_numbers_arrive_in_order(desk: Desk) -> None:
    read: queue.SimpleQueue[str] = queue.SimpleQueue()
    desk.reader.listen(read.put)
    numbers = [f"{number:08}" for number in range(20)]
    for number in numbers:
        desk.present(number)
    assert [read.get(timeout=LOST_S) for _ in numbers] == numbers


@pytest.mark.parametrize(
    "text", ["' OR 1=1 --", "$(reboot)", "; rm -rf /", "../../etc/passwd", "\x1b[2J1234", "caf\xe9"]
)
def test_what_is_no_number_is_only_text(desk: Desk, text: str) -> None:
    """Threats 1 and 2: whatever is on a card is handed on as text, and the next card is read."""
    read: queue.SimpleQueue[str] = queue.SimpleQueue()
    desk.reader.listen(read.put)
    desk.present(text)
    desk.present("1234")
    first = read.get(timeout=LOST_S)
    assert first
    assert read.get(timeout=LOST_S) == "1234"


def test_closing_twice_is_no_error(desk: Desk) -> None:
    desk.reader.listen(lambda number: None)
    desk.reader.close()
    desk.reader.close()


def test_a_reader_that_never_listened_can_be_closed(desk: Desk) -> None:
    desk.reader.close()
