"""A timer that fires once, on a thread that exists before it is needed.

The end of a release must not depend on whoever began it, nor on a thread that could not be started any more because
the board is out of memory. So each timer has its thread from the beginning. Tests hand in timers that fire when told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from edge.core.values import Instant
from edge.ports import Clock

_JOIN_S = 2.0


class OneShot(Protocol):
    """Calls what it was made with; what it calls must not raise."""

    def start(self, after_s: float) -> None:
        """Fire once, `after_s` seconds from now; an earlier start is forgotten."""
        ...

    def stop(self) -> None:
        """Forget the start, if there was one."""
        ...

    def close(self) -> None:
        """Stop for good. Closing twice is no error."""
        ...


OneShots = Callable[[str, Callable[[], None]], OneShot]
"""Makes a timer from the name of its thread and from what it calls."""


class ThreadOneShot:
    """A `OneShot` with a thread of its own, on the clock that it is given."""

    def __init__(self, clock: Clock, name: str, fire: Callable[[], None]) -> None:
        self._clock, self._fire = clock, fire
        self._due: Instant | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def start(self, after_s: float) -> None:
        """See `OneShot.start`."""
        with self._changed:
            self._due = self._clock.now() + after_s
            self._changed.notify()

    def stop(self) -> None:
        """See `OneShot.stop`."""
        with self._changed:
            self._due = None

    def close(self) -> None:
        """See `OneShot.close`."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not threading.current_thread():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (left := self._left_s()) != 0:
                    self._changed.wait(left)
                if self._closed:
                    return
                self._due = None
            self._fire()

    def _left_s(self) -> float | None:
        return None if self._due is None else max(0.0, self._due - self._clock.now())


def thread_oneshots(clock: Clock) -> OneShots:
    """Timers for a real gate."""
    return lambda name, fire: ThreadOneShot(clock, name, fire)
