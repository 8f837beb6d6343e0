"""The V4L2 adapter over a scripted device, and its errors over the real OpenCV. No real camera was used."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import PartFailed
from edge.vision.cameras.v4l2 import V4l2Source, device_path
from tests.cameras.drawn import settings
from tests.fakes.clock import HandClock
from tests.fakes.v4l2 import ScriptedDevice, fourcc


def source_over(device: ScriptedDevice, width: int = 160, height: int = 120) -> V4l2Source:
    """The node is a character device that exists everywhere."""
    wanted = settings("v4l2", "/dev/null", width=width, height=height)
    return V4l2Source(wanted, HandClock(), lambda _path: device)


def test_a_number_is_a_device_of_the_kernel_and_a_path_is_a_path() -> None:
    assert device_path("0") == Path("/dev/video0")
    assert device_path("12") == Path("/dev/video12")
    assert device_path("/dev/v4l/by-id/usb-x") == Path("/dev/v4l/by-id/usb-x")
    assert device_path("²") == Path("²")


def test_it_asks_for_motion_jpeg_the_size_the_rate_and_one_buffer() -> None:
    device = ScriptedDevice()
    source = source_over(device)
    assert source.start() == (120, 160)
    assert device.properties == {
        cv2.CAP_PROP_FOURCC: fourcc("MJPG"),
        cv2.CAP_PROP_FRAME_WIDTH: 160,
        cv2.CAP_PROP_FRAME_HEIGHT: 120,
        cv2.CAP_PROP_FPS: 30,
        cv2.CAP_PROP_BUFFERSIZE: 1,
    }
    assert source.mode == "160x120 MJPG 30/s"


def test_a_device_without_motion_jpeg_gives_yuyv_and_one_with_neither_gives_what_it_has() -> None:
    for formats, mode in ((("YUYV",), "YUYV"), (("NV12",), "NV12")):
        source = source_over(ScriptedDevice(formats=formats))
        source.start()
        assert mode in source.mode


def test_the_nearest_size_is_taken_and_said(caplog: pytest.LogCaptureFixture) -> None:
    source = source_over(ScriptedDevice(sizes=((320, 240),)), width=400, height=300)
    with caplog.at_level(logging.WARNING):
        assert source.start() == (240, 320)
    assert caplog.messages == ["camera /dev/null gives 320x240 MJPG 30/s; 400x300 was asked for"]


def test_a_frame_is_decoded_into_the_buffer_it_was_given() -> None:
    device = ScriptedDevice()
    source = source_over(device)
    image = np.zeros((*source.start(), 3), dtype=np.uint8)
    assert source.fill(image) == 1000.0
    assert image.all()


def test_opencv_decodes_into_the_buffer_it_is_given(tmp_path: Path) -> None:
    """The adapter relies on it; the file backend goes through the same binding as the device's."""
    path = tmp_path / "x.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (160, 120))
    writer.write(np.full((120, 160, 3), 99, dtype=np.uint8))
    writer.release()
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    image = np.zeros((120, 160, 3), dtype=np.uint8)
    assert capture.grab()
    good, frame = capture.retrieve(image)
    capture.release()
    assert good
    assert frame is image
    assert image.any()


def test_a_device_that_changes_its_size_under_way_is_fitted() -> None:
    device = ScriptedDevice()
    source = source_over(device)
    image = np.zeros((*source.start(), 3), dtype=np.uint8)
    device.switch_size = (240, 320)
    assert source.fill(image) is not None
    assert image.all()


def test_a_torn_frame_is_no_frame_and_three_in_a_row_are_a_failure() -> None:
    device = ScriptedDevice()
    source = source_over(device)
    image = np.zeros((*source.start(), 3), dtype=np.uint8)
    device.torn = 2
    assert [source.fill(image) for _ in range(3)] == [None, None, 1000.0]
    device.torn = 3
    assert [source.fill(image) for _ in range(2)] == [None, None]
    with pytest.raises(PartFailed, match="stopped to deliver"):
        source.fill(image)


def test_a_failed_grab_of_a_device_whose_node_is_gone_is_final(tmp_path: Path) -> None:
    node, device = tmp_path / "video0", ScriptedDevice()
    node.symlink_to("/dev/null")
    source = V4l2Source(settings("v4l2", node), HandClock(), lambda _path: device)
    image = np.zeros((*source.start(), 3), dtype=np.uint8)
    device.gone = True
    node.unlink()
    with pytest.raises(PartFailed, match="stopped to deliver"):
        source.fill(image)


def test_a_missing_device_is_named_with_the_way_out() -> None:
    source = V4l2Source(settings("v4l2", "/dev/video-nobody"), HandClock())
    assert not source.present()
    with pytest.raises(PartFailed, match="camera /dev/video-nobody: No such file") as failed:
        source.start()
    assert "plug it in" in failed.value.hint


def test_what_is_not_a_device_or_not_a_camera_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PartFailed, match="is not a device"):
        V4l2Source(settings("v4l2", tmp_path / "file"), HandClock()).start()
    with pytest.raises(PartFailed, match="does not open as a camera") as failed:
        V4l2Source(settings("v4l2", "/dev/null"), HandClock()).start()
    assert "fuser -v /dev/null" in failed.value.hint


@pytest.mark.parametrize(
    ("number", "way_out"),
    [(errno.EACCES, "usermod -aG video"), (errno.EBUSY, "fuser -v /dev/video7"), (errno.ENODEV, "plug it in")],
)
def test_forbidden_taken_and_missing_have_different_ways_out(
    number: int, way_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PartFailed, match=os.strerror(number)) as failed:
        V4l2Source(settings("v4l2", "7"), HandClock()).start()
    assert way_out in failed.value.hint


def test_a_device_that_opens_and_delivers_nothing_is_probably_taken() -> None:
    device = ScriptedDevice()
    device.gone = True
    source = source_over(device)
    with pytest.raises(PartFailed, match="opens but delivers no frame") as failed:
        source.start()
    assert "fuser" in failed.value.hint
    source.stop()
    assert not device.lives


def test_a_device_that_does_not_open_is_still_released() -> None:
    device = ScriptedDevice(opens=False)
    source = source_over(device)
    with pytest.raises(PartFailed, match="does not open"):
        source.start()
    source.stop()
    assert not device.lives


def test_impossible_sizes_are_refused() -> None:
    for size in ((0, 0), (60_000, 60_000)):
        with pytest.raises(PartFailed, match=f"claims frames of {size[0]}x{size[1]}"):
            source_over(ScriptedDevice(sizes=(size,))).start()
