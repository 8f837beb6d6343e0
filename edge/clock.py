"""The only place where time is read or spent. Everything else is handed a `edge.ports.Clock`."""

from __future__ import annotations

import time

from edge.core.values import Instant, WallTime


class BootClock:
    """CLOCK_BOOTTIME for the lane (the same reading in every process of the board), the calendar for documents."""

    def now(self) -> Instant:
        """Seconds since boot, sleep included (clock_gettime(2))."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> WallTime:
        """Seconds since 1970-01-01 UTC."""
        return time.time()

    def rest(self, seconds: float) -> None:
        """Let time pass; only for people who watch."""
        time.sleep(seconds)
