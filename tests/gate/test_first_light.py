"""A day at the gate: the real process with real sockets, threads and vault; camera, models and pins are played."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.clock import BootClock
from edge.core.lane import Sign
from edge.core.values import Part, Refusal, SubjectId
from edge.errors import EdgeError
from edge.gate.eye import ITS_PARTS
from edge.gate.service import measure, prepare, serve
from edge.sim.director import Director
from edge.sim.stage import Moved
from edge.wire.admin import (
    Answer,
    CardAddRequest,
    Enrolled,
    EnrolRequest,
    Erased,
    EraseRequest,
    Request,
    Status,
    StatusRequest,
    Subjects,
    SubjectsRequest,
)
from edge.wire.client import ask
from edge.wire.messages import Examine, Look
from tests.fakes.clock import LOST_S
from tests.fakes.vision import FakeVision, hello
from tests.gate.configs import desk_config
from tests.gate.lane import probe
from tests.gate.site import TestSite

CARD = "04A1B2C3"
DIMENSIONS = 128
RESIDENT, STRANGER = (np.random.default_rng(n).standard_normal(DIMENSIONS).astype(np.float32) for n in (1, 2))


class House:
    """A running gate, and everybody around it: director, operator, eye."""

    def __init__(self, folder: Path) -> None:
        for name in ("state", "run"):
            (folder / name).mkdir(mode=0o700)
        self.clock = BootClock()
        self.site = TestSite(self.clock)
        self.config = desk_config(self.site, folder)
        self.model = measure(self.config).model_sha256
        self.gate = prepare(self.config, sandbox="not sandboxed: a test")
        self._thread = threading.Thread(target=serve, args=(self.gate,))
        self._thread.start()
        self.director = Director(self.config.stage_socket)
        self.director.wait_for(lambda moved: moved.sign == Sign.CARD_ONLY, LOST_S)

    def close(self) -> None:
        self.director.close()
        self.gate.stop()
        self._thread.join(LOST_S)
        assert not self._thread.is_alive()

    # The operator ---------------------------------------------------------------------------
    def ask(self, request: Request) -> Answer:
        return ask(self.config.admin_socket, request)

    def status(self) -> Status:
        said = self.ask(StatusRequest())
        assert isinstance(said, Status)
        return said

    def failed(self) -> set[Part]:
        return {report.part for report in self.status().parts if not report.ok}

    def until_failed(self, parts: set[Part]) -> None:
        """Wait until these have failed and no other; without vision nobody knows of camera and model."""
        if Part.VISION in parts:
            parts = parts | ITS_PARTS
        end = self.clock.now() + LOST_S
        while self.failed() != parts:
            assert self.clock.now() < end, self.failed()

    def enrol(self, vision: FakeVision, embedding: NDArray[np.float32]) -> SubjectId:
        """The subject stands at the camera, and the operator types the command."""
        _, subject, document = self.site.consent()
        answers: list[Answer | EdgeError] = []

        def operator() -> None:
            try:
                answers.append(self.ask(EnrolRequest(consent=document, images=0)))
            except EdgeError as error:
                answers.append(error)

        thread = threading.Thread(target=operator)
        thread.start()
        order = vision.until(Examine)
        vision.examined(order, probe(embedding))
        thread.join(LOST_S)
        assert isinstance(answers[0], Enrolled), answers
        return subject

    # At the lane ----------------------------------------------------------------------------
    def vision(self) -> FakeVision:
        """An eye that is admitted, and lives until it is closed."""
        vision = FakeVision(self.config.vision_socket)
        vision.greet(hello(self.model, DIMENSIONS))
        vision.keep_alive()
        return vision

    def stand_before(self, vision: FakeVision, embedding: NDArray[np.float32], frames: int) -> Look:
        """Somebody comes, and is seen in so many frames."""
        self.director.sense(presence=True)
        look = vision.until(Look)
        for _ in range(frames):
            vision.show(look, probe(embedding), self.clock.now())
        return look

    def shows(self, wanted: Callable[[Moved], bool]) -> Moved:
        return self.director.wait_for(wanted, LOST_S)

    def pass_through(self) -> None:
        """Through the arms, and away."""
        self.director.sense(passage=True)
        self.director.sense(passage=False)
        self.shows(lambda moved: not moved.relay)
        self.director.sense(presence=False)

    def hold_card(self) -> None:
        self.director.card(CARD)
        self.shows(lambda moved: moved.relay)
        self.director.sense(passage=True, presence=False)
        self.director.sense(passage=False)
        self.shows(lambda moved: not moved.relay and moved.sign != Sign.LOOK_HERE)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def test_a_day_at_the_gate(house: House) -> None:
    # Cards work while nobody has seen anything yet.
    house.until_failed({Part.VISION})
    house.ask(CardAddRequest(number=CARD, label="blue"))
    house.hold_card()
    assert house.status().releases == 1

    # The eye comes, and all parts work.
    with house.vision() as vision:
        house.until_failed(set())

        # A stranger stays outside, and is told the reason and the other way in.
        house.stand_before(vision, STRANGER, house.config.lane.probes_max)
        refused = house.shows(lambda moved: bool(moved.refusal))
        assert (refused.refusal, refused.other_ways) == (Refusal.NOT_RECOGNISED, ("card",))
        house.director.sense(presence=False)

        # A consenting resident enrols and passes.
        subject = house.enrol(vision, RESIDENT)
        assert house.status().references == 1
        house.stand_before(vision, RESIDENT, house.config.lane.agreeing)
        house.shows(lambda moved: moved.relay)
        house.pass_through()
        assert house.status().releases == 2

        # The resident withdraws, and is a stranger from then on.
        gone = house.ask(EraseRequest(subject=subject))
        assert isinstance(gone, Erased)
        assert gone.references == 1
        assert house.ask(SubjectsRequest()) == Subjects(rows=())
        assert house.status().references == 0
        began = house.clock.now()
        house.stand_before(vision, RESIDENT, house.config.lane.probes_max)
        house.shows(lambda moved: bool(moved.refusal) and moved.at > began)
        house.director.sense(presence=False)
        assert house.status().releases == 2

    # The eye is killed: the face is off, cards go on.
    house.until_failed({Part.VISION})
    assert house.status().face.startswith("off: vision")
    house.hold_card()
    assert house.status().releases == 3

    # Another one takes its place.
    with house.vision():
        house.until_failed(set())
        assert house.status().face == "on"


def test_an_eye_that_lies_is_sent_away_and_opens_nothing(house: House) -> None:
    with house.vision() as vision:
        house.until_failed(set())
        house.stand_before(vision, np.full(DIMENSIONS, np.nan, np.float32), 1)
        assert vision.sent_away()
    house.until_failed({Part.VISION})
    said = next(report.why for report in house.status().parts if report.part is Part.VISION)
    assert "not finite" in said
    assert house.status().releases == 0


def test_a_flood_from_the_eye_delays_no_card_and_no_lock(house: House) -> None:
    house.ask(CardAddRequest(number=CARD, label="blue"))
    with house.vision() as vision:
        house.until_failed(set())
        look = house.stand_before(vision, STRANGER, 0)
        stop = threading.Event()

        def flood() -> None:
            with contextlib.suppress(EdgeError):
                while not stop.is_set():
                    vision.show(look, probe(STRANGER), house.clock.now())

        thread = threading.Thread(target=flood)
        thread.start()
        house.director.card(CARD)
        opened = house.shows(lambda moved: moved.relay)
        shut = house.shows(lambda moved: not moved.relay and moved.at > opened.at)
        stop.set()
        thread.join()
        assert shut.at - opened.at < house.config.lane.release_s + 0.5
