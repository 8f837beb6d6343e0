"""What a consent says, and what it allows at one gate at one time.

Rule 1.  A consent is live from `not_before` until just before `expires`. No other date, and no length of silence,
         makes it live.
Rule 2.  It counts only at the site and the gates that it names, for the purposes and modes that it names. What is not
         named is not allowed; there is no wildcard.
Rule 3.  A minor's consent counts only with a guardian's reference (requirement CN-3).
Rule 4.  It enrols once per gate. A second face needs a second consent, so nobody can enrol another face under
         somebody's name later (threat 30). An erased consent stays used.
Rule 5.  Enrolling needs an operator who can be named afterwards.
Rule 6.  When several reasons speak against an enrolment, the first in the order of `Reason` is given: first what can
         never become right here, then what time or another document can mend.

A document that contradicts itself (`contradiction`) never becomes a `Consent` at all. No names: people are random
pseudonyms, and so is the guardian's reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from edge.core.values import ConsentId, GateId, SiteId, SubjectId, WallTime

CONSENT_TYPE: Final = "edge-gate/consent/1"
MAX_CONSENT_BYTES = 16 * 1024
"""Of a whole signed document; 64 gates with the longest names fit."""
MAX_GATES = 64
MAX_PURPOSES = 8
STATUS_LIST_SIZE = 2**16
"""Entries of the site's status list; `index` points into it and is never reused."""
MAX_LIFETIME_S = 3 * 366 * 24 * 3600
"""No consent outlives three years: nothing here is kept longer than US-1 allows after a last use."""
MAX_TIME_S = 2**32 - 1
"""The year 2106: a reference keeps its times in 32 bits."""
MAX_PROBES = 8
"""Templates that one enrolment may make."""
ACCESS = "access"
"""The purpose that this software serves."""

Pseudonym = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
"""128 random bits, hex."""
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]*\Z")]
Seconds = Annotated[int, Meta(ge=0, le=MAX_TIME_S)]
"""Whole seconds since 1970-01-01 UTC."""


class Mode(StrEnum):
    """What may be done with a template."""

    COHORT = "cohort"
    """Stand in the cohort that normalises scores."""
    IDENTIFY = "identify"
    """1:N: found among all references by the face alone."""
    OTHER_GATES = "other-gates"
    """Travel, sealed, to the other gates that the consent names."""
    PASS = "pass"  # noqa: S105 - a mode, not a password
    """Be printed on a pass that the subject carries."""
    VERIFY = "verify"
    """1:1: compared with the reference that another credential named."""


class Notice(Struct, frozen=True, forbid_unknown_fields=True):
    """The text that the subject was shown: its version, and the SHA-256 of its bytes."""

    version: Name
    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Consent(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The signed content. Lists are sorted and hold nothing twice, so that one consent has one text."""

    type: Literal["edge-gate/consent/1"] = CONSENT_TYPE
    site: Annotated[SiteId, Meta(min_length=1, max_length=64, pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]*\Z")]
    consent: Annotated[ConsentId, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    index: Annotated[int, Meta(ge=0, lt=STATUS_LIST_SIZE)]
    subject: Annotated[SubjectId, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    gates: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_GATES)]
    purposes: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_PURPOSES)]
    modes: Annotated[tuple[Mode, ...], Meta(min_length=1, max_length=len(Mode))]
    notice: Notice
    not_before: Seconds
    expires: Seconds
    minor: bool = False
    guardian: Name | None = None


class Reason(StrEnum):
    """Why a consent does not enrol here and now, in the order in which it is told."""

    OTHER_SITE = "it is for another site"
    OTHER_GATE = "it does not name this gate"
    WRONG_PURPOSE = "it does not name the purpose"
    WRONG_MODE = "it does not name the mode"
    NO_GUARDIAN = "it is a minor's and names no guardian"
    NOT_YET_VALID = "it is not yet valid"
    EXPIRED = "it has expired"
    ALREADY_USED = "it has enrolled here before, or was withdrawn"
    SUSPENDED = "it is suspended"
    NO_OPERATOR = "no operator answers for it"
    NO_PROBES = "no usable capture was given"
    TOO_MANY_PROBES = "more captures were given than one enrolment may make"


def contradiction(consent: Consent) -> str | None:
    """What makes a document impossible in itself, whoever signed it; None if nothing does."""
    for name, values in (("gates", consent.gates), ("purposes", consent.purposes), ("modes", consent.modes)):
        if list(values) != sorted(set(values)):
            return f"`{name}` is not sorted or names something twice"
    if consent.expires <= consent.not_before:
        return "it expires before it begins"
    if consent.expires - consent.not_before > MAX_LIFETIME_S:
        return "it would live for more than three years"
    return None


def live(consent: Consent, now_wall: WallTime) -> bool:
    """Rule 1: whether the calendar is within the consent."""
    return consent.not_before <= now_wall < consent.expires


@dataclass(frozen=True, slots=True)
class Here:
    """The gate that asks, and what it does with a template."""

    site: SiteId
    gate: GateId
    mode: Mode


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to enrol, and what the gate remembers of the consent."""

    operator: str
    probes: int
    used: bool
    """It has enrolled here before, erased or not, or was withdrawn."""
    suspended: bool


def may_enrol(consent: Consent, here: Here, attempt: Attempt, now_wall: WallTime) -> Reason | None:
    """Why an attempt is refused, or None if every rule allows it."""
    checks = (
        (Reason.OTHER_SITE, consent.site != here.site),
        (Reason.OTHER_GATE, here.gate not in consent.gates),
        (Reason.WRONG_PURPOSE, ACCESS not in consent.purposes),
        (Reason.WRONG_MODE, here.mode not in consent.modes),
        (Reason.NO_GUARDIAN, consent.minor and not consent.guardian),
        (Reason.NOT_YET_VALID, now_wall < consent.not_before),
        (Reason.EXPIRED, not live(consent, now_wall)),  # rule 1, having begun
        (Reason.ALREADY_USED, attempt.used),
        (Reason.SUSPENDED, attempt.suspended),
        (Reason.NO_OPERATOR, not attempt.operator.strip()),
        (Reason.NO_PROBES, attempt.probes < 1),
        (Reason.TOO_MANY_PROBES, attempt.probes > MAX_PROBES),
    )
    return next((reason for reason, applies in checks if applies), None)
