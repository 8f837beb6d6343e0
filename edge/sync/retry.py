"""When to try again what failed.

Rule 1.  The longest pause doubles with every failure in a row, up to a cap.
Rule 2.  The pause is drawn evenly below that: a broker that comes back must not meet all gates of a site at once.
Rule 3.  What held for a while had recovered: its failures are forgotten. What failed sooner counts on, so a broker that
         accepts and throws out is not met in a loop.
"""

from __future__ import annotations

from dataclasses import dataclass

_MAX_DOUBLINGS = 32
"""Beyond this a float would only overflow."""


@dataclass(frozen=True, slots=True)
class Retry:
    """All in seconds."""

    first_s: float
    most_s: float
    healthy_s: float

    def failures(self, before: int, held_s: float) -> int:
        """Failures in a row, after something with `before` of them failed that had held for `held_s`."""
        return 1 if held_s >= self.healthy_s else before + 1

    def pause_s(self, failures: int, drawn: float) -> float:
        """The pause after so many failures in a row; `drawn` evenly from [0, 1)."""
        longest = min(self.most_s, self.first_s * 2.0 ** min(failures, _MAX_DOUBLINGS))
        return self.first_s + drawn * (longest - self.first_s)
