"""Cutting turned squares out of a frame, without aliasing and without leaving copies behind.

Rule 1.  A picture that shrinks to less than half is halved first, by area, as often as needed; the last step is
         bilinear. Plain bilinear sampling skips pixels there, and what it skips depends on where the person stands.
Rule 2.  The halved frames are made at most once a frame, when they are first needed, and shared by all cuts.
Rule 3.  Every buffer with pixels in it is allocated once, reused, and overwritten with zeros by `forget`. The frame
         itself is borrowed; whoever lends it wipes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.vision.geometry import scale_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.vision.geometry import Affine

    Image = NDArray[np.uint8]
    """BGR uint8 [height, width, 3]."""

MIN_SIDE_PX = 32
"""A frame is not halved below this."""

cv2.setNumThreads(1)  # frames are small: handing them to other threads costs more than it saves, and jitters


class Pyramid:
    """One frame at full, half, quarter … size."""

    def __init__(self) -> None:
        self._levels: list[Image] = []
        self._halves: list[Image] = []
        self._nothing = np.zeros((1, 1, 3), np.uint8)

    def begin(self, image: Image) -> None:
        """Look at another frame: BGR uint8 [height, width, 3], borrowed until the next `begin` or `forget`."""
        self._levels = [image]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the frame in pixels."""
        height, width = self._levels[0].shape[:2]
        return height, width

    def cut(self, affine: Affine, into: Image, *, border: int = cv2.BORDER_CONSTANT) -> Image:
        """Fill `into` with what `affine` (frame to `into`, pixels) maps onto it, and return it."""
        level, scale = 0, scale_of(affine)
        while scale < 0.5 and self._has(level + 1):  # noqa: PLR2004 - one half, as rule 1 says
            level, scale = level + 1, scale * 2
        grown = 2.0**level
        moved = affine.copy()
        # A pixel of this level is the mean of `grown` x `grown` pixels of the frame: x = grown * x' + (grown - 1) / 2.
        moved[:, 2] += affine[:, :2].sum(axis=1) * (grown - 1) / 2
        moved[:, :2] *= grown
        height, width = into.shape[:2]
        cv2.warpAffine(self._levels[level], moved, (width, height), dst=into, flags=cv2.INTER_LINEAR, borderMode=border)
        return into

    def forget(self) -> None:
        """Let go of the frame and overwrite the halved ones."""
        self._levels = []
        for half in self._halves:
            half.fill(0)

    @property
    def buffers(self) -> list[Image]:
        """Everything in here that can hold pixels of a person."""
        return list(self._halves)

    def _has(self, level: int) -> bool:
        """Make `level` if the frame is large enough for it."""
        while len(self._levels) <= level:
            above = self._levels[-1]
            height, width = above.shape[0] // 2, above.shape[1] // 2
            if min(height, width) < MIN_SIDE_PX:
                return False
            self._levels.append(self._halved(above[: 2 * height, : 2 * width], len(self._levels) - 1))
        return True

    def _halved(self, above: Image, index: int) -> Image:
        height, width = above.shape[0] // 2, above.shape[1] // 2
        if index == len(self._halves):
            self._halves.append(np.zeros((height, width, 3), np.uint8))
        elif self._halves[index].shape[:2] != (height, width):
            self._halves[index].fill(0)  # a frame of another size: do not leave the old one to the allocator
            self._halves[index] = np.zeros((height, width, 3), np.uint8)
        half = self._halves[index]
        cv2.resize(above, (width, height), dst=half, interpolation=cv2.INTER_AREA)
        return half
