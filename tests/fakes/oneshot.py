"""Timers that fire when the test moves the clock."""

from __future__ import annotations

from collections.abc import Callable

from tests.fakes.clock import HandClock


class HandOneShot:
    """See `edge.gate.pins.oneshot.OneShot`."""

    def __init__(self, clock: HandClock, name: str, fire: Callable[[], None]) -> None:
        self._clock, self.name, self.fire = clock, name, fire
        self.due: float | None = None
        self.closed = False

    def start(self, after_s: float) -> None:
        assert not self.closed, "started after close"
        self.due = self._clock.now() + after_s

    def stop(self) -> None:
        self.due = None

    def close(self) -> None:
        self.closed, self.due = True, None


class HandTimers:
    """Calling it makes a timer; `advance` moves the clock and fires what falls due, in order and each at its time."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self.made: list[HandOneShot] = []

    def __call__(self, name: str, fire: Callable[[], None]) -> HandOneShot:
        timer = HandOneShot(self._clock, name, fire)
        self.made.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        end = self._clock.now() + seconds
        while (due := min((t.due for t in self.made if t.due is not None), default=end)) < end:
            self._to(due)
        self._to(end)

    def _to(self, instant: float) -> None:
        self._clock.advance(max(0.0, instant - self._clock.now()))
        for timer in self.made:
            if timer.due is not None and timer.due <= instant:
                timer.due = None
                timer.fire()
