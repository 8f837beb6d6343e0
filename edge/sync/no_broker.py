"""The broker of a gate that has none: it says so whenever it is asked."""

from __future__ import annotations

from collections.abc import Sequence

from edge.core.values import Instant
from edge.sync.port import BrokerAway, BrokerEvent, Publication

NO_BROKER = "no broker is configured"


class NoBroker:
    """Implements `edge.sync.port.Broker`."""

    def connect(self) -> None:
        """Raises `BrokerAway`."""
        raise BrokerAway(NO_BROKER, hint="name one in [broker]")

    def subscribe(self, topics: Sequence[str]) -> None:
        """Never connected, so never asked."""

    def publish(self, publication: Publication) -> None:
        """Never connected, so never asked."""

    def turn(self, now: Instant) -> list[BrokerEvent]:  # noqa: ARG002 - the port's
        """Nothing ever happens."""
        return []

    def waits_for(self) -> tuple[int, int] | None:
        """No descriptor."""
        return None

    def ready(self) -> bool:
        """Never."""
        return False

    def drop(self) -> None:
        """Nothing to drop."""
