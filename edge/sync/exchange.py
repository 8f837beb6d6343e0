"""One thread, two peers: what the broker says goes to the gate, what the gate says to the broker.

Rule 1.  Every wait is one `poll` over both peers. Neither can make the other wait: what the gate does not read stays in
         `Inward`, which is bounded, and what the broker does not take stays in `Outward`, which is too.
Rule 2.  No exception ends the loop (threats, 13 and 20): whatever breaks while the broker is served costs the
         connection to the broker, whatever breaks while the gate is served costs the gate's, and both come back. Only
         `Refused` gets out: the gate that we belong to is of another protocol.
Rule 3.  The gate is told that the broker is heard when it is, and why not when it is not. What the broker refuses to
         take is said too: "connected" alone would hide that no receipt gets through.
"""

from __future__ import annotations

import logging
import select
from collections.abc import Callable, Mapping

from edge.core.values import Instant
from edge.errors import EdgeError, Refused
from edge.ports import Clock
from edge.sync.gate_side import GateSide, Left, Met, Said
from edge.sync.inward import Inward
from edge.sync.outward import Outward
from edge.sync.port import Accepted, Arrived, Broker, BrokerAway, Confirmed, Granted, Lost
from edge.sync.session import Do, Session
from edge.wire.messages import MAX_TEXT, LinkState, StateWanted

TURN_S = 0.5
"""The longest wait, so that SIGTERM is heard."""
MAX_TOLD_A_TURN = 16
_log = logging.getLogger(__name__)

Wait = Callable[[Mapping[int, int], float], object]
"""Wait for poll(2) events (descriptor -> mask), at most so many seconds."""


def wait(events: Mapping[int, int], longest_s: float) -> None:
    """The real `Wait`."""
    poll = select.poll()
    for descriptor, mask in events.items():
        poll.register(descriptor, mask)
    poll.poll(longest_s * 1000)


class Exchange:
    """Joins the parts. `failures` counts what rule 2 caught."""

    def __init__(
        self, broker: Broker, gate: GateSide, session: Session, inward: Inward, outward: Outward, *, clock: Clock
    ) -> None:
        self._broker, self._gate, self._session = broker, gate, session
        self._inward, self._outward, self._clock = inward, outward, clock
        self._told: LinkState | None = None
        self.failures = 0

    def turn(self, wait: Wait = wait) -> None:
        """Wait until something is due, and do it (rule 2)."""
        wait(*self._until_due())
        for peer, serve, give_up in (
            ("broker", self._serve_broker, self._give_up_broker),
            ("gate", self._serve_gate, self._give_up_gate),
        ):
            try:
                serve()
            except Refused:
                raise
            except Exception as error:  # noqa: BLE001 - rule 2
                self.failures += 1
                _log.error("serving the %s failed: %s", peer, _named(error))
                give_up(_named(error))

    def close(self) -> None:
        """Leave both. The broker publishes the last will."""
        self._broker.drop()
        self._gate.leave(self._clock.now())

    # Waiting ------------------------------------------------------------------------------
    def _until_due(self) -> tuple[Mapping[int, int], float]:
        now = self._clock.now()
        sending = self._gate.met and self._inward.waits() and self._inward.next_at(now) <= now
        places = (self._broker.waits_for(), self._gate.waits_for(sending=sending))
        due = [self._session.due_at(), self._gate.due_at(), self._outward.next_at()]
        if self._gate.met and self._inward.waits() and not sending:
            due.append(self._inward.next_at(now))
        longest_s = min([TURN_S, *(at - now for at in due if at is not None)])
        return dict(place for place in places if place), 0.0 if self._broker.ready() else max(0.0, longest_s)

    # The broker ---------------------------------------------------------------------------
    def _serve_broker(self) -> None:
        now = self._clock.now()
        for event in self._broker.turn(now):
            match event:
                case Arrived():
                    self._inward.arrived(event)
                case Confirmed():
                    self._outward.confirmed(event)
                case Accepted() | Granted() | Lost():
                    self._do(self._session.heard(event, now), now)
        self._do(self._session.due(now), now)
        self._outward.counted(self._inward.quarantine.count)
        while (publication := self._outward.next(now)) is not None:
            self._broker.publish(publication)

    def _do(self, what: Do | None, now: Instant) -> None:
        match what:
            case Do.CONNECT:
                try:
                    self._broker.connect()
                except BrokerAway as error:
                    self._session.failed(error.message, self._clock.now())
            case Do.SUBSCRIBE:
                self._broker.subscribe(self._inward.topics)
            case Do.REFRESH:
                self._broker.subscribe(self._inward.topics[:1])
            case Do.WELCOME:
                self._outward.connected(now)
            case Do.DROP:
                self._broker.drop()
                self._outward.disconnected()
            case None:
                pass

    def _give_up_broker(self, why: str) -> None:
        self._broker.drop()
        self._outward.disconnected()
        self._session.failed(why, self._clock.now())

    # The gate -----------------------------------------------------------------------------
    def _serve_gate(self) -> None:
        now = self._clock.now()
        for event in self._gate.turn(now):
            match event:
                case Met():
                    self._told = self._link()
                    self._inward.gate_met(self._told)
                case Left():
                    self._outward.gate_left()
                case Said(message=message):
                    if isinstance(message, StateWanted):
                        self._session.state_wanted()
                    else:
                        self._outward.said(message, now)
        if self._gate.met:
            self._tell(now)

    def _tell(self, now: Instant) -> None:
        link = self._link()
        if link != self._told:
            self._told = link
            self._inward.link(link)
        for _ in range(MAX_TOLD_A_TURN):
            if not self._inward.waits() or not self._gate.has_room(now):
                return
            message = self._inward.next(now)
            if message is None:
                return
            self._gate.send(message)

    def _give_up_gate(self, why: str) -> None:
        _log.info("the gate is left: %s", why)
        for _ in self._gate.part(self._clock.now()):
            self._outward.gate_left()

    def _link(self) -> LinkState:
        """Rule 3."""
        link, refused = self._session.link, self._outward.refused
        if not link.connected or not refused:
            return link
        what = ", ".join(f"{topic.rsplit('/', 1)[-1]} ({why})" for topic, why in sorted(refused.items()))
        return LinkState(connected=True, why=f"connected, but the broker refuses {what}; see its ACL"[:MAX_TEXT])


def _named(error: Exception) -> str:
    """What may be said of `error`: our own words, or its kind. The words of others may hold what they parsed."""
    return error.message if isinstance(error, EdgeError) else type(error).__name__
