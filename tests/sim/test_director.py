"""The director speaks to each part, and sees what the pins show."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import NotRunning, PartFailed, ShownOtherwise
from edge.sim import director as module
from edge.sim.director import Director
from edge.sim.server import CueSocket
from edge.sim.stage import CAMERA_SOCKET, CARDS_SOCKET, PINS_SOCKET, Moved, PresentCard, Scene, Sense, Watch, encode
from tests.fakes.clock import LOST_S


class Pins:
    """Simulated pins that report what the test says."""

    def __init__(self, stage: Path) -> None:
        self.cues = CueSocket(stage / PINS_SOCKET)
        self._mouth = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._mouth.settimeout(LOST_S)
        self._at = itertools.count(1)
        self.audience = ""

    def meet(self) -> None:
        """Receive the director's `Watch`, and report the present state."""
        cue = self.cues.receive(LOST_S)
        assert isinstance(cue, Watch)
        self.audience = cue.path
        self.report("ready")

    def report(self, sign: str, *, relay: bool = False) -> None:
        self._mouth.sendto(encode(Moved(at=float(next(self._at)), relay=relay, sign=sign)), self.audience)

    def say(self, data: bytes) -> None:
        self._mouth.sendto(data, self.audience)

    def close(self) -> None:
        self._mouth.close()
        self.cues.close()


@pytest.fixture
def pins(tmp_path: Path) -> Iterator[Pins]:
    made = Pins(tmp_path)
    yield made
    made.close()


@pytest.fixture
def director(tmp_path: Path) -> Iterator[Director]:
    with Director(tmp_path) as made:
        yield made


def test_each_cue_goes_to_its_part(tmp_path: Path, director: Director, pins: Pins) -> None:
    with CueSocket(tmp_path / CAMERA_SOCKET) as camera, CueSocket(tmp_path / CARDS_SOCKET) as cards:
        director.scene(Scene(light=0.5))
        director.sense(presence=True)
        director.card("0042")
        assert camera.receive(LOST_S) == Scene(light=0.5)
        assert pins.cues.receive(LOST_S) == Sense(presence=True)
        assert cards.receive(LOST_S) == PresentCard(number="0042")


def test_a_part_that_does_not_listen_is_named(director: Director) -> None:
    for speak in (lambda: director.scene(Scene()), lambda: director.card("1"), director.watch):
        with pytest.raises(NotRunning, match=r"\.sock") as failed:
            speak()
        assert "edge-gate run" in failed.value.hint


def test_a_part_that_does_not_read_is_named_and_waited_for_a_bounded_time(
    director: Director, pins: Pins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEND_WAIT_S", 0.01)

    def speak_on() -> None:
        for _ in range(100_000):
            director.sense(button=True)

    with pytest.raises(PartFailed, match="does not read"):
        speak_on()


def test_watching_begins_with_the_present_state_and_ends_with_the_director(director: Director, pins: Pins) -> None:
    reports = director.watch()
    pins.meet()
    pins.report("go", relay=True)
    assert [next(reports).sign, next(reports).sign] == ["ready", "go"]
    director.close()
    assert list(reports) == []


def test_nothing_is_lost_while_nobody_looks(director: Director, pins: Pins) -> None:
    reports = director.watch()
    pins.meet()
    for number in range(200):
        pins.report(str(number))
    assert [next(reports).sign for _ in range(201)] == ["ready", *map(str, range(200))]


def test_waiting_finds_the_first_report_that_fits(director: Director, pins: Pins) -> None:
    director.watch()
    pins.meet()
    pins.report("go", relay=True)
    pins.report("ready")
    assert director.wait_for(lambda moved: moved.relay, LOST_S).sign == "go"
    assert director.wait_for(lambda moved: not moved.relay, LOST_S).at == 3.0


def test_waiting_asks_the_pins_by_itself_and_only_once(director: Director, pins: Pins) -> None:
    meeting = threading.Thread(target=pins.meet)
    meeting.start()
    assert director.wait_for(lambda moved: moved.sign == "ready", LOST_S).at == 1.0
    meeting.join()
    director.wait_for(lambda moved: moved.sign == "ready", LOST_S)
    assert pins.cues.receive(0.0) is None


def test_what_was_over_before_the_last_cue_does_not_count(director: Director, pins: Pins) -> None:
    reports = director.watch()
    pins.meet()
    pins.report("refused")
    pins.report("ready")
    assert [next(reports).sign for _ in range(3)] == ["ready", "refused", "ready"]
    director.sense(presence=True)
    with pytest.raises(ShownOtherwise, match=r"within 0 s.*sign='ready'"):
        director.wait_for(lambda moved: moved.sign == "refused", 0.0)
    assert director.wait_for(lambda moved: moved.sign == "ready", 0.0).at == 3.0  # it stood at the cue


def test_a_report_is_looked_at_once_in_each_wait(director: Director, pins: Pins) -> None:
    director.watch()
    pins.meet()
    seen: list[float] = []

    def third(moved: Moved) -> bool:
        seen.append(moved.at)
        if len(seen) < 3:
            pins.report("next")
        return len(seen) == 3

    director.wait_for(third, LOST_S)
    assert seen == [1.0, 2.0, 3.0]


def test_a_report_that_does_not_parse_is_passed_over(director: Director, pins: Pins) -> None:
    reports = director.watch()
    pins.meet()
    pins.say(b"nonsense")
    pins.report("after")
    assert [next(reports).sign, next(reports).sign] == ["ready", "after"]


def test_it_leaves_no_socket_behind(tmp_path: Path, pins: Pins) -> None:
    with Director(tmp_path) as director:
        director.watch()
        assert len(list(tmp_path.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == [PINS_SOCKET]
