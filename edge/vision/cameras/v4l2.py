"""A camera of the kernel's Video4Linux2 interface: USB, or a capture device of the board, through OpenCV.

Rule 1.  The device is asked for the configured size and rate, first as Motion JPEG (a USB 2 port carries uncompressed
         video only up to about 640x480 at 30 a second), then as YUYV. What it gives instead is taken and logged: a
         driver picks the nearest mode that it has.
Rule 2.  One buffer in the driver. With more, a reader that pauses would be served its past.
Rule 3.  The instant of capture is taken when the driver hands over the buffer, before the JPEG is decoded.
Rule 4.  A device that is missing, forbidden or taken is three different errors with three ways out.

OpenCV waits up to 10 s inside the driver for a frame and cannot be woken: see rule 5 of `edge.vision.cameras.newest`.
Tried so far only against OpenCV's own V4L2 code and a scripted device; see `docs/cameras.md`.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import cv2

from edge.errors import PartFailed
from edge.vision.cameras.pictures import MAX_PIXELS, fit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.config.schema import Camera as Settings
    from edge.core.values import Instant
    from edge.ports import Clock

DRIVER_BUFFERS = 1
FORMATS = ("MJPG", "YUYV")
MAX_MISSES = 3
"""Grabs that may fail in a row (a torn JPEG after a glitch on the bus) before the device counts as gone."""
_log = logging.getLogger(__name__)


class Capture(Protocol):
    """The part of cv2.VideoCapture that we use, so that a test can script a device."""

    def isOpened(self) -> bool: ...  # noqa: N802, D102 - OpenCV's names
    def set(self, prop: int, value: float) -> bool: ...  # noqa: D102
    def get(self, prop: int) -> float: ...  # noqa: D102
    def grab(self) -> bool: ...  # noqa: D102
    def retrieve(self, image: NDArray[np.uint8] | None = None) -> tuple[bool, NDArray[np.uint8] | None]: ...  # noqa: D102
    def release(self) -> None: ...  # noqa: D102


def device_path(device: str) -> Path:
    """`device` is a number ("0" is /dev/video0) or a path."""
    return Path(f"/dev/video{device}") if device.isascii() and device.isdigit() else Path(device)


def open_with_opencv(path: Path) -> Capture:
    """The device at `path` through OpenCV's V4L2 backend, and no other backend."""
    return cast("Capture", cv2.VideoCapture(str(path), cv2.CAP_V4L2))


class V4l2Source:
    """`settings.device` is a number or a path."""

    simulated = False

    def __init__(
        self, settings: Settings, clock: Clock, open_device: Callable[[Path], Capture] = open_with_opencv
    ) -> None:
        self._path = device_path(settings.device)
        self.name = f"camera {self._path}"
        self.mode = ""
        """What the device gave, such as "640x480 MJPG 30/s"; empty before the first opening."""
        self._settings, self._clock, self._open_device = settings, clock, open_device
        self._capture: Capture | None = None
        self._misses = 0

    def present(self) -> bool:
        """Whether the device node exists; udev removes it when the cable is pulled."""
        try:
            return stat.S_ISCHR(self._path.stat().st_mode)
        except OSError:
            return False

    def start(self) -> tuple[int, int]:
        """Open the device, agree on a mode, and fetch one frame as proof. Raises `PartFailed`."""
        self._may_open()
        capture = self._capture = self._open_device(self._path)
        if not capture.isOpened():
            raise PartFailed(
                f"{self.name} is there but does not open as a camera",
                hint="it may be a metadata node (try the next number), or in use: `fuser -v " + str(self._path) + "`",
            )
        fourcc = self._agree(capture)
        if not capture.grab():
            raise PartFailed(
                f"{self.name} opens but delivers no frame",
                hint=f"another program may be using it: `fuser -v {self._path}`; else unplug it and plug it in again",
            )
        width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if not 0 < width * height <= MAX_PIXELS:
            raise PartFailed(f"{self.name} claims frames of {width}x{height} pixels", hint="try another device")
        self.mode = f"{width}x{height} {fourcc} {capture.get(cv2.CAP_PROP_FPS):.3g}/s"
        asked = self._settings
        if (width, height) != (asked.width, asked.height):
            _log.warning("%s gives %s; %dx%d was asked for", self.name, self.mode, asked.width, asked.height)
        self._misses = 0
        return height, width

    def fill(self, image: NDArray[np.uint8]) -> Instant | None:
        """Wait for the driver, at most its own 10 s."""
        if self._capture is None:
            return None
        good = self._capture.grab()
        at = self._clock.now()  # rule 3
        frame = None
        if good:
            good, frame = self._capture.retrieve(image)
        if not good or frame is None:
            self._misses += 1
            if self._misses >= MAX_MISSES or not self.present():
                raise PartFailed(
                    f"{self.name} stopped to deliver frames", hint="check its cable; it is tried again by itself"
                )
            return None
        self._misses = 0
        if frame is not image:  # OpenCV made an array of its own, because the size changed under way
            fit(frame, image)
        return at

    def stop(self) -> None:
        """Release the device."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def interrupt(self) -> None:
        """Nothing can be done: OpenCV has no way to wake a grab."""

    def _may_open(self) -> None:
        """Tell missing, forbidden and taken apart, which OpenCV does not."""
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError as error:
            raise PartFailed(f"{self.name}: {error.strerror}", hint=_way_out(error.errno, self._path)) from None
        if not self.present():
            raise PartFailed(f"{self.name} is not a device", hint="set camera.device to 0 or /dev/video0, and the like")

    def _agree(self, capture: Capture) -> str:
        for fourcc in FORMATS:
            # The format goes first: drivers reset the size when it changes.
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*fourcc))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._settings.width)
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._settings.height)
            capture.set(cv2.CAP_PROP_FPS, self._settings.fps)
            capture.set(cv2.CAP_PROP_BUFFERSIZE, DRIVER_BUFFERS)
            if _fourcc_of(capture) == fourcc:
                return fourcc
        return _fourcc_of(capture)


def _fourcc_of(capture: Capture) -> str:
    code = int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
    return code.to_bytes(4, "little").decode("ascii", "replace")


def _way_out(number: int | None, path: Path) -> str:
    match number:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return "plug it in; `ls /dev/video*` lists what there is"
        case errno.EACCES | errno.EPERM:
            return "add the user to the group of the device, usually: sudo usermod -aG video $USER, then log in again"
        case errno.EBUSY:
            return f"another program has it: `fuser -v {path}` names it"
        case _:
            return "set camera.device to 0 or /dev/video0, and the like"
