"""What the lane knows. All of it; there is no other memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.core.values import (
    FACE_PARTS,
    LANE_PARTS,
    AttemptId,
    CardId,
    ConsentId,
    Instant,
    Intent,
    Part,
    Refusal,
    TrackId,
    Way,
)


@dataclass(frozen=True, slots=True)
class Votes:
    """Sightings of one track that agree on one consent; instants of capture, oldest first."""

    consent: ConsentId
    track: TrackId
    captured: tuple[Instant, ...]


@dataclass(frozen=True, slots=True)
class Idle:
    """Shut, and the eye is closed."""


@dataclass(frozen=True, slots=True)
class Looking:
    """Shut, and the eye is open for one attempt. `why` is the best reason that we can give if nothing comes of it."""

    attempt: AttemptId
    until: Instant
    intent: Intent = Intent.PRESENCE
    votes: Votes | None = None
    probes: int = 0
    newest: Instant = float("-inf")
    why: Refusal = Refusal.NO_USABLE_FACE
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Released:
    """The relay is energised; nobody is in the arms yet."""

    way: Way
    who: ConsentId | CardId
    until: Instant


@dataclass(frozen=True, slots=True)
class Passing:
    """Somebody who was released is in the arms."""

    until: Instant


@dataclass(frozen=True, slots=True)
class Resting:
    """Shut for a moment after a release, so that one decision can never be two passages."""

    until: Instant


Phase = Idle | Looking | Released | Passing | Resting


@dataclass(frozen=True, slots=True)
class Lane:
    """`present` is the level of the presence sensor; it must fall before the next attempt while `step_away` is set,
    and before the consent in `spent` (the one released last) counts again.
    """

    phase: Phase = Idle()
    now: Instant = float("-inf")
    live: frozenset[ConsentId] = frozenset()
    faults: frozenset[Part] = field(default_factory=frozenset)
    present: bool = False
    step_away: bool = False
    spent: ConsentId | None = None
    attempts: int = 0

    @property
    def face_off(self) -> bool:
        """Whether a fault forbids the use of faces; cards go on."""
        return bool(self.faults & FACE_PARTS)

    @property
    def shut_down(self) -> bool:
        """Whether a fault forbids every release."""
        return bool(self.faults & LANE_PARTS)
