"""Whom a gate believes about consent. The one place where python-tuf decides, and the one place that imports it.

Rule 1.  Everything follows from the root that the gate was provisioned with (`Kept.roots[0]`), along the client
         workflow of TUF: roots one by one, the newest timestamp, the snapshot that it names, targets and the beacon's
         delegated list, then the files. python-tuf checks thresholds, expiry, rollback and hashes; the form of every
         part was checked before (`edge.state.metadata`).
Rule 2.  python-tuf takes the time from the calendar. Here it is told the gate's signed time (`edge.core.freshness`), as
         it reads under the newest root: a time that only a lost key has signed counts no more.
Rule 3.  What was verified on the way stays known even if the whole is refused: new roots, and the newest timestamp and
         snapshot as floors. Otherwise a broker could break one file behind a revocation, and have it forgotten.
Rule 4.  The bundle's own timestamp must be genuine, although it may be old. The newest of it and of what was heard
         decides; if that names another snapshot than the bundle holds, the bundle is not applied (`HeadAhead`).
Rule 5.  Beyond TUF: targets that the same keys superseded are refused even after the beacon's keys were rotated, a
         withdrawn index does not come back (`IndexRevived`), and list and policy must be this site's.

Nothing is written. Each function returns the value to commit, also when it refuses.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.freshness import Head, Role
from edge.core.values import SiteId
from edge.errors import EdgeError
from edge.state.bundle import Bundle, unpack
from edge.state.errors import Expired, RolledBack
from edge.state.kept import Kept
from edge.state.statement import Speakers
from edge.state.walk import Clock, ConsentState, Walk


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to commit, who the beacon is now, its head if a newer one came, and the state to apply or why not."""

    kept: Kept
    beacon: Speakers
    head: Head | None
    state: ConsentState | None = None
    refused: EdgeError | None = None


def provisioned(site: SiteId, root: bytes) -> Kept:
    """What a new gate of `site` keeps. Raises `StateDamaged`, `WrongSite` or `NotSigned`."""
    kept = Kept(site=site, roots=(root,))
    Walk(kept)
    return kept


def restored(kept: Kept) -> Outcome:
    """What was applied before, verified again from the root. Expired or not: cards and hours run on from it.

    Raises:
        StateDamaged: something kept does not verify; `edge.state.errors` has the other reasons.
    """
    walk = Walk(kept)
    walk.now(_no_time)
    state = None
    if kept.bundle is not None:
        bundle = unpack(kept.bundle)
        # Under the roots of then: one that was learnt since may have taken away the keys that signed it.
        then = Walk(Kept(site=kept.site, roots=kept.roots[:1]))
        then.grow(bundle.roots)
        then.now(_no_time)
        if (failure := then.offer(bundle.timestamp)) is not None:
            raise failure
        state = then.state(bundle)
    return Outcome(walk.kept, walk.beacon, walk.head(), state)


def apply(kept: Kept, bundle: Bundle, clock: Clock) -> Outcome:
    """Take a whole state. What `unpack` refuses never comes here, so that rubbish costs no signature."""
    walk = Walk(kept)
    try:
        walk.demand_site(bundle.site, "the bundle")
        walk.grow(bundle.roots)
        walk.now(clock)
        own = walk.offer(bundle.timestamp)
        if own is not None and not isinstance(own, RolledBack | Expired):
            raise own
        walk.demand_current(own)
        state = walk.state(bundle)
        walk.take(bundle)
    except EdgeError as error:
        return Outcome(walk.kept, walk.beacon, _newer(walk, kept), refused=error)
    return Outcome(walk.kept, walk.beacon, _newer(walk, kept), state)


def hear(kept: Kept, head: bytes, clock: Clock) -> Outcome:
    """Take a head that came by itself. It can lift floors; whether it counts is for `edge.core.freshness`."""
    walk = Walk(kept)
    walk.now(clock)
    refused = walk.offer(head)
    return Outcome(walk.kept, walk.beacon, _newer(walk, kept), refused=refused)


def _newer(walk: Walk, kept: Kept) -> Head | None:
    return walk.head() if walk.kept.timestamp != kept.timestamp else None


def _no_time(_: Role) -> float:
    """What was believed once is not asked for its age again: that is for `edge.core.freshness`."""
    return 0.0
