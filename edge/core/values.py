"""The words that every part of edge-gate shares.

Two clocks exist, and they are never mixed. An `Instant` is a reading of the boot clock (CLOCK_BOOTTIME): it only goes
forward, also while the board sleeps, and no message can set it; everything that moves the lane is measured on it. A
`WallTime` is what a calendar says; it decides nothing but the validity dates of signed documents.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

Instant = float
"""Seconds on the boot clock; comparable between the processes of one board, meaningless elsewhere."""

WallTime = float
"""Seconds since 1970-01-01 UTC."""

SiteId = NewType("SiteId", str)
GateId = NewType("GateId", str)
SubjectId = NewType("SubjectId", str)
"""A random pseudonym. Names stay with the admin and never reach a gate."""
ConsentId = NewType("ConsentId", str)
CardId = NewType("CardId", str)
"""A keyed hash of a card's number; the number itself is never kept."""
AttemptId = NewType("AttemptId", int)
"""One opening of the eye: from an intent to its end. What is seen in one attempt never counts in another."""
TrackId = NewType("TrackId", int)
"""One face followed through consecutive frames of one attempt."""


class Way(StrEnum):
    """The kinds of credential that may ask for a release. All are equal; none is only a fallback."""

    FACE = "face"
    CARD = "card"


class Intent(StrEnum):
    """What tells us that somebody wants to pass. Without one of these the camera stays closed."""

    PRESENCE = "presence"
    """A level: it stays while the person stands there, so it also shows that they stepped away."""
    BUTTON = "button"
    """A moment: each press is a new intent."""


class Part(StrEnum):
    """What can fail. `FACE_PARTS` take the face away and leave cards; `LANE_PARTS` take the whole lane."""

    CAMERA = "camera"
    VISION = "vision"
    MODEL = "model"
    VAULT = "vault"
    CONSENT_STATE = "consent-state"
    PINS = "pins"
    PASSAGE = "passage"


FACE_PARTS = frozenset({Part.CAMERA, Part.VISION, Part.MODEL, Part.VAULT, Part.CONSENT_STATE})
LANE_PARTS = frozenset({Part.PINS, Part.PASSAGE})


class Unfit(StrEnum):
    """Why a capture gave no probe. Each is something that the person in front of the camera can change."""

    NO_FACE = "no face"
    TOO_SMALL = "too far away"
    TOO_NEAR = "too near"
    OFF_ZONE = "not in front of the gate"
    TURNED = "turned away"
    BLURRED = "blurred"
    TOO_DARK = "too dark"
    TOO_BRIGHT = "too bright"
    HARSH_LIGHT = "half in shadow"
    COVERED = "partly covered"


class Pad(StrEnum):
    """Presentation attack detection on one track (ISO/IEC 30107-3)."""

    NOT_DONE = "not done"
    BONA_FIDE = "bona fide"
    ATTACK = "attack"


class Refusal(StrEnum):
    """Why the lane stayed shut. Shown to the person together with the other way in."""

    NOT_RECOGNISED = "not recognised"
    AMBIGUOUS = "two people are too much alike"
    MORE_THAN_ONE = "more than one person in the zone"
    NOT_LIVE = "could not be sure that this is a live face"
    NO_USABLE_FACE = "no usable face seen"
    FACE_OFF = "face is switched off for now"
    NO_CONSENT = "no live consent"
    STEP_AWAY = "step away before you try again"
    CARD_UNKNOWN = "card not known here"
    LANE_FAULT = "the lane has a fault"
    BUSY = "somebody is passing"


class Alarm(StrEnum):
    """What a guard should look at. An alarm never moves the relay."""

    FORCED = "passage without a release"
    HELD = "passage held beyond its limit"
