"""The part of cv2.VideoCapture that the V4L2 adapter uses, played by hand."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.fakes.clock import HandBeat


def fourcc(name: str) -> int:
    return cv2.VideoWriter.fourcc(*name)


class ScriptedDevice:
    """A webcam that knows some formats and sizes, and gives one frame a beat."""

    def __init__(
        self,
        beat: HandBeat | None = None,
        *,
        formats: tuple[str, ...] = ("MJPG", "YUYV"),
        sizes: tuple[tuple[int, int], ...] = ((160, 120), (320, 240), (640, 480)),
        opens: bool = True,
    ) -> None:
        self._beat, self._formats, self._sizes, self._opens = beat, formats, sizes, opens
        self.properties: dict[int, float] = {cv2.CAP_PROP_FOURCC: fourcc(formats[-1])}
        self.grabs = 0
        self.torn = 0  # so many next grabs fail
        self.gone = False
        self.lives = True
        self.switch_size: tuple[int, int] | None = None

    def isOpened(self) -> bool:  # noqa: N802
        return self._opens

    def set(self, prop: int, value: float) -> bool:
        if prop == cv2.CAP_PROP_FOURCC and value not in {fourcc(name) for name in self._formats}:
            return False
        self.properties[prop] = value
        return True

    def get(self, prop: int) -> float:
        asked = self.properties.get(cv2.CAP_PROP_FRAME_WIDTH, 640)
        nearest = min(self._sizes, key=lambda size: abs(size[0] - asked))
        if prop == cv2.CAP_PROP_FRAME_WIDTH:
            return nearest[0]
        if prop == cv2.CAP_PROP_FRAME_HEIGHT:
            return nearest[1]
        return self.properties.get(prop, 0.0)

    def grab(self) -> bool:
        assert self.lives, "grab after release crashes the real one"
        self.grabs += 1
        if self._beat is not None and self.grabs > 1 and self._beat.wait(0.033):  # the first is the proof of life
            return False
        if self.gone:
            return False
        if self.torn:
            self.torn -= 1
            return False
        return True

    def retrieve(self, image: NDArray[np.uint8] | None = None) -> tuple[bool, NDArray[np.uint8] | None]:
        shape = self.switch_size or (int(self.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(self.get(cv2.CAP_PROP_FRAME_WIDTH)))
        if image is None or image.shape[:2] != shape:
            image = np.empty((*shape, 3), dtype=np.uint8)
        image.fill(self.grabs % 200 + 1)
        return True, image

    def release(self) -> None:
        self.lives = False
