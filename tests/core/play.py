"""Play one random day against some `step`, with the witness watching."""

from __future__ import annotations

import random
from collections.abc import Callable

from edge.core.lane import ConsentChanged, Effect, Event, Lane, LanePolicy
from tests.core.histories import ANN, BOB, POLICIES, next_event
from tests.core.monitor import Witness, demand

Step = Callable[[Lane, Event, LanePolicy], tuple[Lane, tuple[Effect, ...]]]


def play_a_day(step: Step, seed: int, events: int = 60) -> int:
    """Raise `RuleBroken` if `step` breaks a rule on the day of this seed; return the number of releases."""
    rng = random.Random(seed)
    policy = rng.choice(POLICIES)
    lane, at = Lane(), 100.0
    witness = Witness(policy)
    event: Event = ConsentChanged(at, frozenset({ANN, BOB}))
    for _ in range(events):
        before = lane.now
        lane, effects = step(lane, event, policy)
        demand(10, lane.now >= before and lane.now >= event.at, "time ran backwards")
        witness.saw(event, effects)
        at += rng.choice([0.0, 0.05, 0.05, 0.1, 0.1, 0.1, 0.3, 0.6, 1.1, 2.5, 6.5, 16.0])
        jitter = rng.choice([0.0] * 15 + [-0.2])  # two threads may hand in their events the wrong way round
        event = next_event(rng, lane, at + jitter)
    return witness.releases
