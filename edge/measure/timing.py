"""Milliseconds that can be compared: medians of interleaved runs.

Rule 1.  What is compared runs in turns (A B, B A, A B …), so that a neighbour on the machine disturbs both alike, and
         neither always finds the caches as the other left them.
Rule 2.  Medians, not means and not minima: what a person at the gate meets half of the time.
Rule 3.  What computes on one thread is measured by the processor time of that thread: while a neighbour has the core,
         nobody computes. What waits for disks, sockets or other processes is measured by the clock on the wall.
Rule 4.  The first turns are thrown away: they pay for pages, caches and lazy imports.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

WARM_UP = 3
wall = time.perf_counter
thread = time.thread_time


def in_turns(
    actions: Mapping[str, Callable[[], object]],
    *,
    seconds: float,
    at_least: int = 15,
    at_most: int = 2_000,
    clock: Callable[[], float] = thread,
) -> dict[str, float]:
    """Median milliseconds of each action, run in turns for about `seconds` altogether."""
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(WARM_UP):
        for action in actions.values():
            action()
    forwards = list(actions.items())
    backwards = forwards[::-1]
    end = wall() + seconds
    for turn in range(at_most):
        if turn >= at_least and wall() > end:
            break
        for name, action in backwards if turn % 2 else forwards:
            began = clock()
            action()
            taken[name].append(clock() - began)
    return {name: 1e3 * statistics.median(values) for name, values in taken.items()}
