"""How long each stage of the work takes: medians over the newest frames, in microseconds.

They go to `gate` once a second and into `edge-gate bench`, which compares their sum with the whole. Numbers only: they
say how fast we look, and nothing of whom we saw.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.ports import Clock

REMEMBERED = 64
"""Newest runs of a stage over which its median is taken: about two seconds of frames."""


class Stages:
    """A stop-watch for each stage, by name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runs: dict[str, deque[float]] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Count the body as one run of the stage `name`; one that raises is not counted."""
        began = self._clock.now()
        yield
        self._runs.setdefault(name, deque(maxlen=REMEMBERED)).append(self._clock.now() - began)

    @property
    def median_us(self) -> dict[str, int]:
        """Median of each stage that ran, in microseconds, in the order in which the stages first ran."""
        return {name: round(1e6 * median(runs)) for name, runs in self._runs.items()}

    def reset(self) -> None:
        """Start anew."""
        self._runs.clear()
