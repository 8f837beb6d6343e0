"""The newest frame wins, and nothing that a device does can make us wait, crash or show an old picture."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.errors import EdgeError, InputError, PartFailed
from edge.vision.cameras.newest import NewestCamera
from edge.vision.cameras.ring import Ring
from tests.fakes.clock import LOST_S

SIZE = (6, 8)


class HandSource:
    """A device that blocks wherever the test wants, and knows which thread touched it."""

    name = "hand camera"
    simulated = True

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.calls: list[str] = []
        self.gate = threading.Semaphore(0)  # one pass, one picture
        self.in_fill = threading.Event()
        self.start_gate = threading.Event()
        self.start_gate.set()
        self.error: Exception | None = None
        self.stop_error: Exception | None = None
        self.value = 0
        self.interruptible = True
        self.interrupted = False

    def present(self) -> bool:
        return True

    def start(self) -> tuple[int, int]:
        self._touched("start")
        self.interrupted = False
        assert self.start_gate.wait(LOST_S)
        if isinstance(self.error, EdgeError) and self.calls.count("start") == 1:
            raise self.error
        return SIZE

    def fill(self, image: NDArray[np.uint8]) -> float | None:
        self.threads.add(threading.get_ident())
        self.in_fill.set()
        assert self.gate.acquire(timeout=LOST_S)
        if self.error is not None:
            raise self.error
        if self.interrupted:
            image.fill(255)  # half of a picture that never becomes a frame
            return None
        self.value += 1
        image.fill(self.value)
        return float(self.value)

    def stop(self) -> None:
        self._touched("stop")
        if self.stop_error is not None:
            raise self.stop_error

    def interrupt(self) -> None:
        self.calls.append("interrupt")
        if self.interruptible:
            self.interrupted = True
            self.gate.release()

    def _touched(self, call: str) -> None:
        self.threads.add(threading.get_ident())
        self.calls.append(call)


@pytest.fixture
def source() -> HandSource:
    return HandSource()


# The ring ---------------------------------------------------------------------------------
@given(st.lists(st.sampled_from(["publish", "take"]), max_size=60))
def test_whatever_the_order_the_reader_gets_the_newest_and_keeps_what_it_has(calls: list[str]) -> None:
    ring = Ring(2, 3)
    written, taken, lent, shown = 0, 0, None, None
    for call in calls:
        if call == "publish":
            written += 1
            ring.canvas.fill(written)
            ring.publish(float(written))
        else:
            frame = ring.take(0.0)
            if written == taken:
                assert frame is None
            else:
                assert frame is not None
                assert (frame.number, frame.captured_at) == (written, float(written))
                taken, lent, shown = written, frame.image, written
        if lent is not None:
            assert (lent == shown).all()
            assert not np.shares_memory(lent, ring.canvas)


def test_a_writer_at_full_speed_never_touches_the_buffer_on_loan() -> None:
    ring, rounds = Ring(60, 80), 3000
    done = threading.Event()

    def write() -> None:
        for number in range(1, rounds + 1):
            ring.canvas.fill(number % 251)
            ring.publish(float(number))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    last = 0
    while last < rounds:
        frame = ring.take(LOST_S)
        assert frame is not None
        assert frame.number > last
        last = frame.number
        for _ in range(3):  # also a moment later
            assert (frame.image == last % 251).all()
    assert done.wait(LOST_S)
    writer.join()


def test_a_frame_published_after_the_end_is_never_seen() -> None:
    ring = Ring(2, 3)
    ring.end(PartFailed("closed", hint="open it"))
    ring.publish(1.0)
    with pytest.raises(PartFailed, match="closed"):
        ring.take(0.0)


def test_the_first_reason_to_end_stays() -> None:
    ring = Ring(2, 3)
    ring.end(PartFailed("it died", hint="mend it"))
    ring.end(PartFailed("it was closed", hint="open it"))
    with pytest.raises(PartFailed, match="it died"):
        ring.take(0.0)


# The thread -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("usb went away"), "hand camera failed: RuntimeError: usb went away"),
        (PartFailed("hand camera was pulled", hint="plug it in"), "hand camera was pulled"),
        (InputError("the calibration is damaged", hint="make it again"), "the calibration is damaged"),
    ],
)
def test_a_capture_thread_that_dies_fails_the_part_and_says_why(
    source: HandSource, error: Exception, words: str
) -> None:
    camera = NewestCamera(source)
    camera.open()
    source.error = error
    source.gate.release()
    with pytest.raises(PartFailed) as failed:
        camera.newest(LOST_S)
    assert failed.value.message == words
    assert failed.value.hint
    camera.close()
    assert source.calls.count("stop") == 1


def test_a_device_that_cannot_open_fails_open_and_is_released(source: HandSource) -> None:
    source.error = PartFailed("hand camera is not there", hint="plug it in")
    camera = NewestCamera(source)
    with pytest.raises(PartFailed, match="not there"):
        camera.open()
    assert source.calls == ["start", "stop"]
    source.error = None
    camera.open()
    source.gate.release()
    assert camera.newest(LOST_S) is not None
    camera.close()


def test_opening_is_bounded_and_the_second_try_says_that_the_first_still_hangs(source: HandSource) -> None:
    source.start_gate.clear()
    camera = NewestCamera(source, open_wait_s=0.01)
    with pytest.raises(PartFailed, match=r"did not open within 0\.01 s"):
        camera.open()
    with pytest.raises(PartFailed, match="still hangs"):
        camera.open()
    _let_go(camera, source.start_gate.set)
    assert source.calls.count("stop") == 1
    NewestCamera(source, open_wait_s=LOST_S).open()


def test_closing_is_bounded_and_a_hanging_thread_cleans_up_when_it_comes_back(source: HandSource) -> None:
    source.interruptible = False
    camera = NewestCamera(source, close_wait_s=0.0)
    camera.open()
    source.gate.release()
    frame = camera.newest(LOST_S)
    assert frame is not None
    capture = camera._capture
    assert capture is not None
    assert capture.ring is not None
    camera.close()
    assert not frame.image.any()
    with pytest.raises(PartFailed, match="still hangs"):
        camera.open()
    _let_go(camera, source.gate.release)  # the driver delivers one last picture
    assert source.calls.count("stop") == 1
    assert not any(buffer.any() for buffer in capture.ring._buffers)
    camera.open()
    camera.close()
    _let_go(camera, source.gate.release)


def test_closing_zeroes_all_three_buffers(source: HandSource) -> None:
    camera = NewestCamera(source)
    camera.open()
    for _ in range(3):
        source.gate.release()
        camera.newest(LOST_S)
    capture = camera._capture
    assert capture is not None
    assert capture.ring is not None
    assert any(buffer.any() for buffer in capture.ring._buffers)
    camera.close()
    assert not any(buffer.any() for buffer in capture.ring._buffers)


def test_closing_wakes_a_reader_that_waits(source: HandSource) -> None:
    camera = NewestCamera(source)
    camera.open()
    ended = threading.Event()

    def read() -> None:
        with pytest.raises(PartFailed, match="closed"):
            camera.newest(LOST_S)
        ended.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert source.in_fill.wait(LOST_S)
    camera.close()
    assert ended.wait(LOST_S)
    reader.join()


def test_only_the_capture_thread_touches_the_device(source: HandSource) -> None:
    camera = NewestCamera(source)
    camera.open()
    source.gate.release()
    camera.newest(LOST_S)
    camera.close()
    assert len(source.threads) == 1
    assert threading.get_ident() not in source.threads


def test_opening_an_open_camera_starts_afresh_and_owes_nothing(source: HandSource) -> None:
    camera = NewestCamera(source)
    camera.open()
    source.gate.release()
    source.in_fill.clear()
    assert source.in_fill.wait(LOST_S)  # captured, and never fetched
    camera.open()
    assert source.calls[:4] == ["start", "interrupt", "stop", "start"]
    assert camera.newest(0.0) is None
    source.gate.release()
    frame = camera.newest(LOST_S)
    assert frame is not None
    assert frame.number == 1
    camera.close()


def test_a_driver_that_fails_to_let_go_does_not_hide_why_it_failed(source: HandSource) -> None:
    camera = NewestCamera(source)
    camera.open()
    source.error, source.stop_error = OSError("torn cable"), RuntimeError("cannot release")
    source.gate.release()
    with pytest.raises(PartFailed, match="torn cable"):
        camera.newest(LOST_S)
    camera.close()


def _let_go(camera: NewestCamera, release: Callable[[], None]) -> None:
    hanging = camera._hanging
    assert hanging is not None
    release()
    assert hanging.finished(LOST_S)
