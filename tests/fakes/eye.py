"""An eye that remembers its orders, in order, and can be dead."""

from __future__ import annotations

from edge.core.values import AttemptId, Instant, Intent
from edge.errors import PartFailed


class FakeEye:
    """See `edge.gate.loop.Eye`."""

    def __init__(self) -> None:
        self.orders: list[tuple[object, ...]] = []
        self.disowned: list[str] = []
        self.looking: AttemptId | None = None
        self.dead = False

    def look(self, attempt: AttemptId, until: Instant, intent: Intent) -> None:
        self._order("look", attempt, until, intent)
        assert self.looking is None, "two attempts at once"
        self.looking = attempt

    def blind(self, attempt: AttemptId) -> None:
        self._order("blind", attempt)
        assert self.looking == attempt, "another attempt is closed than was opened"
        self.looking = None

    def disown(self, why: str) -> None:
        self.disowned.append(why)

    def _order(self, *order: object) -> None:
        if self.dead:
            self.looking = None
            raise PartFailed("vision is not connected", hint="restart it")
        self.orders.append(order)
