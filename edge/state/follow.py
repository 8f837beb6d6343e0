"""A gate that follows its site: three things come in, and out come what to commit and what may be used.

Rule 1.  What comes in is a bundle, a head or a time answer, as bytes from a link that nobody trusts. Each makes one
         `Step`. A refusal is a value: the caller counts it, shows it, and goes on.
Rule 2.  A step may bring a new `state`. The caller suspends at once, in memory, what it takes away, then commits
         `following.kept` in the transaction in which it applies the rest, and then says `committed`. Only from there on
         does the state count for freshness. A crash in between leaves the state before, which is older and no worse.
Rule 3.  `must_commit` says that something was learnt that must not be lost (a root, a state). A floor that a head
         lifted may wait for the next commit: after a reboot the nonce protects better than any floor.
Rule 4.  A bundle whose own head is too old is put aside, one at most, and taken up when a head names its snapshot. That
         is how a gate starts: the broker holds the bundle of the last change, and heads come every minute.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from edge.core import freshness
from edge.core.freshness import Floors, Fresh, Freshness, Role, Seen, Stale
from edge.core.values import GateId, Instant, WallTime
from edge.errors import EdgeError
from edge.state.answer import TimeQuestion, read_answer, write_question
from edge.state.bundle import Bundle, unpack
from edge.state.errors import Expired, StateDamaged
from edge.state.kept import Kept, SeenTime
from edge.state.metadata import read, sha256
from edge.state.shapes import Timestamp
from edge.state.statement import Speakers
from edge.state.trust import Outcome, apply, hear, restored
from edge.state.walk import ConsentState


@dataclass(frozen=True, slots=True)
class Following:
    """What the gate knows. `state` is the one that is applied and committed; `beacon` may sign answers."""

    gate: GateId
    kept: Kept
    beacon: Speakers
    freshness: Freshness
    state: ConsentState | None = None
    aside: Bundle | None = None
    """A bundle that waits for a head (rule 4)."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one message did."""

    following: Following
    state: ConsentState | None = None
    must_commit: bool = False
    refused: EdgeError | None = None


def started(kept: Kept, gate: GateId) -> Following:
    """After a boot, from what was committed. Raises what `edge.state.trust.restored` raises."""
    outcome = restored(kept)
    applied = outcome.state.applied if outcome.state else None
    seen = Seen(kept.seen.time, frozenset(kept.seen.signers)) if kept.seen else None
    fresh = freshness.booted(outcome.beacon.role, applied, Floors(outcome.head, seen))
    return Following(gate, outcome.kept, outcome.beacon, fresh, outcome.state)


def ask(following: Following, nonce: bytes, at: Instant) -> tuple[Following, bytes]:
    """The question to send. To be asked whenever the verdict is `Reason.NOT_ANSWERED`, with a new nonce each time."""
    question = TimeQuestion(site=following.kept.site, gate=following.gate, nonce=nonce.hex())
    asked = replace(following, freshness=freshness.asked(following.freshness, nonce, at))
    return asked, write_question(question)


def take_bundle(following: Following, data: bytes, at: Instant) -> Step:
    """A whole state came."""
    try:
        bundle = unpack(data)
    except StateDamaged as error:
        return Step(following, refused=error)
    return _apply(following, bundle, at)


def take_head(following: Following, data: bytes, at: Instant) -> Step:
    """A head came by itself."""
    try:
        read(data, Timestamp)
    except StateDamaged as error:
        return Step(following, refused=error)
    outcome = hear(following.kept, data, lambda role: _time(following, role, at))
    after, refused = _learnt(following, outcome, at)
    if outcome.refused is not None or refused is not None:
        return Step(after, refused=outcome.refused or refused)
    aside = after.aside
    if aside is not None and outcome.head is not None and sha256(aside.snapshot) == outcome.head.snapshot.sha256:
        return _apply(replace(after, aside=None), aside, at)
    return Step(after)


def take_answer(following: Following, data: bytes, at: Instant) -> Step:
    """A time answer came."""
    try:
        answer = read_answer(data, following.beacon, site=following.kept.site, gate=following.gate)
        fresh = freshness.answered(following.freshness, answer, at)
    except EdgeError as error:
        return Step(following, refused=error)
    return Step(_with(following, fresh))


def committed(following: Following, state: ConsentState) -> Following:
    """`following.kept` is on disk and `state` is in force."""
    fresh = freshness.committed(following.freshness, state.applied, following.beacon.role)
    return replace(following, state=state, freshness=fresh)


def verdict(following: Following, at: Instant) -> Fresh | Stale:
    """Whether faces may be used at `at`, and until when if nothing else comes."""
    return freshness.verdict(following.freshness, at)


def _apply(following: Following, bundle: Bundle, at: Instant) -> Step:
    outcome = apply(following.kept, bundle, lambda role: _time(following, role, at))
    after, refused = _learnt(following, outcome, at)
    must_commit = after.kept.roots != following.kept.roots
    if outcome.state is None:
        aside = bundle if isinstance(outcome.refused, Expired) else following.aside
        return Step(replace(after, aside=aside), must_commit=must_commit, refused=outcome.refused or refused)
    after = replace(after, aside=None)
    if following.state is not None and _same(outcome.state, following.state):
        return Step(after, must_commit=must_commit)
    return Step(after, outcome.state, must_commit=True)


def _same(new: ConsentState, old: ConsentState) -> bool:
    """The broker sent again what is in force. Under a newer root the same files may end at another time."""
    return (new.snapshot, new.root_version) == (old.snapshot, old.root_version)


def _time(following: Following, role: Role, at: Instant) -> WallTime:
    """The gate's time, as far as it rests on `role`."""
    fresh = following.freshness
    return freshness.reading(freshness.committed(fresh, fresh.applied, role), at)


def _learnt(following: Following, outcome: Outcome, at: Instant) -> tuple[Following, EdgeError | None]:
    """Carry what was verified over to the rules of freshness."""
    fresh, refused = following.freshness, None
    if outcome.beacon.role != fresh.beacon:
        fresh = freshness.committed(fresh, fresh.applied, outcome.beacon.role)
    if outcome.head is not None:
        try:
            fresh = freshness.heard(fresh, outcome.head, at)
        except freshness.HeadRefused as error:
            refused = error
    return _with(replace(following, kept=outcome.kept, beacon=outcome.beacon), fresh), refused


def _with(following: Following, fresh: Freshness) -> Following:
    seen = fresh.floors.seen
    kept = msgspec.structs.replace(
        following.kept, seen=SeenTime(seen.time, tuple(sorted(seen.signers))) if seen else None
    )
    return replace(following, kept=kept, freshness=fresh)
