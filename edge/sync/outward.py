"""What the gate says, on its way to the broker.

Rule 1.  Status, questions and what is owed go out in that order, events last. At most `WINDOW` publications wait for
         the broker's confirmation; more are not begun.
Rule 2.  What is owed goes out again after every new connection, and every `RESEND_S`, twice as long each time, until
         the gate says `Settled`. That a broker took it over settles nothing: no broker's queue is trusted. Nothing
         here outlives this process; the gate offers anew what it owes to whomever it meets.
Rule 3.  Only events are ever dropped: the oldest first, and counted. One that the broker has not confirmed waits on.
Rule 4.  The status is retained. It says what the gate said last and what was counted here, at most once in `STATUS_S`.
         The first publication of every connection is a status, because the last will has spoken in between.
Rule 5.  The newest question replaces an older one.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from edge.core.values import Instant
from edge.errors import InputError
from edge.sync.port import Confirmed, Publication
from edge.wire.messages import MAX_OWED, GateEvent, GateState, Owed, Question, Settled, Sha256
from edge.wire.topics import GateTopics, PublishedEvent, Status

Sayings = GateState | GateEvent | Owed | Settled | Question

WINDOW = 8
MAX_EVENTS = 256
STATUS_S = 1.0
RESEND_S = 30.0
RESEND_MOST_S = 600.0
OFFLINE = msgspec.json.encode(Status(online=False))
"""The last will."""


@dataclass(slots=True)
class _Debt:
    owed: Owed
    due: Instant
    pause_s: float = RESEND_S


@dataclass(frozen=True, slots=True)
class _Flight:
    """What is on its way: an event to put back, or the question to forget when it has arrived."""

    topic: str
    event: GateEvent | None = None
    question: Question | None = None


class Outward:
    """Keeps what the gate said; `next` is what to publish now."""

    def __init__(self, topics: GateTopics) -> None:
        self._topics = topics
        self._tokens: Iterator[int] = itertools.count(1)
        self._flights: dict[int, _Flight] = {}
        self._online = False
        self._status = Status(online=True)
        self._status_told: Status | None = None
        self._status_due: Instant = 0.0
        self._question: Question | None = None
        self._debts: dict[Sha256, _Debt] = {}
        self._events: deque[GateEvent] = deque()
        self.events_dropped = 0
        self.refused: dict[str, str] = {}
        """Topics on which the broker refused a publication of this connection, with its reason."""

    # From the gate ------------------------------------------------------------------------
    def said(self, message: Sayings, now: Instant) -> None:
        """Take what the gate says. Raises `InputError` if it owes more than `MAX_OWED` at once."""
        match message:
            case GateState():
                self._status = msgspec.structs.replace(self._status, gate=message)
            case GateEvent():
                self._events.append(message)
                self._trim()
            case Owed(sha256=sha256):
                if sha256 not in self._debts and len(self._debts) >= MAX_OWED:
                    raise InputError(
                        f"the gate owes more than {MAX_OWED} documents at once", hint="it offers too many; see its log"
                    )
                self._debts[sha256] = _Debt(message, now)
            case Settled(sha256=sha256):
                self._debts.pop(sha256, None)
            case Question():
                self._question = message

    def gate_left(self) -> None:
        """Forget what a new gate will say anew. Events have happened, and stay."""
        self._debts.clear()
        self._question = None
        self._status = msgspec.structs.replace(self._status, gate=None)

    # To the broker ------------------------------------------------------------------------
    def connected(self, now: Instant) -> None:
        """A connection can be published on."""
        self._online, self._status_told, self._status_due = True, None, now  # rule 4: so it is the first that is due
        self.refused.clear()
        for debt in self._debts.values():
            debt.due, debt.pause_s = now, RESEND_S

    def disconnected(self) -> None:
        """It cannot any more: what was on its way may be lost."""
        self._online = False
        flights, self._flights = self._flights, {}
        for flight in reversed(flights.values()):
            if flight.event is not None:
                self._events.appendleft(flight.event)
        self._trim()

    def counted(self, poison: int) -> None:
        """How many messages were quarantined."""
        self._status = msgspec.structs.replace(self._status, poison=poison, events_dropped=self.events_dropped)

    def next(self, now: Instant) -> Publication | None:
        """The next publication, if there is one and `WINDOW` allows it."""
        if not self._online or len(self._flights) >= WINDOW:
            return None
        if self._status_told != self._status and now >= self._status_due:
            self._status_told, self._status_due = self._status, now + STATUS_S
            return self._fly(_Flight(self._topics.status), msgspec.json.encode(self._status), retain=True)
        question = self._question
        if question is not None and not any(flight.question is question for flight in self._flights.values()):
            return self._fly(_Flight(self._topics.questions, question=question), question.document)
        for debt in self._debts.values():
            if now >= debt.due:
                debt.due, debt.pause_s = now + debt.pause_s, min(RESEND_MOST_S, 2 * debt.pause_s)
                return self._fly(_Flight(self._topics.owed[debt.owed.kind]), debt.owed.document)
        if self._events:
            event = self._events.popleft()
            return self._fly(_Flight(self._topics.events, event=event), msgspec.json.encode(PublishedEvent(event)))
        return None

    def next_at(self) -> Instant | None:
        """When `next` should be asked without anything else happening; None: not before something does."""
        if not self._online or len(self._flights) >= WINDOW:
            return None
        due = [debt.due for debt in self._debts.values()]
        if self._status_told != self._status:
            due.append(self._status_due)
        return min(due, default=None)

    def confirmed(self, event: Confirmed) -> None:
        """The broker has taken it over, or refused it: then nothing is put back, it would be refused again."""
        flight = self._flights.pop(event.token, None)
        if flight is None:
            return
        if event.refused:
            self.refused[flight.topic] = event.refused
        if flight.question is not None and flight.question is self._question:
            self._question = None

    def _fly(self, flight: _Flight, payload: bytes, *, retain: bool = False) -> Publication:
        token = next(self._tokens)
        self._flights[token] = flight
        return Publication(token, flight.topic, payload, retain)

    def _trim(self) -> None:
        while len(self._events) > MAX_EVENTS:
            self._events.popleft()
            self.events_dropped += 1
