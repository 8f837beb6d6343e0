"""What came from the broker and is nothing that we know: counted, named by its digest, and thrown away.

Rule 1.  No byte of it is kept, logged or passed on. A digest and a length are enough to find it on the broker.
Rule 2.  Neither memory nor log grows with it: the newest `REMEMBERED` are kept, and a line is written for the first,
         the second, the fourth, the eighth … one.
"""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from dataclasses import dataclass

REMEMBERED = 32
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Poison:
    """One refused message. `why` is in our words."""

    sha256: str
    bytes: int
    why: str


class Quarantine:
    """Remembers refused messages by their digest."""

    def __init__(self) -> None:
        self.count = 0
        self.newest: deque[Poison] = deque(maxlen=REMEMBERED)

    def add(self, payload: bytes, why: str) -> None:
        """Refuse `payload`."""
        self.count += 1
        poison = Poison(hashlib.sha256(payload).hexdigest(), len(payload), why)
        self.newest.append(poison)
        if self.count & (self.count - 1) == 0:
            _log.warning(
                "message %d from the broker refused: %s (%d bytes, sha256 %s)",
                *(self.count, why, poison.bytes, poison.sha256),
            )
