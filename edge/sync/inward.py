"""What came from the broker, on its way to the gate.

Rule 1.  Everything is opaque here. A message goes on if we asked for its topic, its size fits, and it was not stored at
         the broker: only the state may be. A retained head, answer or acknowledgement is a replay (threats, 8).
         Everything else is quarantined.
Rule 2.  State and heads are states, not logs: the newest replaces what still waits. Answers and acknowledgements wait
         in short queues that lose their oldest; whoever needs them asks again. So a burst of any length costs a
         bounded amount of memory (threats, 21).
Rule 3.  A transfer that began is finished before the next begins, else a flood of states would never let one through.
         All kinds take turns, so that none holds up another.
Rule 4.  A gate that comes gets the newest state that we know. Old heads, answers and acknowledgements are not for it.
Rule 5.  We send at most `PER_S` a second: what the gate allows (`edge.gate.uplink`), with a margin.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator

from edge.core.values import Instant
from edge.sync.port import Arrived
from edge.sync.quarantine import Quarantine
from edge.wire.messages import (
    MAX_SIGNED_BYTES,
    MAX_STATE_BYTES,
    PIECE_BYTES,
    Delivered,
    Kind,
    LinkState,
    Message,
    StateOpening,
    StatePiece,
)
from edge.wire.topics import GateTopics

PER_S = 100.0
BURST = 80.0
"""The largest state goes through at once."""
_WHOLE = 1.0 - 1e-6
"""An allowance that a rounding error keeps below one must not be waited for without end."""
MAX_WAITING = 16
"""Answers, and acknowledgements, that wait for the gate."""


class Inward:
    """Sorts what arrives; `next` is what the gate should be told now."""

    def __init__(self, topics: GateTopics, quarantine: Quarantine, now: Instant) -> None:
        self._state_topic = topics.site.state
        self._kinds = {topic: kind for kind, topic in topics.heard.items()}
        self.quarantine = quarantine
        self._link: LinkState | None = None
        self._queues: dict[Kind, deque[bytes]] = {
            kind: deque(maxlen=1 if kind is Kind.HEAD else MAX_WAITING) for kind in Kind
        }
        self._known: bytes | None = None
        self._untold: bytes | None = None
        self._transfer: deque[Message] = deque()
        self._allowance, self._counted_at = BURST, now
        self._sources: deque[Callable[[], Message | None]] = deque(
            [self._link_state, *(self._queue(kind) for kind in Kind), self._piece]
        )

    @property
    def topics(self) -> tuple[str, ...]:
        """What to subscribe to."""
        return (self._state_topic, *self._kinds)

    def arrived(self, message: Arrived) -> None:
        """Take what the broker sent (rules 1 and 2)."""
        payload = message.payload
        if message.topic == self._state_topic:
            if not self._fits(payload, MAX_STATE_BYTES, "state"):
                return
            self._known = self._untold = payload
            return
        kind = self._kinds.get(message.topic)
        if kind is None:
            self.quarantine.add(payload, "its topic is none that we asked for")
        elif message.retained:
            self.quarantine.add(payload, f"this {kind.value} was retained, and only states may be")
        elif self._fits(payload, MAX_SIGNED_BYTES, kind.value):
            self._queues[kind].append(payload)

    def link(self, state: LinkState) -> None:
        """Tell the gate how the connection to the broker is; only the newest counts."""
        self._link = state

    def gate_met(self, state: LinkState) -> None:
        """Begin anew for a gate that has come (rule 4)."""
        self._link, self._untold = state, self._known
        self._transfer.clear()
        for queue in self._queues.values():
            queue.clear()

    def waits(self) -> bool:
        """Whether there is anything to tell, whether or not rule 5 allows it now."""
        return self._link is not None or self._untold is not None or any((self._transfer, *self._queues.values()))

    def next_at(self, now: Instant) -> Instant:
        """When rule 5 allows the next message: `now` or later."""
        self._refill(now)
        return now if self._allowance >= _WHOLE else now + (1.0 - self._allowance) / PER_S

    def next(self, now: Instant) -> Message | None:
        """The next message to the gate, if there is one and rule 5 allows it."""
        self._refill(now)
        if self._allowance < _WHOLE:
            return None
        for _ in range(len(self._sources)):
            source = self._sources[0]
            self._sources.rotate(-1)
            message = source()
            if message is not None:
                self._allowance -= 1.0
                return message
        return None

    def _refill(self, now: Instant) -> None:
        self._allowance = min(BURST, self._allowance + max(0.0, now - self._counted_at) * PER_S)
        self._counted_at = max(self._counted_at, now)

    def _fits(self, payload: bytes, limit: int, what: str) -> bool:
        if 0 < len(payload) <= limit:
            return True
        self.quarantine.add(payload, f"a {what} has 1 to {limit} bytes")
        return False

    def _link_state(self) -> Message | None:
        state, self._link = self._link, None
        return state

    def _queue(self, kind: Kind) -> Callable[[], Message | None]:
        queue = self._queues[kind]
        return lambda: Delivered(kind=kind, document=queue.popleft()) if queue else None

    def _piece(self) -> Message | None:
        if not self._transfer and self._untold is not None:
            state, self._untold = self._untold, None
            self._transfer.extend(in_pieces(state))
        return self._transfer.popleft() if self._transfer else None


def in_pieces(state: bytes) -> Iterator[Message]:
    """`state` (1 to `MAX_STATE_BYTES`) as the messages that `edge.state.chunks` puts together again."""
    digest = hashlib.sha256(state).hexdigest()
    yield StateOpening(total=len(state), sha256=digest, pieces=-(-len(state) // PIECE_BYTES))
    for number, at in enumerate(range(0, len(state), PIECE_BYTES)):
        yield StatePiece(number=number, data=state[at : at + PIECE_BYTES])
