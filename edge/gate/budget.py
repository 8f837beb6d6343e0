"""How much a peer may say in a second; what is above it is the peer's loss (threats, 21 and 24)."""

from __future__ import annotations

from edge.core.values import Instant


class Budget:
    """At most `per_s` a second, and as many at once after a pause. For one thread."""

    def __init__(self, per_s: int, now: Instant) -> None:
        self._per_s, self._left, self._at = per_s, float(per_s), now

    def spend(self, now: Instant) -> bool:
        """Whether one more is within the budget; if so it is taken from it."""
        self._left = min(float(self._per_s), self._left + max(0.0, now - self._at) * self._per_s)
        self._at = max(self._at, now)
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
