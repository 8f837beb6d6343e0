"""What a gate must not forget about consent, as one value for one transaction of the vault's database.

Rule 1.  All of it is committed together or not at all: a list without its floor could be rolled back, a floor without
         its list would refuse the list that belongs to it. python-tuf's own files are not used (it does not fsync them,
         threat 29); its memory is rebuilt from here at every start.
Rule 2.  Floors are kept as the signed bytes that made them: under a root that no longer names their keys they do not
         verify, and so they die with them (`edge.core.freshness`, rule 3).
Rule 3.  Damage is an error, never a fresh start. Whoever decides to forget provisions the gate anew.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from edge.state.bundle import MAX_BUNDLE_BYTES, MAX_ROOTS, Metadata
from edge.state.errors import StateDamaged, because
from edge.state.shapes import MAX_KEYS, KeyId, Site

MAX_KEPT_BYTES = 2 * MAX_BUNDLE_BYTES + 256 * 1024

Time = Annotated[float, Meta(ge=0.0, le=253_402_300_799.0)]


class SeenTime(Struct, frozen=True, forbid_unknown_fields=True):
    """The highest signed time that was seen, and by which keys."""

    time: Time
    signers: Annotated[tuple[KeyId, ...], Meta(max_length=MAX_KEYS)]


class Kept(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`roots[0]` is what the gate was provisioned with; all others were verified from there, one by one.

    `timestamp` and `snapshot` are the newest that were verified, applied or not. `bundle` is what is applied.
    """

    type: Literal["edge-gate/kept/1"] = "edge-gate/kept/1"
    site: Site
    roots: Annotated[tuple[Metadata, ...], Meta(min_length=1, max_length=MAX_ROOTS)]
    timestamp: Metadata | None = None
    snapshot: Metadata | None = None
    bundle: Annotated[bytes, Meta(min_length=1, max_length=MAX_BUNDLE_BYTES)] | None = None
    seen: SeenTime | None = None

    def __repr__(self) -> str:
        return f"Kept({self.site}, {len(self.roots)} roots, {'a' if self.bundle else 'no'} bundle)"


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Kept)


def freeze(kept: Kept) -> bytes:
    """The bytes that the vault stores."""
    return _ENCODER.encode(kept)


def thaw(data: bytes) -> Kept:
    """The value in `data`. Raises `StateDamaged` (rule 3); the signatures inside are looked at by `restore`."""
    if len(data) > MAX_KEPT_BYTES:
        raise StateDamaged(f"the stored consent state has {len(data)} bytes, too many", hint=_PROVISION)
    try:
        kept = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StateDamaged(f"the stored consent state is damaged: {because(error)}", hint=_PROVISION) from None
    if _ENCODER.encode(kept) != data:
        raise StateDamaged("the stored consent state is damaged", hint=_PROVISION)
    return kept


_PROVISION = "provision the gate anew; it then waits for the beacon's word before it uses a face"
