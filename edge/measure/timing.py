"""Milliseconds that can be compared: medians of interleaved runs.

Rule 1.  What is compared runs in turns (A, B, A, B …), so that a neighbour on the machine disturbs both alike.
Rule 2.  Medians, not means and not minima: what a person at the gate meets half of the time.
Rule 3.  The first turns are thrown away: they pay for pages, caches and lazy imports.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

WARM_UP = 3


def in_turns(
    actions: Mapping[str, Callable[[], object]], *, seconds: float, at_least: int = 15, at_most: int = 2_000
) -> dict[str, float]:
    """Median milliseconds of each action, run in turns for about `seconds` altogether."""
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(WARM_UP):
        for action in actions.values():
            action()
    end = time.perf_counter() + seconds
    for turn in range(at_most):
        if turn >= at_least and time.perf_counter() > end:
            break
        for name, action in actions.items():
            began = time.perf_counter()
            action()
            taken[name].append(time.perf_counter() - began)
    return {name: 1e3 * statistics.median(values) for name, values in taken.items()}
