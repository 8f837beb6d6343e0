"""Gives files and scenes the beat that a sensor would have.

Rule 1.  A beat that was missed is left out, never caught up: like a sensor, we do not hurry after a pause.
Rule 2.  Waiting goes through one event, so that a closing camera does not wait for its next beat, and so that a test
         can hand in an event of its own and give every beat by hand.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.core.values import Instant
    from edge.ports import Clock


class Pace:
    """Beats `fps` times a second on `clock`."""

    def __init__(self, fps: int, clock: Clock, ended: threading.Event | None = None) -> None:
        self._period = 1.0 / fps
        self._clock = clock
        self._ended = threading.Event() if ended is None else ended
        self._next: Instant = 0.0

    @property
    def period_s(self) -> float:
        """From beat to beat."""
        return self._period

    def start(self) -> None:
        """The first beat is due now."""
        self._ended.clear()
        self._next = self._clock.now()

    def beat(self) -> Instant | None:
        """Wait for the next beat; its instant, or None once `end` was called."""
        if self._ended.wait(max(0.0, self._next - self._clock.now())):
            return None
        now = self._clock.now()
        self._next += self._period
        if self._next <= now:
            self._next = now + self._period
        return now

    def end(self) -> None:
        """Wake whoever waits. Called from another thread."""
        self._ended.set()
