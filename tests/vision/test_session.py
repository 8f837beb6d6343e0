from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.core.values import Intent, Part, Unfit
from edge.errors import EdgeError, InputError, PartFailed
from edge.vision import session
from edge.vision.eye import Eye
from edge.vision.session import BROKEN_AFTER, REFERENCE_FRAMES
from edge.wire.messages import (
    Blind,
    Examine,
    Examined,
    GateHello,
    Look,
    Message,
    Sighting,
    VisionCounters,
    VisionHello,
)
from tests.fakes.camera import Moment
from tests.vision.desk import BLACK, FRAME_S, GATE_HELLO, LIGHT, Desk
from tests.vision.people import Image, Person, dimmed, lane, stand

MakeDesk = Callable[..., Desk]
START = 1000.0


def look(attempt: int, until: float) -> Look:
    return Look(attempt=attempt, until=START + until, intent=Intent.PRESENCE)


def examine(job: int, until: float, count: int = 0) -> Examine:
    return Examine(job=job, count=count, until=START + until)


@pytest.fixture
def make_desk(make_eye: Callable[..., Eye]) -> Iterator[MakeDesk]:
    made: list[Desk] = []

    def make(*script: Moment, greeting: Message | None = GATE_HELLO) -> Desk:
        made.append(Desk(make_eye(), *script, greeting=greeting))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


@pytest.fixture(scope="module")
def resident(grace: Person) -> Image:
    return stand(lane(), grace, face_px=150)


# Idle ------------------------------------------------------------------------------------
def test_it_says_hello_and_then_once_a_second_that_it_lives(make_desk: MakeDesk) -> None:
    desk = make_desk(LIGHT)
    desk.run(5.0)
    assert isinstance(desk.heard[0][1], VisionHello)
    assert [type(message) for _, message in desk.heard[1:]] == [VisionCounters] * 5


def test_without_an_order_the_camera_stays_closed(make_desk: MakeDesk, resident: Image) -> None:
    desk = make_desk(*[resident] * 50)
    desk.run(20.0)
    assert desk.camera.calls == []
    assert desk.all(Sighting) == []
    assert len(set(desk.embeddings())) == 1
    assert not any(counters.looking for counters in desk.all(VisionCounters))


# Attempts --------------------------------------------------------------------------------
def test_an_attempt_opens_the_eye_and_blind_closes_and_wipes_it(make_desk: MakeDesk, resident: Image) -> None:
    desk = make_desk(*[resident] * 50)
    desk.at(2.0, look(7, 8.0))
    desk.at(3.0, Blind(attempt=7))
    desk.run(6.0)
    seen = desk.all(Sighting)
    assert 8 <= len(seen) <= 11
    assert {one.attempt for one in seen} == {7}
    instants = [one.captured_at for one in seen]
    assert instants == sorted(instants)
    assert START + 2.0 <= instants[0] <= instants[-1] <= START + 3.0
    assert all(one.probe is not None for one in seen)
    assert (desk.camera.calls[0], desk.camera.calls[-1]) == ("open", "close")
    assert desk.camera.calls.count("open") == 1
    assert not any(buffer.any() for buffer in desk.eye.buffers)


def test_an_attempt_ends_by_itself_at_its_deadline(make_desk: MakeDesk, resident: Image) -> None:
    desk = make_desk(*[resident] * 100)
    desk.at(1.0, look(1, 2.0))
    desk.run(6.0)
    assert max(one.captured_at for one in desk.all(Sighting)) <= START + 2.0
    assert desk.camera.calls[-1] == "close"
    assert not any(buffer.any() for buffer in desk.eye.buffers)
    assert desk.embeddings()[-3:] == [desk.embeddings()[-1]] * 3


def test_an_order_that_is_over_when_it_comes_opens_nothing(make_desk: MakeDesk, resident: Image) -> None:
    desk = make_desk(resident)
    desk.at(3.0, look(1, 2.0))
    desk.run(5.0)
    assert desk.camera.calls == []


def test_frames_from_before_the_order_are_not_looked_at(make_desk: MakeDesk, resident: Image) -> None:
    desk = make_desk(*[resident] * 100)
    late = desk.camera.newest

    def older(timeout_s: float) -> object:
        frame = late(timeout_s)
        return frame and type(frame)(frame.number, frame.captured_at - 0.5, frame.image)

    desk.camera.newest = older  # type: ignore[method-assign,assignment]
    desk.at(1.0, look(1, 3.0))
    desk.run(3.5)
    assert desk.all(Sighting)
    assert min(one.captured_at for one in desk.all(Sighting)) >= START + 1.0


def test_the_newest_frame_is_looked_at_and_none_waits(make_desk: MakeDesk, resident: Image) -> None:
    desk = make_desk(*[[resident] * 5] * 6)  # five captured for each that is fetched
    desk.at(1.0, look(1, 1.6))
    desk.run(2.5)
    assert desk.eye.frames - (desk.all(VisionCounters)[0].frames) == len(desk.all(Sighting)) <= 7


# A failing camera --------------------------------------------------------------------------
def test_a_stall_is_reported_within_a_second_and_heals_without_an_embedding(
    make_desk: MakeDesk, resident: Image
) -> None:
    desk = make_desk(*[resident] * 5)
    desk.at(1.0, look(1, 5.0))
    desk.at(2.8, Blind(attempt=1))
    desk.at(6.0, lambda: desk.camera.script.extend([resident] * 60))
    desk.run(12.0)
    (failed, ok, why), (_, healed, _) = desk.states(Part.CAMERA)
    assert (ok, healed) == (False, True)
    assert failed <= 1.0 + 5 * FRAME_S + 1.0
    assert why.startswith("stalled")
    blind_at = next(n for n, (at, _) in enumerate(desk.heard) if at > START + 3.0)
    after = [m.embeddings for _, m in desk.heard[blind_at:] if isinstance(m, VisionCounters)]
    assert len(set(after)) == 1
    assert not [m for _, m in desk.heard[blind_at:] if isinstance(m, Sighting)]
    assert desk.camera.calls[-1] == "close"


def test_a_covered_camera_is_reported_within_a_second(make_desk: MakeDesk) -> None:
    desk = make_desk(*[LIGHT] * 3, *[BLACK] * 40)
    desk.at(1.0, look(1, 4.0))
    desk.run(4.5)
    at, ok, why = desk.states(Part.CAMERA)[0]
    assert not ok
    assert why.startswith("dark")
    assert at <= 1.0 + 3 * FRAME_S + 1.0
    assert {one.unfit for one in desk.all(Sighting)} == {Unfit.NO_FACE, Unfit.TOO_DARK}


def test_a_pulled_camera_ends_the_attempt_and_its_return_heals(make_desk: MakeDesk, resident: Image) -> None:
    desk = make_desk(*[resident] * 200)

    def plug(plugged: bool) -> Callable[[], None]:
        return lambda: setattr(desk.camera, "plugged", plugged)

    desk.at(1.0, look(1, 9.0))
    desk.at(2.0, plug(False))
    wiped: list[bool] = []
    desk.at(4.0, lambda: wiped.append(not any(buffer.any() for buffer in desk.eye.buffers)))
    desk.at(5.0, plug(True))
    desk.run(12.0)
    (failed, ok, why), (back, healed, _) = desk.states(Part.CAMERA)
    assert (ok, healed) == (False, True)
    assert 2.0 <= failed <= 2.2
    assert "unplugged" in why
    assert 5.0 < back < 9.0
    assert max(one.captured_at for one in desk.all(Sighting)) <= START + 2.0
    assert wiped == [True]


def test_a_camera_that_is_missing_from_the_start_is_said_at_once(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.camera.plugged = False
    desk.run(3.0)
    assert [(ok, at <= 1.0) for at, ok, _ in desk.states(Part.CAMERA)] == [(False, True)]
    assert desk.camera.calls == []


# A failing model ---------------------------------------------------------------------------
def test_frames_that_cannot_be_analysed_are_dropped_and_then_reported(
    make_desk: MakeDesk, resident: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk(*[resident] * 100)
    run = desk.eye._embedder.model._run
    nan = np.full((1, 128), np.nan, np.float32)
    desk.at(1.0, look(1, 3.0))
    desk.at(1.3, lambda: monkeypatch.setattr(desk.eye._embedder.model, "_run", lambda _: [nan]))
    desk.at(6.0, lambda: monkeypatch.setattr(desk.eye._embedder.model, "_run", run))
    desk.run(9.0)
    (failed, ok, why), (back, healed, _) = desk.states(Part.MODEL)
    assert (ok, healed) == (False, True)
    assert failed == pytest.approx(1.3 + BROKEN_AFTER * FRAME_S, abs=2.1 * FRAME_S)
    assert "could not be analysed" in why
    assert 6.0 <= back <= 7.1
    assert all(np.isfinite(np.frombuffer(one.probe.embedding, "<f4")).all() for one in desk.all(Sighting) if one.probe)


def test_one_bad_frame_blinds_nobody_and_its_content_is_not_said(
    make_desk: MakeDesk, resident: Image, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk(*[resident] * 30)
    see, calls = desk.eye.see, iter(range(100))

    def sometimes(frame: object) -> Sighting:
        if next(calls) % 3 == 0:
            raise RuntimeError("pixels: 1, 2, 3")
        return see(frame)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.eye, "see", sometimes)
    desk.at(1.0, look(1, 3.0))
    desk.run(3.5)
    assert len(desk.all(Sighting)) > 8
    assert desk.states(Part.MODEL) == []
    assert "RuntimeError" in caplog.text
    assert "pixels" not in caplog.text


# References --------------------------------------------------------------------------------
def test_a_reference_from_the_camera_is_one_probe_of_several_frames(make_desk: MakeDesk, resident: Image) -> None:
    desk = make_desk(*[lane()] * 3, *[resident] * 40)
    desk.at(1.0, examine(5, 9.0))
    desk.run(10.0)
    (answer,) = desk.all(Examined)
    assert (answer.job, answer.unfit) == (5, ())
    assert [probe.frames for probe in answer.probes] == [REFERENCE_FRAMES]
    assert desk.all(Sighting) == []
    assert desk.camera.calls[-1] == "close"
    assert not any(buffer.any() for buffer in desk.eye.buffers)


def test_an_attempt_waits_for_the_examination_and_goes_on_after_it(make_desk: MakeDesk, resident: Image) -> None:
    desk = make_desk(*[resident] * 60)
    desk.at(1.0, examine(5, 9.0))
    desk.at(1.15, look(3, 4.0))
    desk.run(5.0)
    answered = next(at for at, message in desk.heard if isinstance(message, Examined))
    sightings = [(at, m) for at, m in desk.heard if isinstance(m, Sighting)]
    assert sightings
    assert all(at >= answered and m.attempt == 3 for at, m in sightings)
    first = sightings[0][1].probe
    assert first is not None
    assert first.frames == 1


def test_an_examination_in_the_middle_of_an_attempt_goes_first(make_desk: MakeDesk, resident: Image) -> None:
    desk = make_desk(*[resident] * 60)
    desk.at(1.0, look(3, 4.0))
    desk.at(1.5, examine(5, 9.0))
    desk.run(5.0)
    kinds = [type(m).__name__ for _, m in desk.heard if isinstance(m, Sighting | Examined)]
    where = kinds.index("Examined")
    assert "Sighting" in kinds[:where]
    assert "Sighting" in kinds[where + 1 :]


@pytest.mark.parametrize("face_px", [0, 62])
def test_without_a_fit_face_the_deadline_says_why(make_desk: MakeDesk, grace: Person, face_px: int) -> None:
    frame = stand(lane(), grace, face_px=face_px) if face_px else lane()
    desk = make_desk(*[frame] * 60)
    desk.at(1.0, examine(5, 2.5))
    desk.run(4.0)
    (answer,) = desk.all(Examined)
    assert answer.probes == ()
    assert answer.unfit == ((Unfit.TOO_SMALL if face_px else Unfit.NO_FACE).value,)
    assert desk.camera.calls[-1] == "close"


@pytest.mark.parametrize("somebody_waits", [False, True])
def test_what_is_fit_for_a_probe_may_be_unfit_for_a_reference(
    make_desk: MakeDesk, resident: Image, somebody_waits: bool
) -> None:
    desk = make_desk(*[dimmed(resident, 0.2)] * 80)
    desk.at(1.0, examine(5, 3.0))
    if somebody_waits:
        desk.at(1.5, look(2, 5.0))
    desk.run(5.0)
    (answer,) = desk.all(Examined)
    assert answer.unfit == (Unfit.TOO_DARK.value,)
    assert any(one.probe for one in desk.all(Sighting)) == somebody_waits


def test_a_crowd_becomes_no_reference(make_desk: MakeDesk, resident: Image, astronaut: Person) -> None:
    desk = make_desk(*[stand(resident, astronaut, face_px=90, x=0.8)] * 60)
    desk.at(1.0, examine(5, 2.0))
    desk.run(3.0)
    (answer,) = desk.all(Examined)
    assert (answer.probes, answer.unfit) == ((), ("more than one person",))


def test_a_camera_that_fails_says_so_to_whoever_enrols(make_desk: MakeDesk) -> None:
    desk = make_desk(LIGHT, PartFailed("camera 0 is gone", hint="plug it in"))
    desk.at(1.0, examine(5, 9.0))
    desk.run(3.0)
    (answer,) = desk.all(Examined)
    assert answer.unfit == ("the camera failed: camera 0 is gone",)


def memfd(data: bytes) -> int:
    fd = os.memfd_create("picture")
    os.write(fd, data)
    return fd


def test_pictures_are_answered_in_order_and_their_descriptors_closed(
    make_desk: MakeDesk, grace: Person, astronaut: Person
) -> None:
    pictures = [cv2.imencode(".png", image)[1].tobytes() for image in (grace.image, lane(), astronaut.image)]
    desk = make_desk()
    fds = [memfd(data) for data in (*pictures[:2], b"no picture", pictures[2])]
    before = len(list(Path("/proc/self/fd").iterdir()))
    desk.at(1.0, lambda: desk.say(examine(5, 9.0, count=4), fds))
    desk.run(3.0)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    for fd in fds:
        os.close(fd)
    (answer,) = desk.all(Examined)
    assert len(answer.probes) == 2
    assert [line.split(":")[0] for line in answer.unfit] == ["image 2", "image 3"]
    assert Unfit.NO_FACE.value in answer.unfit[0]
    assert "neither JPEG nor PNG" in answer.unfit[1]
    assert desk.camera.calls == []
    assert not any(buffer.any() for buffer in desk.eye.buffers)


def test_a_picture_is_overwritten_once_it_was_looked_at(
    make_desk: MakeDesk, grace: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, picture = make_desk(), grace.image.copy()
    monkeypatch.setattr(session, "decode_image", lambda _fd, _name: picture)
    fd = memfd(b"stands for a picture")
    desk.at(1.0, lambda: desk.say(examine(5, 9.0, count=1), [fd]))
    desk.run(2.0)
    os.close(fd)
    assert len(desk.all(Examined)[0].probes) == 1
    assert not picture.any()


def test_a_picture_for_which_there_is_no_time_is_not_looked_at(make_desk: MakeDesk, grace: Person) -> None:
    desk = make_desk()
    fd = memfd(cv2.imencode(".png", grace.image)[1].tobytes())
    desk.at(2.0, lambda: desk.say(examine(5, 1.0, count=1), [fd]))
    desk.run(3.0)
    os.close(fd)
    assert desk.all(Examined)[0].unfit == ("image 1: time was up",)


# The link ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        (GateHello(protocol=99, pid=1, site="s", gate="g"), "protocol"),
        (look(1, 9.0), "protocol"),
        (None, "did not say hello"),
    ],
)
def test_a_gate_that_does_not_greet_is_left(make_desk: MakeDesk, greeting: Message | None, said: str) -> None:
    desk = make_desk(LIGHT, greeting=greeting)
    with pytest.raises(EdgeError, match=said):
        desk.run(9.0)
    assert desk.camera.calls == []


@pytest.mark.parametrize(
    "nonsense", [GATE_HELLO, examine(1, 9.0, count=2), Sighting(attempt=1, captured_at=1.0, candidates=0)]
)
def test_a_gate_that_talks_nonsense_is_left_with_the_eye_closed(
    make_desk: MakeDesk, resident: Image, nonsense: Message
) -> None:
    desk = make_desk(*[resident] * 20)
    desk.at(1.0, look(1, 9.0))
    desk.at(1.5, nonsense)
    with pytest.raises(InputError):
        desk.run(9.0)
    assert desk.camera.calls[-1] == "close"
    assert not any(buffer.any() for buffer in desk.eye.buffers)


def test_when_the_gate_is_gone_the_eye_closes(make_desk: MakeDesk, resident: Image) -> None:
    desk = make_desk(*[resident] * 20)
    desk.at(1.0, look(1, 9.0))

    def gone() -> None:
        desk._hear = lambda: None  # type: ignore[method-assign]
        desk.gate.close()

    desk.at(1.5, gone)
    with pytest.raises(PartFailed):
        desk.run(9.0)
    assert desk.camera.calls[-1] == "close"
    assert not any(buffer.any() for buffer in desk.eye.buffers)
