"""What waits for the decision thread.

Rule 1.  Sightings may be lost, and nothing else may: when `MAX_SIGHTINGS` wait, the newest one is dropped and counted
         (an older one of the same attempt is worth as much, and a flood cannot push it out). Who would overfill the
         rest waits instead; levels, cards and faults are few by nature, so only a hung decision thread lets them wait.
Rule 2.  Everything else overtakes sightings: a withdrawal, a fault or a step away is never behind a queue of faces.
Rule 3.  The decision thread itself puts nothing in here; it would wait for itself.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from edge.core.lane import Event
from edge.core.values import Part
from edge.gate.holdings import Holdings
from edge.wire.messages import Sighting

MAX_SIGHTINGS = 32
"""About a second of frames."""
MAX_OTHERS = 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """A sighting, and the model that the eye on this connection said it loaded."""

    sighting: Sighting
    model_sha256: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A part failed; `why` is for the operator."""

    part: Part
    why: str


@dataclass(frozen=True, slots=True)
class Mended:
    """A part works again."""

    part: Part


@dataclass(frozen=True, slots=True)
class Swap:
    """The vault changed; `taken` is set once the decision thread has let go of the picture before."""

    holdings: Holdings
    taken: threading.Event = field(default_factory=threading.Event, compare=False)


Item = Event | Fault | Mended | Swap


class Inbox:
    """Bounded; any thread puts, the decision thread takes."""

    def __init__(self) -> None:
        self._sightings: deque[Seen] = deque()
        self._others: deque[Item] = deque()
        # Reentrant: a signal handler closes the inbox on the thread that may be waiting in it.
        self._changed = threading.Condition(threading.RLock())
        self._closed = False
        self.dropped = 0
        """Sightings lost because the decision thread did not keep up."""

    def put(self, item: Item) -> None:
        """Hand in anything but a sighting; waits while `MAX_OTHERS` wait. Nothing happens once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._others) < MAX_OTHERS or self._closed)
            if not self._closed:
                self._others.append(item)
                self._changed.notify_all()

    def offer(self, seen: Seen) -> bool:
        """Hand in a sighting; False if it was dropped. Never waits."""
        with self._changed:
            if len(self._sightings) >= MAX_SIGHTINGS or self._closed:
                self.dropped += 1
                return False
            self._sightings.append(seen)
            self._changed.notify_all()
            return True

    def take_others(self) -> tuple[Item, ...]:
        """Everything that waits and is no sighting, oldest first; at most `MAX_OTHERS`."""
        with self._changed:
            items = tuple(self._others)
            self._others.clear()
            self._changed.notify_all()
            return items

    def take_sighting(self) -> Seen | None:
        """The oldest sighting that waits."""
        with self._changed:
            return self._sightings.popleft() if self._sightings else None

    def wait(self, timeout_s: float) -> None:
        """Return as soon as something waits or the inbox is closed, after `timeout_s` at the latest."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._others or self._sightings or self._closed), timeout_s)

    @property
    def closed(self) -> bool:
        """Whether the gate is stopping."""
        return self._closed

    def close(self) -> None:
        """Stop: wakes everybody who waits. May be called from a signal handler."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
