"""What the session needs from a broker; `edge.sync.mqtt` is the adapter, and both it and the fake pass one suite.

Rule 1.  One `connect` is one clean connection. Nothing of an earlier one is sent or believed again.
Rule 2.  Nothing but `connect` waits, and that for a bounded time. Everything that happens is an event of `turn`.
Rule 3.  However a connection ends, and whatever arrives, `turn` returns; the last event of a connection is `Lost`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge.core.values import Instant
from edge.errors import PartFailed


class BrokerAway(PartFailed):
    """No connection to the broker came about; the message says why."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker has let us in."""


@dataclass(frozen=True, slots=True)
class Granted:
    """Answer to a subscription; `refused` are the topics that we may not hear."""

    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message. `retained`: it was stored at the broker, who knows for how long."""

    topic: str
    payload: bytes = field(repr=False)
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The broker has taken over the publication `token`, or has refused it with `refused` in the words of MQTT."""

    token: int
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection has ended."""

    why: str


BrokerEvent = Accepted | Granted | Arrived | Confirmed | Lost


@dataclass(frozen=True, slots=True)
class Publication:
    """One message upwards, always with QoS 1."""

    token: int
    topic: str
    payload: bytes = field(repr=False)
    retain: bool = False


class Broker(Protocol):
    """A connection to a broker, or none."""

    def connect(self) -> None:
        """Begin a connection (rule 1). Raises `BrokerAway`; `Accepted` or `Lost` follow otherwise."""
        ...

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask to hear `topics`, what is retained there included. `Granted` follows."""
        ...

    def publish(self, publication: Publication) -> None:
        """Send it. `Confirmed` follows, unless `Lost` does."""
        ...

    def turn(self, now: Instant) -> list[BrokerEvent]:
        """Read and write what is possible without waiting, and say what happened (rule 3)."""
        ...

    def waits_for(self) -> tuple[int, int] | None:
        """Descriptor and poll(2) events that call for a turn; None without a connection."""
        ...

    def ready(self) -> bool:
        """Whether a turn is due although the descriptor is silent."""
        ...

    def drop(self) -> None:
        """End the connection without a word: the broker publishes the last will. No `Lost` follows."""
        ...
