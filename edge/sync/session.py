"""The life of the connection to the broker: pure, and the only place that decides when there is one.

    Waiting --(the pause is over)--> Greeting --(let in, and every topic granted)--> Online
       ^                                 |                                              |
       +------- refused, late ----------+------------------- lost ---------------------+

Rule 1.  A connection counts as one from the moment when every topic was granted, not before: who is let in and hears
         nothing must not be shown as connected.
Rule 2.  Greeting takes at most `GREETING_S`. Any end leads to Waiting, with the pauses of `edge.sync.retry`.
Rule 3.  Every connection subscribes anew, so the retained state comes anew. `state_wanted` does so within a connection,
         at most once in `REFRESH_S`.
Rule 4.  The link that the gate is told of (`link`) is this phase and nothing else, in our own words.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.values import Instant
from edge.sync.port import Accepted, BrokerEvent, Granted, Lost
from edge.sync.retry import Retry
from edge.wire.messages import MAX_TEXT, LinkState

GREETING_S = 15.0
REFRESH_S = 5.0
BROKER_RETRY = Retry(first_s=0.5, most_s=30.0, healthy_s=60.0)
"""The cap is far below the shortest freshness bound of a site (5 min)."""
STARTING = "not connected yet"


class Do(enum.Enum):
    """What the session wants done now."""

    CONNECT = enum.auto()
    SUBSCRIBE = enum.auto()
    DROP = enum.auto()
    WELCOME = enum.auto()
    """Online: what waits may be published."""
    REFRESH = enum.auto()
    """Subscribe to the state again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """No connection until the instant `until`."""

    until: Instant
    why: str


@dataclass(frozen=True, slots=True)
class Greeting:
    """Let in, or not yet; and not yet granted every topic."""

    until: Instant


@dataclass(frozen=True, slots=True)
class Online:
    """The broker is heard."""

    since: Instant


class Session:
    """`draw` gives evenly distributed numbers from [0, 1)."""

    def __init__(self, draw: Callable[[], float], now: Instant, retry: Retry = BROKER_RETRY) -> None:
        self._draw, self._retry = draw, retry
        self._failures = 0
        self._wanted = False
        self._refreshed_at: Instant = now
        self.phase: Waiting | Greeting | Online = Waiting(now, STARTING)

    @property
    def link(self) -> LinkState:
        """Rule 4."""
        match self.phase:
            case Online():
                return LinkState(connected=True, why="")
            case Waiting(why=why):
                return LinkState(connected=False, why=why[:MAX_TEXT])
            case Greeting():
                return LinkState(connected=False, why="not connected: the broker is being greeted")

    def due(self, now: Instant) -> Do | None:
        """What time alone calls for."""
        match self.phase:
            case Waiting(until=until) if now >= until:
                self.phase = Greeting(now + GREETING_S)
                return Do.CONNECT
            case Greeting(until=until) if now >= until:
                self._fail(now, f"the broker did not let us in and grant our topics within {GREETING_S:g} s")
                return Do.DROP
            case Online() if self._wanted and now >= self._refreshed_at + REFRESH_S:
                self._wanted, self._refreshed_at = False, now
                return Do.REFRESH
            case _:
                return None

    def due_at(self) -> Instant | None:
        """When to ask `due` next."""
        match self.phase:
            case Waiting(until=until) | Greeting(until=until):
                return until
            case Online():
                return self._refreshed_at + REFRESH_S if self._wanted else None

    def heard(self, event: BrokerEvent, now: Instant) -> Do | None:
        """What an event of the broker calls for. Messages and confirmations are not the session's business."""
        match self.phase, event:
            case Greeting(), Accepted():
                return Do.SUBSCRIBE
            case ((Greeting() | Online()), Granted(refused=refused)) if refused:
                self._fail(now, f"the broker does not let this gate hear {len(refused)} of its topics; see its ACL")
                return Do.DROP
            case Greeting(), Granted():
                self._refreshed_at, self._wanted = now, False
                self.phase = Online(now)
                return Do.WELCOME
            case ((Greeting() | Online()), Lost(why=why)):
                self._fail(now, why)
                return Do.DROP
            case _:
                return None

    def failed(self, why: str, now: Instant) -> None:
        """`Do.CONNECT` came to nothing, or something of ours broke: wait, and try again."""
        self._fail(now, why)

    def state_wanted(self) -> None:
        """Rule 3."""
        self._wanted = True

    def _fail(self, now: Instant, why: str) -> None:
        held_s = now - self.phase.since if isinstance(self.phase, Online) else 0.0
        self._failures = self._retry.failures(self._failures, held_s)
        self.phase = Waiting(now + self._retry.pause_s(self._failures, self._draw()), f"not connected: {why}")
