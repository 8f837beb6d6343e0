"""What the shell must do, in order. Only `Release` and `Hold` energise the relay."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge.core.values import Alarm, AttemptId, CardId, ConsentId, Instant, Intent, Refusal, Way


class Sign(StrEnum):
    """What the lamps say while nothing is being decided."""

    READY = "ready"
    LOOK_HERE = "look here"
    CARD_ONLY = "card only"
    OUT_OF_ORDER = "out of order"


@dataclass(frozen=True, slots=True)
class Release:
    """Energise the relay until `until`, at the latest."""

    way: Way
    who: ConsentId | CardId
    until: Instant


@dataclass(frozen=True, slots=True)
class Hold:
    """Somebody is in the arms: keep the relay energised until `until`, at the latest."""

    until: Instant


@dataclass(frozen=True, slots=True)
class Lock:
    """De-energise the relay."""

    why: str


@dataclass(frozen=True, slots=True)
class OpenEye:
    """Start to capture, for this attempt only, until `until` at the latest."""

    attempt: AttemptId
    until: Instant
    intent: Intent


@dataclass(frozen=True, slots=True)
class CloseEye:
    """Stop to capture, and overwrite the frames."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class Refuse:
    """The lane stays shut: show why, and the other way in. `detail` refines the reason for the person."""

    way: Way
    reason: Refusal
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Show:
    """Set the lamps."""

    sign: Sign


@dataclass(frozen=True, slots=True)
class Raise:
    """Tell a guard."""

    alarm: Alarm


Effect = Release | Hold | Lock | OpenEye | CloseEye | Refuse | Show | Raise
