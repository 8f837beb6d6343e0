"""What every camera promises, whatever it is made of. See `docs/cameras.md`.

Each adapter comes with a rig that can let frames be captured, silence it, and pull its cable; time passes by hand. A
real V4L2 device is tried where there is one, with real time and without the claims that need a hand on its cable.
"""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.clock import BootClock
from edge.errors import PartFailed
from edge.ports import Camera, Frame
from edge.sim.director import send
from edge.sim.server import CueSocket
from edge.sim.stage import Scene
from edge.vision.cameras.folder import FolderSource
from edge.vision.cameras.newest import NewestCamera
from edge.vision.cameras.pace import Pace
from edge.vision.cameras.sim import SimSource
from edge.vision.cameras.v4l2 import V4l2Source
from edge.vision.cameras.video import VideoSource
from tests.cameras.drawn import HEIGHT, WIDTH, folder, picture, settings, video
from tests.fakes.camera import ScriptedCamera
from tests.fakes.clock import HandBeat, HandClock
from tests.fakes.v4l2 import ScriptedDevice

SOON_S = 5.0
AT_ONCE_S = 0.01


class Rig(ABC):
    """One camera, and a hand on it."""

    camera: Camera

    def __init__(self) -> None:
        self.clock = HandClock()
        self.beat = HandBeat(self.clock)
        self.pace = Pace(30, self.clock, self.beat)

    def capture(self, frames: int) -> None:
        """Let so many frames be captured; returns when they are."""
        self.beat.give(frames)

    def stall(self) -> None:  # noqa: B027 - without a beat there is no frame
        """Let nothing come, while the device is there."""

    @abstractmethod
    def unplug(self) -> None:
        """Pull the cable."""

    @abstractmethod
    def plug(self) -> None:
        """Put it back."""

    def let_go(self) -> None:  # noqa: B027 - most sources can be interrupted
        """Let a driver that hangs return."""

    def close(self) -> None:
        self.camera.close()
        self.beat.set()


class SimRig(Rig):
    def __init__(self, tmp_path: Path) -> None:
        super().__init__()
        self.cues = CueSocket(tmp_path / "camera.sock")
        self.camera = NewestCamera(SimSource(settings("sim"), self.pace, self.cues))

    def close(self) -> None:
        super().close()
        self.cues.close()

    def stall(self) -> None:
        send(self.cues.path, Scene(stalled=True))
        self.beat.give()

    def unplug(self) -> None:
        send(self.cues.path, Scene(plugged=False))
        self.beat.give_last()

    def plug(self) -> None:
        send(self.cues.path, Scene())


class FolderRig(Rig):
    def __init__(self, tmp_path: Path) -> None:
        super().__init__()
        self._here, self._away = folder(tmp_path / "pictures"), tmp_path / "away"
        self.camera = NewestCamera(FolderSource(settings("folder", self._here), self.pace))

    def unplug(self) -> None:
        shutil.move(self._here, self._away)
        self.beat.give_last()

    def plug(self) -> None:
        shutil.move(self._away, self._here)


class VideoRig(Rig):
    def __init__(self, tmp_path: Path) -> None:
        super().__init__()
        self._here, self._away = video(tmp_path / "lane.avi", frames=6), tmp_path / "away.avi"
        self.camera = NewestCamera(VideoSource(settings("video", self._here), self.pace))

    def unplug(self) -> None:
        """A file that is open can be read to its end, so the end is what shows that it is gone."""
        shutil.move(self._here, self._away)
        for _ in range(7):
            self.beat.give_last()

    def plug(self) -> None:
        shutil.move(self._away, self._here)


class V4l2Rig(Rig):
    """The V4L2 adapter over a scripted device; its node is a character device that exists everywhere."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__()
        self._node = tmp_path / "video0"
        self.plug()
        self.device = ScriptedDevice()
        source = V4l2Source(settings("v4l2", self._node), self.clock, self._open)
        self.camera = self._newest = NewestCamera(source, close_wait_s=0.0)

    def _open(self, _path: Path) -> ScriptedDevice:
        self.beat.clear()
        self.device = ScriptedDevice(self.beat)
        return self.device

    def unplug(self) -> None:
        self._node.unlink()
        self.device.gone = True
        self.beat.give_last()

    def plug(self) -> None:
        self._node.symlink_to("/dev/null")

    def let_go(self) -> None:
        """OpenCV cannot be woken: the driver returns with its next frame."""
        self.beat.set()
        assert self._newest._hanging is not None
        assert self._newest._hanging.finished(SOON_S)


class ScriptedRig(Rig):
    def __init__(self, _tmp_path: Path) -> None:
        super().__init__()
        self.camera = self.fake = ScriptedCamera([], self.clock)
        self._frames = 0

    def capture(self, frames: int) -> None:
        images = [picture(self._frames + number) for number in range(frames)]
        self._frames += frames
        self.fake.script.append(images)

    def stall(self) -> None:
        self.fake.script.append(None)

    def unplug(self) -> None:
        self.fake.plugged = False

    def plug(self) -> None:
        self.fake.plugged = True


RIGS: dict[str, Callable[[Path], Rig]] = {
    "sim": SimRig,
    "folder": FolderRig,
    "video": VideoRig,
    "v4l2": V4l2Rig,
    "scripted": ScriptedRig,
}


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    made = RIGS[request.param](tmp_path)
    yield made
    made.close()


def newest(rig: Rig) -> Frame:
    frame = rig.camera.newest(SOON_S)
    assert frame is not None
    return frame


def test_a_frame_is_a_bgr_picture_of_the_configured_size(rig: Rig) -> None:
    rig.camera.open()
    rig.capture(1)
    image = newest(rig).image
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert image.dtype == np.uint8
    assert image.any()


def test_the_newest_frame_wins_and_the_older_ones_are_gone(rig: Rig) -> None:
    rig.camera.open()
    rig.capture(5)
    assert newest(rig).number == 5
    assert rig.camera.newest(AT_ONCE_S) is None


def test_no_frame_is_handed_out_twice(rig: Rig) -> None:
    rig.camera.open()
    numbers = []
    for frames in (1, 3, 1, 2):
        rig.capture(frames)
        numbers.append(newest(rig).number)
    assert numbers == [1, 4, 5, 7]


def test_nothing_grows_however_slow_the_reader_is(rig: Rig) -> None:
    rig.camera.open()
    places = set()
    for _ in range(12):
        rig.capture(7)
        places.add(newest(rig).image.ctypes.data)
    assert len(places) <= 3


def test_a_frame_on_loan_does_not_change_until_the_next_call(rig: Rig) -> None:
    rig.camera.open()
    rig.capture(1)
    frame = newest(rig)
    before = frame.image.copy()
    rig.capture(5)
    assert np.array_equal(frame.image, before)
    assert not np.array_equal(newest(rig).image, before)


@pytest.mark.parametrize("rig", sorted(RIGS.keys() - {"scripted"}), indirect=True)  # a script has no past
def test_a_frame_says_when_it_was_captured_not_when_it_was_fetched(rig: Rig) -> None:
    rig.camera.open()
    before = rig.clock.now()
    rig.capture(3)
    captured = rig.clock.now()
    rig.clock.advance(10.0)
    frame = newest(rig)
    assert before <= frame.captured_at <= captured


def test_a_stall_is_none_within_the_timeout(rig: Rig) -> None:
    rig.camera.open()
    rig.stall()
    assert rig.camera.newest(AT_ONCE_S) is None
    assert rig.camera.present()


def test_closing_zeroes_the_frame_that_is_still_on_loan(rig: Rig) -> None:
    rig.camera.open()
    rig.capture(2)
    frame = newest(rig)
    rig.capture(1)
    assert frame.image.any()
    rig.camera.close()
    assert not frame.image.any()


def test_closing_twice_or_unopened_is_no_error(rig: Rig) -> None:
    rig.camera.close()
    rig.camera.open()
    rig.camera.close()
    rig.camera.close()


def test_a_camera_that_is_not_open_gives_no_frame(rig: Rig) -> None:
    with pytest.raises((PartFailed, AssertionError), match="not open"):
        rig.camera.newest(AT_ONCE_S)
    rig.camera.open()
    rig.camera.close()
    with pytest.raises((PartFailed, AssertionError), match="not open"):
        rig.camera.newest(AT_ONCE_S)


def test_it_can_be_opened_again_and_counts_from_one(rig: Rig) -> None:
    rig.camera.open()
    rig.capture(3)
    newest(rig)
    rig.camera.close()
    rig.let_go()
    rig.camera.open()
    assert rig.camera.newest(AT_ONCE_S) is None
    rig.capture(1)
    assert newest(rig).number == 1


def test_a_pulled_cable_is_named_and_heals(rig: Rig) -> None:
    rig.camera.open()
    rig.capture(1)
    newest(rig)
    rig.unplug()
    assert not rig.camera.present()
    with pytest.raises(PartFailed, match="camera") as failed:
        _drain(rig)
    assert failed.value.hint
    assert "Assertion" not in failed.value.message  # that would be our own beat, which nobody gave
    rig.camera.close()
    with pytest.raises(PartFailed, match="camera"):
        rig.camera.open()
    rig.plug()
    assert rig.camera.present()
    rig.camera.open()
    rig.capture(1)
    newest(rig)


def test_a_failed_camera_goes_on_saying_so(rig: Rig) -> None:
    rig.camera.open()
    rig.unplug()
    for _ in range(3):
        with pytest.raises(PartFailed):
            _drain(rig)


def test_a_repr_shows_no_picture(rig: Rig) -> None:
    rig.camera.open()
    rig.capture(1)
    assert "image" not in repr(newest(rig))


def test_a_real_device_gives_frames_that_grow_no_older_than_a_second() -> None:
    device = next(iter(sorted(Path("/dev").glob("video*"))), None)
    if device is None:
        pytest.skip("needs a V4L2 device: there is no /dev/video*")
    clock = BootClock()
    camera = NewestCamera(V4l2Source(settings("v4l2", device, width=640, height=480), clock))
    camera.open()
    try:
        numbers = []
        for _ in range(10):
            frame = camera.newest(SOON_S)
            assert frame is not None
            assert clock.now() - frame.captured_at < 1.0
            numbers.append(frame.number)
        assert numbers == sorted(set(numbers))
    finally:
        camera.close()


def _drain(rig: Rig) -> None:
    """Take what was captured before the cable was pulled, until the camera says so."""
    for _ in range(20):
        rig.camera.newest(SOON_S)
