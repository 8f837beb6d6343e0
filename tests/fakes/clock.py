"""Time that moves only by hand, and an event that a capture thread waits for beat by beat."""

from __future__ import annotations

import threading

LOST_S = 20.0
"""How long a test waits for a thread before it fails; never reached when the code is right."""


class HandClock:
    """A `edge.ports.Clock`; both its clocks advance together."""

    def __init__(self, now: float = 1000.0, wall: float = 1_750_000_000.0) -> None:
        self._now, self._wall = now, wall
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._wall

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds
            self._wall += seconds


class HandBeat(threading.Event):
    """Goes into a `Pace`: each wait takes as long as it asks for on the hand clock, and ends when the test says so."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__()
        self._clock = clock
        self._changed = threading.Condition()
        self._beats = 0
        self._idle = False

    def wait(self, timeout: float | None = None) -> bool:
        with self._changed:
            self._idle = True
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._beats > 0 or self.is_set(), LOST_S)
            self._idle = False
            if self.is_set():
                return True
            self._beats -= 1
            self._clock.advance(timeout or 0.0)
            return False

    def set(self) -> None:
        super().set()
        with self._changed:
            self._changed.notify_all()

    def give(self, beats: int = 1) -> None:
        """Let so many beats pass, each used up before the next."""
        for _ in range(beats):
            self.give_last()
            with self._changed:
                assert self._changed.wait_for(lambda: self._beats == 0 and self._idle, LOST_S), "nobody took the beat"

    def give_last(self) -> None:
        """Let one beat pass after which nobody may come back for another."""
        with self._changed:
            self._beats += 1
            self._changed.notify_all()
