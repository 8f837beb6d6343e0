"""A turnstile that remembers, bounds its pulses as a real one does, and refuses to be used after it was closed."""

from __future__ import annotations

import math

from edge.core.lane import Sign
from edge.core.values import Refusal, Way
from edge.errors import PartFailed
from tests.fakes.clock import HandClock
from tests.fakes.oneshot import HandTimers

MAX_ENERGISED_S = 60.0


class FakeTurnstile:
    """`states` holds (instant, energised) for each change; `calls` every call. `broken` makes every call fail."""

    simulated = True

    def __init__(self, clock: HandClock, timers: HandTimers) -> None:
        self._clock = clock
        self.energised = False
        self.states: list[tuple[float, bool]] = [(clock.now(), False)]
        self.calls: list[tuple[object, ...]] = []
        self.broken: Exception | None = None
        self.closed = False
        self._end = timers("fake-relay", lambda: self._set(energised=False))

    def release(self, for_s: float) -> None:
        self._called("release", for_s)
        if math.isnan(for_s) or for_s <= 0:
            self._set(energised=False)
            return
        self._end.start(min(for_s, MAX_ENERGISED_S))
        self._set(energised=True)

    def lock(self) -> None:
        self._called("lock")
        self._end.stop()
        self._set(energised=False)

    def show(self, sign: Sign) -> None:
        self._called("show", sign)

    def refuse(self, way: Way, reason: Refusal, detail: str, other_ways: tuple[Way, ...]) -> None:
        self._called("refuse", way, reason, detail, other_ways)

    def granted(self, way: Way) -> None:
        self._called("granted", way)

    def close(self) -> None:
        if not self.closed:
            self._end.close()
            self._set(energised=False)
        self.closed = True

    def names(self) -> list[object]:
        """The calls without their arguments."""
        return [call[0] for call in self.calls]

    def fail(self, why: str = "the wire is cut") -> None:
        self.broken = PartFailed(why, hint="mend it")

    def _called(self, *call: object) -> None:
        assert not self.closed, f"{call[0]} after close"
        self.calls.append(call)
        if self.broken is not None:
            raise self.broken

    def _set(self, *, energised: bool) -> None:
        if energised != self.energised:
            self.energised = energised
            self.states.append((self._clock.now(), energised))
