"""Whether the camera still sees: decided from the instants of frames and their brightness, without any I/O.

Rule 1.  A device that is reported gone is gone at once.
Rule 2.  Silence of `STALL_AFTER_S` since the newest frame (or since the opening) is a stall. Who asks for frames with a
         timeout of at most `POLL_MAX_S` therefore knows within a second.
Rule 3.  Frames that stay below `DARK_LUMA` for `DARK_AFTER_S` mean that the eye is covered or the light is out. One
         dark frame means nothing: somebody switched a lamp.
Rule 4.  Health comes back slowly: frames without a gap for `HEAL_AFTER_S`, and after darkness brighter than
         `LIGHT_LUMA`. Between the two levels nothing changes, so a dim evening does not make the lane flicker.
Rule 5.  The caller's own pauses are not the camera's: `opened` starts the silence anew and keeps the health.

A device that repeats one old picture for ever looks healthy here. The lane is safe from it by other means: the track
shows no movement, and a frame says when it was captured, not what it shows.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.core.values import Instant

POLL_MAX_S = 0.2
"""Longest timeout that a caller may give `Camera.newest`; rule 2 rests on it."""
STALL_AFTER_S = 0.75
SLOWEST_FPS = 4
"""Slower cameras would look stalled between two healthy frames; the watch then allows `MISSED_FRAMES` of theirs."""
MISSED_FRAMES = 3
DARK_AFTER_S = 0.75
DARK_LUMA = 10.0
"""Grey levels of 255. A covered sensor delivers its own noise, about 1 to 5; a lane by night with one lamp over 30."""
LIGHT_LUMA = 16.0
HEAL_AFTER_S = 0.5
LUMA_GRID = 32
"""Pixels a side that the brightness is measured on."""
_BGR_TO_LUMA = np.array([0.114, 0.587, 0.299], dtype=np.float32)
"""ITU-R BT.601, in OpenCV's order of channels."""


class Health(StrEnum):
    """What the operator reads in `status`, and the reason with which the part fails."""

    OK = "ok"
    STALLED = "stalled: it delivers no frames"
    DARK = "dark: it is covered, or the light is out"
    GONE = "gone: the device is not there"


class CameraWatch:
    """The health of one camera over its whole life. Instants may be late, never early: they only move forward."""

    def __init__(self, fps: int = 30) -> None:
        slow = fps < SLOWEST_FPS
        self._stall_after = max(STALL_AFTER_S, MISSED_FRAMES / fps) if slow else STALL_AFTER_S
        self._health = Health.OK
        self._now: Instant = float("-inf")
        self._newest: Instant | None = None  # of the newest frame or the opening, whichever is later
        self._dark_since: Instant | None = None
        self._good_since: Instant | None = None

    @property
    def health(self) -> Health:
        """As of the last call."""
        return self._health

    def opened(self, at: Instant) -> Health:
        """The camera was opened: count its silence from here (rule 5)."""
        self._newest = self._forward(at)
        self._dark_since = self._good_since = None
        return self._health

    def saw(self, at: Instant, luma: float) -> Health:
        """A frame of mean brightness `luma` (grey levels, 0 to 255) was captured at `at`."""
        at = self._forward(at)
        if self._newest is not None and at - self._newest >= self._stall_after:
            self._dark_since = self._good_since = None  # a gap ends every run of frames
        self._newest = at
        dark = luma < DARK_LUMA
        good = luma >= (LIGHT_LUMA if self._health is Health.DARK else DARK_LUMA)
        self._dark_since = _since(self._dark_since, at, dark)
        self._good_since = _since(self._good_since, at, good)
        if self._dark_since is not None and at - self._dark_since >= DARK_AFTER_S:
            self._health = Health.DARK
        elif self._good_since is not None and at - self._good_since >= HEAL_AFTER_S:
            self._health = Health.OK
        return self._health

    def nothing(self, at: Instant) -> Health:
        """No frame came until `at`."""
        at = self._forward(at)
        if self._newest is None:
            self._newest = at
        if at - self._newest >= self._stall_after and self._health is not Health.GONE:
            self._health = Health.STALLED
        return self._health

    def gone(self, at: Instant) -> Health:
        """The device is not there, or has failed."""
        self._forward(at)
        self._dark_since = self._good_since = None
        self._health = Health.GONE
        return self._health

    def _forward(self, at: Instant) -> Instant:
        self._now = max(self._now, at)
        return self._now


def _since(began: Instant | None, at: Instant, holds: bool) -> Instant | None:  # noqa: FBT001 - private and positional
    if not holds:
        return None
    return at if began is None else began


def mean_luma(image: NDArray[np.uint8]) -> float:
    """Mean brightness of a BGR uint8 image [height, width, 3] in grey levels, from an even grid of its pixels.

    BT.601 weights. The cost does not depend on the size of the image.
    """
    down, across = (max(1, side // LUMA_GRID) for side in image.shape[:2])
    sparse = image[down // 2 :: down, across // 2 :: across]
    return float(sparse.reshape(-1, 3).mean(axis=0, dtype=np.float32) @ _BGR_TO_LUMA)
