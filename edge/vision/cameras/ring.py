"""Three buffers between one writer and one reader: nothing queues, nothing is copied, nothing tears.

One buffer is being written, one is ready, one is on loan. Publishing swaps the first two, taking swaps the last two.
So the newest frame replaces the one that nobody fetched, a slow reader skips frames, and the writer cannot reach what
is on loan, because it never holds its index.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from edge.errors import PartFailed
from edge.ports import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.core.values import Instant


class Ring:
    """Made once, for pictures of `height` x `width` pixels."""

    def __init__(self, height: int, width: int) -> None:
        self._buffers = [np.zeros((height, width, 3), dtype=np.uint8) for _ in range(3)]
        self._written, self._ready, self._lent = range(3)
        self._captured_at: Instant = 0.0
        self._number = 0
        self._fresh = False
        self._end: PartFailed | None = None
        self._changed = threading.Condition()

    @property
    def canvas(self) -> NDArray[np.uint8]:
        """The buffer that belongs to the writer until it publishes."""
        return self._buffers[self._written]

    def publish(self, captured_at: Instant) -> None:
        """What is on the canvas is a frame; it replaces the one that nobody fetched."""
        with self._changed:
            self._written, self._ready = self._ready, self._written
            self._captured_at = captured_at
            self._number += 1
            self._fresh = self._end is None
            self._changed.notify_all()

    def take(self, timeout_s: float) -> Frame | None:
        """Lend the newest frame that was not lent before. Raises `PartFailed` after `end`."""
        with self._changed:
            self._changed.wait_for(lambda: self._fresh or self._end is not None, timeout_s)
            if self._end is not None:
                raise PartFailed(self._end.message, hint=self._end.hint)
            if not self._fresh:
                return None
            self._lent, self._ready = self._ready, self._lent
            self._fresh = False
            return Frame(self._number, self._captured_at, self._buffers[self._lent])

    def end(self, why: PartFailed) -> None:
        """No frame comes any more; the first reason stays."""
        with self._changed:
            self._end = self._end or why
            self._fresh = False
            self._changed.notify_all()

    def wipe(self) -> None:
        """Zero the reader's two buffers."""
        with self._changed:
            self._buffers[self._ready].fill(0)
            self._buffers[self._lent].fill(0)

    def wipe_canvas(self) -> None:
        """Zero the writer's buffer; the writer calls this as its last act."""
        self.canvas.fill(0)
