"""How long a gate may believe what it last heard about consent, and what that takes. Silence is not consent.

Rule 1.  A *head* is the beacon's signed word that, at its `signed_at`, the newest consent state was one snapshot
         (version and hash). It says nothing about what the gate has.
Rule 2.  A head *counts* only while the snapshot that it names is the one that this gate has applied and committed. Any
         other genuine head raises the floor and nothing else: a broker that forwards heads and holds back the state
         buys no time (threat 28). When the state arrives later, the head counts from its own `signed_at`.
Rule 3.  No head below the floor is heard: neither an older version nor one that names an older snapshot. A floor
         belongs to the keys that signed it, and dies when they no longer make up the beacon's role. Otherwise a beacon
         that was once made to sign the highest number could never be recovered (threat 29).
Rule 4.  Time is what the beacon signed, carried on by the boot clock, which nobody can set. It never runs below the
         highest signed time that was seen (that, too, is a floor with its keys). No RTC, NTP or wall clock is asked: a
         gate that believed them could be fed recorded heads, one per reboot.
Rule 5.  After every boot nothing is fresh until the beacon has answered a nonce of this boot, which names its time and
         its newest snapshot, and the gate holds that snapshot or a later one. One answer per nonce, within
         `ANSWER_MAX_S`, counted from the moment of asking: a delayed answer makes the gate believe that it is later
         than it is, never earlier. An answer counts as a head does (rule 2).
Rule 6.  The youngest word that counts is fresh while its age by rule 4 is below the site's bound (`BOUND_MIN_S` to
         `BOUND_MAX_S`), and neither it nor the applied state has expired.
Rule 7.  The verdict is `Fresh` until an instant, or `Stale` with the first reason that applies. Whoever switches faces
         on or off asks again; no message does it.

Whether a signature is right is decided before (`edge.state.trust`); here a signer is a key id that did sign.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from edge.core.values import Instant, WallTime
from edge.errors import ConfigError, Refused

BOUND_MIN_S = 5 * 60
BOUND_MAX_S = 24 * 3600
BOUND_DEFAULT_S = 3600
ANSWER_MAX_S = 60.0
"""How far a delayed answer may put the gate's time ahead."""
NONCE_BYTES = 16

Signers = frozenset[str]
"""Ids of the keys whose signature was verified."""


@dataclass(frozen=True, slots=True)
class Role:
    """Whose word it is: any `threshold` of `keyids`."""

    keyids: Signers
    threshold: int

    def met(self, signers: Signers) -> bool:
        """Whether enough of these keys have signed."""
        return len(signers & self.keyids) >= self.threshold > 0


@dataclass(frozen=True, slots=True)
class SnapshotRef:
    """One consent state of the site: the version and the SHA-256 (hex) of its snapshot."""

    version: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Head:
    """Rule 1. `version` counts heads; `expires` is the beacon's own end for it."""

    version: int
    snapshot: SnapshotRef
    signed_at: WallTime
    expires: WallTime
    signers: Signers


@dataclass(frozen=True, slots=True)
class Answer:
    """Rule 5. `time` is the beacon's when it signed; site and gate have been checked."""

    nonce: bytes
    time: WallTime
    snapshot: SnapshotRef
    signers: Signers


@dataclass(frozen=True, slots=True)
class Applied:
    """The state that is applied and committed: it expires at `until`, and its policy bounds ages to `bound_s`."""

    snapshot: SnapshotRef
    until: WallTime
    bound_s: float

    def __post_init__(self) -> None:
        if not BOUND_MIN_S <= self.bound_s <= BOUND_MAX_S:
            raise ConfigError(
                f"a freshness bound of {self.bound_s:g} s is out of range",
                hint=f"choose {BOUND_MIN_S} to {BOUND_MAX_S} seconds in the site policy",
            )


@dataclass(frozen=True, slots=True)
class Seen:
    """The highest signed time, and who signed it."""

    time: WallTime
    signers: Signers


@dataclass(frozen=True, slots=True)
class Floors:
    """What must outlive a reboot: the newest head, counting or not, and the highest signed time."""

    head: Head | None = None
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a head or an answer says about the newest snapshot. It proves something while it names the applied one."""

    snapshot: SnapshotRef
    signed_at: WallTime
    expires: WallTime
    signers: Signers

    @classmethod
    def of(cls, word: Head | Answer) -> Proof:
        """The part of `word` that can count."""
        if isinstance(word, Head):
            return cls(word.snapshot, word.signed_at, word.expires, word.signers)
        return cls(word.snapshot, word.time, math.inf, word.signers)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Rule 4: it was `time` at the instant `at` of this boot. It rests on `signers`, who gave this boot's `answer`
    and perhaps a later time.
    """

    time: WallTime
    at: Instant
    answer: Answer
    signers: Signers


@dataclass(frozen=True, slots=True)
class Freshness:
    """All that the rules remember in one boot. Begin with `booted`."""

    beacon: Role
    applied: Applied | None = None
    floors: Floors = Floors()
    proof: Proof | None = None
    asked: tuple[bytes, Instant] | None = None
    anchor: Anchor | None = None


class Reason(StrEnum):
    """Why faces are off, in the order in which it is told."""

    NOTHING_APPLIED = "no consent state has been applied yet"
    NOT_ANSWERED = "the beacon has not answered since the gate was started"
    CLOCK = "the boot clock ran backwards"
    BEHIND = "the beacon knows a newer consent state than this gate holds"
    NO_HEAD = "no head names the consent state that this gate holds"
    EXPIRED = "the consent state has expired"
    TOO_OLD = "the last word about consent is too old"


@dataclass(frozen=True, slots=True)
class Fresh:
    """Faces may be used until the instant `until`, if nothing else is heard."""

    until: Instant


@dataclass(frozen=True, slots=True)
class Stale:
    """Faces stay off; cards, codes and egress do not depend on this."""

    reason: Reason


class HeadRefused(Refused):
    """A head that is not the beacon's, is older than one heard before, or contradicts itself."""


class AnswerRefused(Refused):
    """A time answer that nobody asked for, that came late, or that is older than a head heard before."""


def booted(beacon: Role, applied: Applied | None = None, floors: Floors = Floors()) -> Freshness:
    """What the gate knows when it starts: all that was committed, and nothing about the time."""
    return committed(Freshness(beacon, floors=floors), applied, beacon)


def asked(state: Freshness, nonce: bytes, at: Instant) -> Freshness:
    """The gate sent `nonce` (`NONCE_BYTES` random bytes); an earlier question lapses."""
    return replace(state, asked=(nonce, at))


def reading(state: Freshness, at: Instant) -> WallTime:
    """Rule 4's time at `at`: a lower bound before the answer, the gate's clock afterwards. 0 if nothing was heard."""
    seen, anchor = state.floors.seen, state.anchor
    return max(seen.time if seen else 0.0, anchor.time + max(0.0, at - anchor.at) if anchor else 0.0)


def heard(state: Freshness, head: Head, at: Instant) -> Freshness:
    """Take a genuine head. Raises `HeadRefused`, and then nothing has changed."""
    _demand_head(state.beacon.met(head.signers), head, "is not signed by the beacon")
    _demand_head(0 < head.expires - head.signed_at <= BOUND_MAX_S, head, "has an impossible life")
    if (newest := state.floors.head) is not None:
        _demand_head(head.version >= newest.version, head, f"is older than head {newest.version}")
        if head.version == newest.version:  # the first one stands: a beacon cannot say two things under one number
            return state
        older = head.snapshot.version < newest.snapshot.version
        _demand_head(not older, head, f"names a state older than that of head {newest.version}")
    state = _told(state, head.signed_at, head.signers, at)
    state = replace(state, floors=replace(state.floors, head=head))
    return _counted(state, head)


def answered(state: Freshness, answer: Answer, at: Instant) -> Freshness:
    """Take a genuine answer. Raises `AnswerRefused`, and then nothing has changed."""
    _demand_answer(state.beacon.met(answer.signers), "it is not signed by the beacon")
    if state.asked is None or state.asked[0] != answer.nonce:
        raise AnswerRefused("a time answer was refused: this gate did not ask it", hint=_ASK)
    delay_s = at - state.asked[1]
    _demand_answer(0 <= delay_s <= ANSWER_MAX_S, f"it came after {delay_s:.0f} s")
    newest = state.floors.head
    older = newest is not None and answer.snapshot.version < newest.snapshot.version
    _demand_answer(not older, "it names a state older than that of a head heard before")
    now = max(answer.time + delay_s, reading(state, at))
    state = replace(state, asked=None, anchor=Anchor(now, at, answer, answer.signers))
    state = _told(state, answer.time, answer.signers, at)
    return _counted(state, answer)


def committed(state: Freshness, applied: Applied | None, beacon: Role) -> Freshness:
    """The gate has applied and committed a state, or learnt a newer root. What rests on lost keys is forgotten."""
    head, seen, proof, anchor = state.floors.head, state.floors.seen, state.proof, state.anchor
    head = head if head and beacon.met(head.signers) else None
    seen = seen if seen and beacon.met(seen.signers) else None
    proof = proof if proof and beacon.met(proof.signers) else None
    anchor = anchor if anchor and beacon.met(anchor.signers) else None
    if proof and not (applied and proof.snapshot == applied.snapshot):
        proof = None
    state = replace(state, beacon=beacon, applied=applied, floors=Floors(head, seen), proof=proof, anchor=anchor)
    state = _counted(state, head) if head else state
    return _counted(state, anchor.answer) if anchor else state


def verdict(state: Freshness, at: Instant) -> Fresh | Stale:
    """Rule 7, at the instant `at` of this boot."""
    applied, anchor, proof = state.applied, state.anchor, state.proof
    if applied is None:
        return Stale(Reason.NOTHING_APPLIED)
    if anchor is None:
        return Stale(Reason.NOT_ANSWERED)
    if not at >= anchor.at:  # also not a number
        return Stale(Reason.CLOCK)
    named = anchor.answer.snapshot
    if applied.snapshot != named and applied.snapshot.version <= named.version:
        return Stale(Reason.BEHIND)
    if proof is None:
        return Stale(Reason.NO_HEAD)
    now = reading(state, at)
    if now >= applied.until:
        return Stale(Reason.EXPIRED)
    end = min(applied.until, proof.expires, proof.signed_at + applied.bound_s)
    return Fresh(at + (end - now)) if now < end else Stale(Reason.TOO_OLD)


def _told(state: Freshness, time: WallTime, signers: Signers, at: Instant) -> Freshness:
    """Rule 4 for one signed time: it lifts the floor, and a running clock that is behind it."""
    seen, anchor = state.floors.seen, state.anchor
    if anchor is not None and time > reading(state, at):
        anchor = replace(anchor, time=time, at=at, signers=anchor.signers & signers)
    if seen is None or time > seen.time:
        seen = Seen(time, signers)
    return replace(state, floors=replace(state.floors, seen=seen), anchor=anchor)


def _counted(state: Freshness, word: Head | Answer) -> Freshness:
    """Rule 2: what names another snapshot proves nothing; of two that count the younger stands (rule 6)."""
    proof = Proof.of(word)
    if state.applied is None or proof.snapshot != state.applied.snapshot:
        return state
    older = state.proof is not None and proof.signed_at < state.proof.signed_at
    return state if older else replace(state, proof=proof)


def _demand_head(holds: bool, head: Head, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise HeadRefused(f"head {head.version} {what}", hint=_HEAD)


def _demand_answer(holds: bool, why: str) -> None:  # noqa: FBT001
    if not holds:
        raise AnswerRefused(f"a time answer was refused: {why}", hint=_ASK)


_HEAD = "wait for the next head; if it goes on, check the beacon, and rotate its keys if it was taken over"
_ASK = "the gate asks again by itself; if it goes on, check the beacon and its clock"
