"""A video file as a camera: its frames at the configured rate, again and again.

OpenCV reads it with its built-in FFmpeg. A file that ends early is a shorter video; a file without one readable frame
is a failed camera. Frame size is the configured one, whatever the file holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.errors import PartFailed
from edge.vision.cameras.pictures import MAX_PIXELS, fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.config.schema import Camera as Settings
    from edge.core.values import Instant
    from edge.vision.cameras.pace import Pace

LOOP = True
"""Whether the video begins again after its last frame; else the camera fails there."""


class VideoSource:
    """`settings.device` is the file."""

    simulated = True

    def __init__(self, settings: Settings, pace: Pace, *, loop: bool = LOOP) -> None:
        self.name = f"video camera {settings.device}"
        self._file = Path(settings.device)
        self._shape = (settings.height, settings.width)
        self._pace, self._loop = pace, loop
        self._capture: cv2.VideoCapture | None = None

    def present(self) -> bool:
        """Whether the file exists."""
        return self._file.is_file()

    def start(self) -> tuple[int, int]:
        """Open the file. Raises `PartFailed`."""
        if not self.present():
            raise self._failed("is not a file")
        self._begin()
        self._pace.start()
        return self._shape

    def fill(self, image: NDArray[np.uint8]) -> Instant | None:
        """The next frame, at the next beat."""
        at = self._pace.beat()
        if at is None:
            return None
        if not self._read(image):
            if not self._loop:
                raise self._failed("has shown its last frame")
            self._begin()
            if not self._read(image):
                raise self._failed("has no readable frame")
        return at

    def stop(self) -> None:
        """Close the file."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def interrupt(self) -> None:
        """Do not wait for the next beat."""
        self._pace.end()

    def _begin(self) -> None:
        self.stop()
        capture = cv2.VideoCapture(str(self._file), cv2.CAP_FFMPEG)
        self._capture = capture
        if not capture.isOpened():
            raise self._failed("is not a video that OpenCV can read")
        if capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT) > MAX_PIXELS:
            raise self._failed(f"has frames of more than {MAX_PIXELS} pixels")

    def _read(self, image: NDArray[np.uint8]) -> bool:
        if self._capture is None:
            return False
        good, frame = self._capture.read()
        if good:
            fit(np.asarray(frame, dtype=np.uint8), image)
        return bool(good)

    def _failed(self, what: str) -> PartFailed:
        return PartFailed(f"{self.name} {what}", hint="set camera.device to a video file that plays elsewhere")
