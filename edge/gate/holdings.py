"""What the decision thread knows of the vault: one immutable picture, replaced as a whole.

Storage makes a new one after every change; the decision thread only ever reads the one it was handed last, so nothing
on the disk can hold the door. A picture can lose consents by the calendar between two of them (`expiries`), because a
consent that ends at noon ends at noon, also while the disk is busy.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, field

import numpy as np

from edge.core.values import ConsentId, WallTime
from edge.gate.match import Gallery


@dataclass(frozen=True, slots=True)
class Holdings:
    """References of one model, the consents that are live, and when each of them expires (earliest first)."""

    model_sha256: str
    gallery: Gallery = field(repr=False)
    live: frozenset[ConsentId] = frozenset()
    expiries: tuple[tuple[WallTime, ConsentId], ...] = ()

    def live_at(self, wall: WallTime) -> frozenset[ConsentId]:
        """The consents that are live and not past their expiry."""
        return self.live - {consent for expires, consent in self.expiries if expires <= wall}

    def next_expiry(self, wall: WallTime) -> WallTime:
        """When the next consent after `wall` ends; never, if there is none."""
        after = bisect.bisect_right(self.expiries, wall, key=lambda pair: pair[0])
        return self.expiries[after][0] if after < len(self.expiries) else math.inf


def nothing_held(model_sha256: str, dimensions: int) -> Holdings:
    """The picture before the vault is open: nobody is enrolled."""
    return Holdings(model_sha256, Gallery(np.empty((0, dimensions), np.int8), ()))
