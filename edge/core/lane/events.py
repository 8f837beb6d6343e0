"""What can happen at a lane. Every event carries the instant at which the gate learned of it."""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.values import (
    AttemptId,
    CardId,
    ConsentId,
    Instant,
    Intent,
    Pad,
    Part,
    SubjectId,
    TrackId,
    Unfit,
)


# What one probe said ---------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Recognised:
    """Best reference above the threshold, and better than every other subject by the margin."""

    subject: SubjectId
    consent: ConsentId


@dataclass(frozen=True, slots=True)
class NotRecognised:
    """No reference reaches the threshold. We know nothing else about this person, and keep nothing."""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Two subjects are within the margin of each other."""


@dataclass(frozen=True, slots=True)
class Crowded:
    """More than one candidate stands in the zone."""


@dataclass(frozen=True, slots=True)
class NotFit:
    """The capture gave no probe."""

    reason: Unfit


Verdict = Recognised | NotRecognised | Ambiguous | Crowded | NotFit


# Events ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing happened but time."""

    at: Instant


@dataclass(frozen=True, slots=True)
class IntentBegan:
    """Somebody wants to pass: the presence sensor rose, or the button was pressed."""

    at: Instant
    source: Intent


@dataclass(frozen=True, slots=True)
class IntentEnded:
    """The presence sensor fell: the person stepped away."""

    at: Instant


@dataclass(frozen=True, slots=True)
class FaceSeen:
    """A sighting of one track, already compared. `captured_at` is the camera's instant, not ours."""

    at: Instant
    attempt: AttemptId
    track: TrackId
    captured_at: Instant
    verdict: Verdict
    pad: Pad = Pad.NOT_DONE


@dataclass(frozen=True, slots=True)
class CardRead:
    """A card was read. `card` is None where the number is not known at this gate."""

    at: Instant
    card: CardId | None


@dataclass(frozen=True, slots=True)
class PassageBegan:
    """The arms left their rest position."""

    at: Instant


@dataclass(frozen=True, slots=True)
class PassageEnded:
    """The arms are at rest again."""

    at: Instant


@dataclass(frozen=True, slots=True)
class ConsentChanged:
    """The consents that are live from now on; whoever is missing here is suspended."""

    at: Instant
    live: frozenset[ConsentId]


@dataclass(frozen=True, slots=True)
class Failed:
    """A part stopped working."""

    at: Instant
    part: Part


@dataclass(frozen=True, slots=True)
class Healed:
    """A part works again."""

    at: Instant
    part: Part


Event = (
    Tick
    | IntentBegan
    | IntentEnded
    | FaceSeen
    | CardRead
    | PassageBegan
    | PassageEnded
    | ConsentChanged
    | Failed
    | Healed
)
