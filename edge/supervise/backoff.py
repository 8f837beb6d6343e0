"""How long to wait before a process that ended is started again.

Rule 1.  The first restart comes soon, each further one after twice the time, up to a cap.
Rule 2.  Whoever ran for a while had recovered: its failures are forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """All in seconds."""

    first_s: float = 0.25
    most_s: float = 15.0
    healthy_s: float = 20.0

    def failures(self, before: int, ran_s: float) -> int:
        """Failures in a row, after a process with `before` of them ended that had run for `ran_s`."""
        return 1 if ran_s >= self.healthy_s else before + 1

    def wait_s(self, failures: int) -> float:
        """The pause before the next start."""
        doublings = min(failures - 1, 32)  # beyond this a float would only overflow
        return min(self.most_s, self.first_s * 2.0**doublings)
