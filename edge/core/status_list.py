"""Which consents stand: one status for each index of the site, as the IETF Token Status List packs it.

Rule 1.  A list has `STATUS_LIST_SIZE` entries of two bits, entry 0 in the lowest bits of byte 0, and travels as one
         zlib stream (draft-ietf-oauth-status-list, section 4.1). It is a *state*, not a log: whoever has the newest has
         everything, so gaps, duplicates and reordering on the way do not matter.
Rule 2.  Silence never reads as "valid". Zero bits mean *valid* in the standard, so an index that was never given out is
         set to `UNISSUED` explicitly, and that, like an index out of range, counts as withdrawn.
Rule 3.  *Withdrawn* is final, and what was issued never becomes unissued again: an index is used once. A list that says
         otherwise is refused, whoever signed it (`transitions` names the index). A resident who comes back gets a new
         index.
Rule 4.  The beacon's own list is laid over the site's and can only suspend: whatever it says about an index, a
         withdrawn one stays withdrawn, and nothing becomes valid.
Rule 5.  Inflation ends at the size of a list (a zlib bomb), and a stream that stops short, goes on after its end, or
         yields another size is damaged; half a list is no list.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from edge.core.consent import STATUS_LIST_SIZE
from edge.errors import InputError, Refused

PACKED_BYTES = STATUS_LIST_SIZE // 4
MAX_DEFLATED_BYTES = PACKED_BYTES + 1024
"""zlib adds 11 bytes to a list that it cannot shrink; the rest is room for another compressor."""
_ODD = int.from_bytes(b"\x55" * PACKED_BYTES, "little")
"""The low bit of every entry, as one large number: all rules below are a few operations on such numbers."""
_MARKED = re.compile(rb"[^\0]")
"""Finds the few bytes of a plane that hold anything, without a step of Python for each of the others."""
_SHOWN = 8


class Status(IntEnum):
    """The two bits of one entry. The names of the standard are VALID, INVALID, SUSPENDED, APPLICATION_SPECIFIC."""

    VALID = 0
    WITHDRAWN = 1
    SUSPENDED = 2
    UNISSUED = 3


class StatusListDamaged(InputError):
    """The bytes are not one whole status list."""


class IndexRevived(Refused):
    """A newer list gives an index back that was withdrawn, or takes one back that was issued (rule 3)."""

    def __init__(self, indices: tuple[int, ...]) -> None:
        shown = ", ".join(map(str, indices[:_SHOWN])) + (" …" if len(indices) > _SHOWN else "")
        super().__init__(
            f"a newer status list revives {len(indices)} final indices: {shown}",
            hint="issue a new consent with a new index; if a backup was restored, publish its list corrected",
        )
        self.indices = indices


@dataclass(frozen=True, slots=True)
class StatusList:
    """All statuses of a site. `packed` holds `PACKED_BYTES` bytes as rule 1 lays them out."""

    packed: bytes

    def __post_init__(self) -> None:
        if len(self.packed) != PACKED_BYTES:
            raise StatusListDamaged(f"a status list has {len(self.packed)} bytes, not {PACKED_BYTES}", hint=_AGAIN)

    def __repr__(self) -> str:
        return f"StatusList({len(self.indices(Status.VALID))} valid)"

    def status(self, index: int) -> Status:
        """What stands at `index`; rule 2 for any number that is no index."""
        if not 0 <= index < STATUS_LIST_SIZE:
            return Status.WITHDRAWN
        return Status(self.packed[index >> 2] >> (index & 3) * 2 & 3)

    def indices(self, status: Status) -> tuple[int, ...]:
        """Every index with this status, ascending."""
        return _indices(_planes(self)[status])

    def changed(self, indices: Iterable[int], to: Status) -> StatusList:
        """The list with `indices` set to `to`. Whether that is allowed is for `transitions`. Raises `Refused`."""
        packed = bytearray(self.packed)
        for index in indices:
            if not 0 <= index < STATUS_LIST_SIZE:
                raise Refused(f"{index} is no index", hint=f"indices run from 0 to {STATUS_LIST_SIZE - 1}")
            shift = (index & 3) * 2
            packed[index >> 2] = packed[index >> 2] & ~(3 << shift) | to << shift
        return StatusList(bytes(packed))


NOTHING_ISSUED = StatusList(b"\xff" * PACKED_BYTES)
"""What a site's list begins with."""
NOTHING_SUSPENDED = StatusList(bytes(PACKED_BYTES))
"""What the beacon's list begins with: laid over another it changes nothing."""


@dataclass(frozen=True, slots=True)
class Transitions:
    """What became of the indices that changed, ascending; each stands in exactly one field."""

    issued: tuple[int, ...]
    withdrawn: tuple[int, ...]
    suspended: tuple[int, ...]
    resumed: tuple[int, ...]


def deflate(statuses: StatusList) -> bytes:
    """Rule 1's zlib stream, at most `MAX_DEFLATED_BYTES`."""
    return zlib.compress(statuses.packed, 9)


def inflate(data: bytes) -> StatusList:
    """The list in `data`. Raises `StatusListDamaged` (rule 5)."""
    if len(data) > MAX_DEFLATED_BYTES:
        raise StatusListDamaged(
            f"a status list of {len(data)} bytes is above the limit of {MAX_DEFLATED_BYTES}", hint=_AGAIN
        )
    stream = zlib.decompressobj()
    try:
        packed = stream.decompress(data, PACKED_BYTES + 1)
    except zlib.error:
        raise StatusListDamaged("a status list does not inflate: it is damaged", hint=_AGAIN) from None
    if not stream.eof:  # also a bomb: its stream has not ended when a list is full
        what = "is longer than a list" if len(packed) > PACKED_BYTES else "stops short"
        raise StatusListDamaged(f"a status list {what}", hint=_AGAIN)
    if stream.unused_data:
        raise StatusListDamaged("a status list goes on after its end", hint=_AGAIN)
    return StatusList(packed)


def overlaid(statuses: StatusList, beacon: StatusList) -> StatusList:
    """Rule 4: `statuses` with everything suspended that `beacon` marks in any way."""
    over = int.from_bytes(beacon.packed, "little")
    marked = (over | over >> 1) & _planes(statuses)[Status.VALID]
    packed = int.from_bytes(statuses.packed, "little") | marked << 1
    return StatusList(packed.to_bytes(PACKED_BYTES, "little"))


def transitions(old: StatusList, new: StatusList) -> Transitions:
    """What changes from `old` to `new`. Raises `IndexRevived` where rule 3 forbids it."""
    if old.packed == new.packed:
        return Transitions((), (), (), ())
    was, now = _planes(old), _planes(new)
    revived = was[Status.WITHDRAWN] & ~now[Status.WITHDRAWN] | now[Status.UNISSUED] & ~was[Status.UNISSUED]
    if revived:
        raise IndexRevived(_indices(revived))
    return Transitions(
        issued=_indices(was[Status.UNISSUED] & now[Status.VALID]),
        withdrawn=_indices(now[Status.WITHDRAWN] & ~was[Status.WITHDRAWN]),
        suspended=_indices(now[Status.SUSPENDED] & ~was[Status.SUSPENDED]),
        resumed=_indices(now[Status.VALID] & was[Status.SUSPENDED]),
    )


def _planes(statuses: StatusList) -> tuple[int, int, int, int]:
    """By status, a number with bit 2i set where entry i has it."""
    entries = int.from_bytes(statuses.packed, "little")
    low, high = entries & _ODD, entries >> 1 & _ODD
    both = low & high
    return _ODD ^ (low | high), low ^ both, high ^ both, both


def _indices(plane: int) -> tuple[int, ...]:
    marked = plane.to_bytes(PACKED_BYTES, "little")
    return tuple(4 * hit.start() + k for hit in _MARKED.finditer(marked) for k in range(4) if hit[0][0] >> 2 * k & 1)


_AGAIN = "fetch the site's state again; if it stays damaged, publish it anew"
