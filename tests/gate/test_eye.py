"""The link to vision, over real sockets."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.clock import BootClock
from edge.core.values import AttemptId, Intent, Part
from edge.errors import PartFailed, Refused
from edge.gate.eye import ITS_PARTS, MAX_MESSAGES_PER_S, MAX_SIGHTINGS_PER_S, EyeLink, printable
from edge.gate.inbox import Fault, Inbox, Item, Mended
from edge.ports import Clock
from edge.wire.link import Listener
from edge.wire.messages import (
    PROTOCOL,
    Blind,
    Examine,
    GateHello,
    Look,
    PartState,
    Sighting,
    VisionCounters,
    VisionHello,
    encode,
)
from tests.fakes.clock import LOST_S, HandClock
from tests.fakes.vision import FakeVision, hello
from tests.gate.lane import ANN, DIMENSIONS, FACES, MODEL, probe

HELLO = hello(MODEL, DIMENSIONS)
MENDED = (Mended(Part.VISION), Mended(Part.CAMERA), Mended(Part.MODEL))


class Gate:
    """The gate's side: the link, and what came into the inbox."""

    def __init__(self, folder: Path, *, silence_s: float = LOST_S, clock: Clock | None = None) -> None:
        self.path, self.inbox = folder / "vision.sock", Inbox()
        self.clock = clock or BootClock()
        listener = Listener(self.path, allowed_uids=frozenset({os.getuid()}))
        ours = GateHello(protocol=PROTOCOL, pid=os.getpid(), site="s", gate="g")
        self.eye = EyeLink(listener, ours, self._admit, self.inbox, self.clock, silence_s=silence_s)
        self._came: list[Item] = []
        self.eye.start()

    def _admit(self, said: VisionHello) -> None:
        if said.embedder_sha256 != MODEL:
            raise Refused("another model", hint="start both with one configuration")

    def next(self) -> Item:
        """The next thing that is no sighting; it has to come."""
        while not self._came:
            self.inbox.wait(LOST_S)
            came = self.inbox.take_others()
            assert came or self.inbox.take_sighting(), "nothing came"
            self._came += came
        return self._came.pop(0)

    def connected(self) -> FakeVision:
        """An honest eye that was admitted."""
        vision = FakeVision(self.path)
        vision.greet(HELLO)
        assert tuple(self.next() for _ in MENDED) == MENDED
        return vision

    def lost(self) -> str:
        """Why the eye was lost."""
        item = self.next()
        assert isinstance(item, Fault)
        assert item.part is Part.VISION
        return item.why


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.eye.close()


def sighting(number: int = 1) -> Sighting:
    return Sighting(attempt=number, captured_at=1.0, candidates=1, probe=probe(FACES[ANN]))


def test_an_eye_works_only_after_its_hello(gate: Gate) -> None:
    with pytest.raises(PartFailed, match="not connected"):
        gate.eye.look(AttemptId(1), 1.0, Intent.BUTTON)
    with gate.connected() as vision:
        gate.eye.look(AttemptId(1), 1.0, Intent.BUTTON)
        gate.eye.blind(AttemptId(1))
        assert vision.hear() == Look(attempt=1, until=1.0, intent=Intent.BUTTON)
        assert vision.hear() == Blind(attempt=1)


def test_sightings_arrive_with_the_model_of_their_connection(gate: Gate) -> None:
    with gate.connected() as vision:
        vision.say(sighting())
        gate.inbox.wait(LOST_S)
        seen = gate.inbox.take_sighting()
        assert seen is not None
        assert seen.model_sha256 == MODEL
        assert seen.sighting == sighting()


def test_what_must_not_be_used_is_not_admitted_and_says_why(gate: Gate) -> None:
    with FakeVision(gate.path) as vision:
        vision.say(msgspec.structs.replace(HELLO, embedder_sha256="f" * 64))
        assert gate.lost() == "another model"
        assert vision.sent_away()
    with gate.connected():
        pass


def test_an_eye_that_dies_is_a_fault_and_the_next_one_heals_it(gate: Gate) -> None:
    gate.connected().close()
    assert "closed the connection" in gate.lost()
    with pytest.raises(PartFailed):
        gate.eye.blind(AttemptId(1))
    with gate.connected():
        gate.eye.look(AttemptId(2), 1.0, Intent.BUTTON)


def test_a_living_eye_cannot_be_pushed_out(gate: Gate) -> None:
    """Threat 24: whoever may connect waits until the place is free."""
    with gate.connected() as first, FakeVision(gate.path) as second:
        second.say(HELLO, sighting(666))
        first.say(sighting(1))
        gate.inbox.wait(LOST_S)
        seen = gate.inbox.take_sighting()
        assert seen is not None
        assert seen.sighting.attempt == 1
        first.close()
        assert "closed" in gate.lost()
        assert gate.next() == Mended(Part.VISION)


def test_silence_is_a_fault_and_frees_the_place(tmp_path: Path) -> None:
    gate = Gate(tmp_path, silence_s=0.1)
    with gate.connected() as vision:
        assert "silent" in gate.lost()
        assert vision.sent_away()
    with gate.connected():
        pass
    gate.eye.close()


def test_sightings_alone_are_no_sign_of_life(tmp_path: Path) -> None:
    """An eye whose heart has stopped does not live on by what it claims to see."""
    gate = Gate(tmp_path, silence_s=0.2)
    with gate.connected() as vision:
        stop = threading.Event()

        def go_on() -> None:
            while not stop.wait(0.02):
                try:
                    vision.say(sighting())
                except PartFailed:
                    return

        thread = threading.Thread(target=go_on)
        thread.start()
        assert "silent" in gate.lost()
        stop.set()
        thread.join()
    gate.eye.close()


@pytest.mark.parametrize("part", sorted(ITS_PARTS))
def test_it_reports_its_own_parts(gate: Gate, part: Part) -> None:
    with gate.connected() as vision:
        vision.part(part, ok=False, why="pulled")
        assert gate.next() == Fault(part, "pulled")
        vision.part(part, ok=True)
        assert gate.next() == Mended(part)


@pytest.mark.parametrize("part", sorted(set(Part) - ITS_PARTS))
@pytest.mark.parametrize("ok", [True, False])
def test_it_cannot_speak_for_another_part(gate: Gate, part: Part, ok: bool) -> None:
    """Threat 24: an eye could switch the cards off, or a fault away."""
    with gate.connected() as vision:
        vision.part(part, ok=ok)
        assert f"speaks for the part {part.value!r}" in gate.lost()
        assert vision.sent_away()


def test_its_words_cannot_move_a_cursor_or_fake_a_line(gate: Gate) -> None:
    with gate.connected() as vision:
        vision.part(Part.CAMERA, ok=False, why="gone\x1b[2J\nerror: the gate is on fire\u202e")
        assert gate.next() == Fault(Part.CAMERA, "gone?[2J?error: the gate is on fire?")


@given(st.text())
def test_printable_leaves_nothing_that_is_not(text: str) -> None:
    assert printable(text).isprintable()
    assert len(printable(text)) == len(text)


def test_a_flood_of_sightings_is_throttled_and_counted(tmp_path: Path) -> None:
    gate = Gate(tmp_path, clock=HandClock())  # all of it comes within one instant
    with gate.connected() as vision:
        vision.press(sighting(), 3 * MAX_SIGHTINGS_PER_S)
        vision.alive()
        vision.part(Part.CAMERA, ok=True)
        assert gate.next() == Mended(Part.CAMERA)
        assert gate.eye.report.throttled == 2 * MAX_SIGHTINGS_PER_S
    gate.eye.close()


def test_a_flood_of_messages_ends_the_connection(gate: Gate) -> None:
    with gate.connected() as vision:
        with pytest.raises(PartFailed, match="gone"):
            vision.press(VisionCounters(frames=0, embeddings=0, looking=False, stage_us={}), 100 * MAX_MESSAGES_PER_S)
        assert f"more than {MAX_MESSAGES_PER_S} messages a second" in gate.lost()


@pytest.mark.parametrize("said", ["hello twice", "another tag", "nothing", "nested"])
def test_nonsense_ends_the_connection(gate: Gate, said: str) -> None:
    with gate.connected() as vision:
        match said:
            case "hello twice":
                vision.say(HELLO)
            case "another tag":
                vision.say(Look(attempt=1, until=1.0, intent=Intent.BUTTON))
            case "nothing":
                vision.babble(b"\xc0")
            case _:
                vision.babble(b"\x91" * 10_000)
        assert gate.lost()
        assert vision.sent_away()


def test_whoever_does_not_begin_with_a_hello_is_sent_away(gate: Gate) -> None:
    with FakeVision(gate.path) as vision:
        vision.say(sighting())
        assert gate.lost() == "vision did not begin with its hello"
        assert vision.sent_away()
    assert gate.inbox.take_sighting() is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.binary(min_size=1, max_size=200))
def test_no_bytes_end_the_thread(gate: Gate, data: bytes) -> None:
    with FakeVision(gate.path) as vision:
        vision.babble(data)
        assert gate.lost()
    with gate.connected():
        pass
    assert "closed" in gate.lost()


def test_an_eye_that_does_not_hear_its_orders_is_not_used_further(gate: Gate) -> None:
    """Its socket is full: it would go on looking after "blind"."""
    with gate.connected() as vision:
        with pytest.raises(PartFailed, match="does not read"):
            _order_for_ever(gate.eye)
        assert "does not read" in gate.lost()
        assert vision.sent_away()


def _order_for_ever(eye: EyeLink) -> None:
    for number in itertools.count():
        eye.blind(AttemptId(number))


def test_a_disowned_eye_is_lost_for_the_reason_that_was_given(gate: Gate) -> None:
    with gate.connected() as vision:
        gate.eye.disown("it sent a lie")
        assert gate.lost() == "it sent a lie"
        assert vision.sent_away()
    with gate.connected():
        pass


# Examinations -----------------------------------------------------------------------------
def in_background(gate: Gate, fds: tuple[int, ...] = (), for_s: float = LOST_S) -> list[object]:
    """Ask for an examination on another thread; its outcome comes into the list, `[-1]` when joined."""
    outcome: list[object] = []

    def ask() -> None:
        try:
            outcome.append(gate.eye.examine(fds, for_s))
        except Exception as error:  # noqa: BLE001
            outcome.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    outcome.append(thread)
    return outcome


def joined(outcome: list[object]) -> object:
    thread = outcome[0]
    assert isinstance(thread, threading.Thread)
    thread.join(LOST_S)
    return outcome[-1]


def test_an_examination_hands_on_open_files_unread(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "face.jpg").write_bytes(b"not read by the gate")
    with (tmp_path / "face.jpg").open("rb") as image, gate.connected() as vision:
        outcome = in_background(gate, (image.fileno(),))
        with vision.received() as datagram:
            order = msgspec.msgpack.decode(datagram.data, type=Examine)
            assert order.count == len(datagram.fds) == 1
            assert os.pread(datagram.fds[0], 100, 0) == b"not read by the gate"
        assert image.tell() == 0
        vision.examined(order, probe(FACES[ANN]))
        answer = joined(outcome)
        assert getattr(answer, "probes", None) == (probe(FACES[ANN]),)


def test_one_examination_at_a_time(gate: Gate) -> None:
    with gate.connected() as vision:
        outcome = in_background(gate)
        order = vision.hear()
        assert isinstance(order, Examine)
        with pytest.raises(Refused, match="already running"):
            gate.eye.examine((), 1.0)
        vision.examined(order, probe(FACES[ANN]))
        assert not isinstance(joined(outcome), Exception)


def test_an_answer_to_another_job_is_no_answer(gate: Gate) -> None:
    with gate.connected() as vision:
        outcome = in_background(gate)
        order = vision.hear()
        assert isinstance(order, Examine)
        vision.examined(msgspec.structs.replace(order, job=order.job + 1), probe(FACES[ANN]))
        vision.part(Part.CAMERA, ok=True)
        assert gate.next() == Mended(Part.CAMERA)  # so it was heard
        assert len(outcome) == 1
        vision.examined(order, unfit=("blurred",))
        assert getattr(joined(outcome), "unfit", None) == ("blurred",)


def test_an_eye_that_dies_in_an_examination_is_said_at_once(gate: Gate) -> None:
    with gate.connected() as vision:
        outcome = in_background(gate)
        vision.hear()
    assert isinstance(joined(outcome), PartFailed)


def test_an_examination_has_an_end(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.gate.eye.ANSWER_GRACE_S", 0.0)
    with gate.connected(), pytest.raises(PartFailed, match=r"within 0\.05 s"):
        gate.eye.examine((), 0.05)


def test_more_captures_than_images_are_a_lie(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "face.jpg").touch()
    with (tmp_path / "face.jpg").open("rb") as image, gate.connected() as vision:
        outcome = in_background(gate, (image.fileno(),))
        with vision.received() as datagram:
            order = msgspec.msgpack.decode(datagram.data, type=Examine)
        vision.examined(order, probe(FACES[ANN]), probe(FACES[ANN]))
        assert "more captures" in str(joined(outcome))


def test_parts_outlive_nothing(gate: Gate) -> None:
    """What the eye before said of its camera is not true of the next one."""
    with gate.connected() as vision:
        vision.part(Part.CAMERA, ok=False, why="pulled")
        assert gate.next() == Fault(Part.CAMERA, "pulled")
    assert "closed" in gate.lost()
    with gate.connected():
        pass


def test_a_message_of_vision_is_as_small_as_it_says() -> None:
    assert len(encode(PartState(part=Part.CAMERA, ok=False, why="x" * 512))) < 1024
