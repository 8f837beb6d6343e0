"""What a new consent state means for the references that a gate holds.

Rule 1.  Each consent under which references are held has one standing. *Erase* if the list says that its index is
         withdrawn. *Suspend* if the list or the beacon suspends it, or if the issuer that signed it is no longer in the
         policy; it waits for a list or a new consent. *Live* if the list says valid.
         An index that was never issued, or is none, counts as withdrawn. But a list that is merely old does not know
         the newest consents either, and a broker can show an old list to a gate that lost its floors. So it is
         suspended, and erased only under a list that is known to be *current*.
Rule 2.  Two phases. What is not live leaves the set that the lane may release for at once, in memory, before anything
         is written: people are refused from that instant. Then the state and the erasures are committed together,
         absence is verified, and a receipt is owed.
Rule 3.  Only the administrators' list erases. The beacon's list and the clock suspend (`edge.core.retention` has the
         clock), so whoever takes one of them can lock people out, and cannot destroy what they enrolled.
Rule 4.  The plan follows from what is held and what is committed, and from nothing else. So it is made anew at every
         start, before the first capture, and a crash between any two steps heals: what was erased is no longer held,
         and what is still held is planned again.
Rule 5.  A receipt names at most so many consents; a larger batch is told in several, in order, none twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from edge.core.consent import STATUS_LIST_SIZE
from edge.core.status_list import Status, StatusList
from edge.core.values import ConsentId


@dataclass(frozen=True, slots=True)
class Holding:
    """References are held under a consent with this index, signed by this issuer (raw public key, hex)."""

    index: int
    issuer: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Every consent that is held stands in exactly one of the three."""

    live: frozenset[ConsentId]
    suspended: frozenset[ConsentId]
    erase: frozenset[ConsentId]


def plan(held: Mapping[ConsentId, Holding], statuses: StatusList, issuers: AbstractSet[str], *, current: bool) -> Plan:
    """Rule 1 for all that is held.

    `statuses` is the site's list with the beacon's laid over it; `current` is whether the verdict of
    `edge.core.freshness` on it is `Fresh`.
    """
    standing = {consent: _standing(holding, statuses, issuers, current) for consent, holding in held.items()}

    def those(status: Status) -> frozenset[ConsentId]:
        return frozenset(consent for consent, stands in standing.items() if stands is status)

    return Plan(those(Status.VALID), those(Status.SUSPENDED), those(Status.WITHDRAWN))


def batches(erased: AbstractSet[ConsentId], size: int) -> Iterator[tuple[ConsentId, ...]]:
    """Rule 5: the ids in order, at most `size` together."""
    ordered = sorted(erased)
    for at in range(0, len(ordered), size):
        yield tuple(ordered[at : at + size])


def _standing(holding: Holding, statuses: StatusList, issuers: AbstractSet[str], current: bool) -> Status:  # noqa: FBT001
    status = statuses.status(holding.index)
    if status is Status.UNISSUED or not 0 <= holding.index < STATUS_LIST_SIZE:
        return Status.WITHDRAWN if current else Status.SUSPENDED
    if status is Status.VALID and holding.issuer not in issuers:
        return Status.SUSPENDED
    return status
