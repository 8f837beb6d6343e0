"""Random days at a lane, biased so that they reach the interesting hours.

A generator without bias almost never releases (it takes several agreeing sightings in a row), and then every rule
about releases passes for want of one: two mutants once survived a green suite that way.
"""

from __future__ import annotations

import random

from edge.core.lane import (
    Ambiguous,
    CardRead,
    ConsentChanged,
    Crowded,
    Event,
    FaceSeen,
    Failed,
    Healed,
    IntentBegan,
    IntentEnded,
    Lane,
    LanePolicy,
    Looking,
    NotFit,
    NotRecognised,
    PassageBegan,
    PassageEnded,
    Passing,
    Recognised,
    Released,
    Tick,
    Verdict,
)
from edge.core.values import AttemptId, CardId, ConsentId, Intent, Pad, Part, SubjectId, TrackId, Unfit

ANN, BOB = ConsentId("c-ann"), ConsentId("c-bob")
WHO = {ANN: SubjectId("ann"), BOB: SubjectId("bob")}
LIVE = [frozenset({ANN, BOB}), frozenset({ANN, BOB}), frozenset({BOB}), frozenset[ConsentId]()]
POLICIES = [LanePolicy(), LanePolicy(pad_required=True), LanePolicy(probes_max=4, agreeing=2, window_s=0.5)]


def recognised(consent: ConsentId) -> Recognised:
    return Recognised(WHO[consent], consent)


def next_event(rng: random.Random, lane: Lane, at: float) -> Event:
    """An event that is likely to matter in this state, or any other."""
    match lane.phase:
        case Looking() if rng.random() < 0.08:
            return ConsentChanged(at, rng.choice(LIVE))
        case Looking(attempt=attempt) if rng.random() < 0.75:
            return _sighting(rng, attempt, at)
        case Released() if rng.random() < 0.5:
            return PassageBegan(at)
        case Passing() if rng.random() < 0.4:
            return PassageEnded(at)
        case _:
            return _anything(rng, at)


def _sighting(rng: random.Random, attempt: AttemptId, at: float) -> FaceSeen:
    verdicts: list[Verdict] = [
        *[recognised(ANN)] * 14,
        recognised(BOB),
        NotRecognised(),
        Ambiguous(),
        Crowded(),
        NotFit(Unfit.BLURRED),
    ]
    age = rng.choice([0.01] * 12 + [0.9, 1.4, -0.5])
    if rng.random() < 0.03:
        attempt = AttemptId(max(0, attempt - 1))
    pad = rng.choice([Pad.BONA_FIDE] * 16 + [Pad.NOT_DONE, Pad.ATTACK])
    track = TrackId(rng.choice([1] * 12 + [2]))
    return FaceSeen(at, attempt, track, at - age, rng.choice(verdicts), pad)


def _anything(rng: random.Random, at: float) -> Event:
    part = rng.choice(list(Part))
    events: list[Event] = [
        IntentBegan(at, Intent.PRESENCE),
        IntentBegan(at, Intent.PRESENCE),
        IntentBegan(at, Intent.PRESENCE),
        IntentBegan(at, Intent.BUTTON),
        IntentEnded(at),
        IntentEnded(at),
        CardRead(at, CardId("card-1")),
        CardRead(at, None),
        ConsentChanged(at, rng.choice(LIVE)),
        Failed(at, part),
        Healed(at, part),
        Healed(at, Part.CAMERA),
        PassageBegan(at),
        PassageEnded(at),
        Tick(at),
    ]
    return rng.choice(events)
