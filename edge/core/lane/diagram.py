"""The lane's diagram, drawn by asking `step` itself, so that the picture cannot say something else than the code.

Every phase is put in front of every kind of event (and of nothing but time); where the phase changes, that is an arrow.
`docs/lane.md` holds the result, and a test compares.
"""

from __future__ import annotations

from edge.core.lane.effects import CloseEye, Effect, Hold, Lock, OpenEye, Raise, Release
from edge.core.lane.events import (
    CardRead,
    Crowded,
    Event,
    FaceSeen,
    Failed,
    IntentBegan,
    IntentEnded,
    NotRecognised,
    PassageBegan,
    PassageEnded,
    Recognised,
    Tick,
)
from edge.core.lane.policy import LanePolicy
from edge.core.lane.state import Idle, Lane, Looking, Passing, Phase, Released, Resting, Votes
from edge.core.lane.step import step
from edge.core.values import AttemptId, CardId, ConsentId, Intent, Part, SubjectId, TrackId, Way

_POLICY = LanePolicy()
_NOW = 1000.0
_ANN = ConsentId("ann")
_SOON = _NOW + 0.1
_LATE = _NOW + 5.0

_PHASES: tuple[Phase, ...] = (
    Idle(),
    Looking(
        AttemptId(1),
        _NOW + 5.0,
        votes=Votes(_ANN, TrackId(1), (_NOW - 0.2, _NOW - 0.1)),
        probes=_POLICY.probes_max - 1,
    ),
    Released(Way.FACE, _ANN, _NOW + 5.0),
    Passing(_NOW + 5.0),
    Resting(_NOW + 5.0),
)


def _seen(verdict: Recognised | NotRecognised | Crowded) -> FaceSeen:
    return FaceSeen(_SOON, AttemptId(1), TrackId(1), _SOON, verdict)


_EVENTS: tuple[tuple[str, Event], ...] = (
    ("intent", IntentBegan(_SOON, Intent.BUTTON)),
    ("walked away", IntentEnded(_SOON)),
    ("enough agreeing sightings", _seen(Recognised(SubjectId("s"), _ANN))),
    ("last comparison, not recognised", _seen(NotRecognised())),
    ("known card", CardRead(_SOON, CardId("card"))),
    ("passage begins", PassageBegan(_SOON)),
    ("passage ends", PassageEnded(_SOON)),
    ("a face part fails", Failed(_SOON, Part.CAMERA)),
    ("a lane part fails", Failed(_SOON, Part.PINS)),
    ("time is up", Tick(_LATE)),
    ("time is up, the next one waits", Tick(_LATE)),
)


def transitions() -> list[tuple[str, str, str, str]]:
    """Rows (phase, what happened, next phase, effects), for every event that changes the phase."""
    rows = []
    for phase in _PHASES:
        for label, event in _EVENTS:
            lane = Lane(phase=phase, now=_NOW, live=frozenset({_ANN}), present="waits" in label or "away" in label)
            after, effects = step(lane, event, _POLICY)
            names = (type(phase).__name__, type(after.phase).__name__)
            waits_in_vain = "waits" in label and not isinstance(phase, Resting)
            if names[0] != names[1] and not waits_in_vain:
                rows.append((names[0], label, names[1], ", ".join(filter(None, map(_word, effects)))))
    return rows


def mermaid() -> str:
    """The diagram as a Mermaid `stateDiagram-v2`."""
    lines = ["stateDiagram-v2", "    [*] --> Idle"]
    lines += [f"    {a} --> {b}: {why}" + (f" / {does}" if does else "") for a, why, b, does in transitions()]
    return "\n".join(lines) + "\n"


def _word(effect: Effect) -> str:
    match effect:
        case Release() | Hold() | Lock() | OpenEye() | CloseEye() | Raise():
            return {
                "Release": "relay on",
                "Hold": "relay held",
                "Lock": "relay off",
                "OpenEye": "eye opens",
                "CloseEye": "eye closes",
                "Raise": "alarm",
            }[type(effect).__name__]
        case _:
            return ""
