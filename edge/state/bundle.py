"""Everything a gate needs to believe a site's consent state, in one object.

Rule 1.  A bundle is MessagePack of one map: the whole chain of roots since the site began, one timestamp, snapshot,
         targets and suspend file, and the three files that they vouch for. A gate that was away for a year needs no
         more, and nothing older.
Rule 2.  Its parts have fixed names, counted and bounded here before a signature is looked at; at most
         `MAX_BUNDLE_BYTES` in all. It holds bytes, and no path or name from outside (threats 2, 15).
Rule 3.  Each bundle has one text. What does not re-encode to the same bytes is refused, so that the SHA-256 of a bundle
         means one thing, and so that a length that lies, or bytes after the end, are errors.

Nothing here is signed by itself: the signatures are inside the parts, and `edge.state.trust` looks at them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from edge.core.status_list import MAX_DEFLATED_BYTES
from edge.state.errors import StateDamaged, because
from edge.state.shapes import MAX_FILE_BYTES, MAX_METADATA_BYTES, Site

MAX_BUNDLE_BYTES = 4 * 1024 * 1024
MAX_ROOTS = 256
"""Rotations of a site's life; python-tuf follows as many."""

Metadata = Annotated[bytes, Meta(min_length=1, max_length=MAX_METADATA_BYTES)]
Deflated = Annotated[bytes, Meta(min_length=1, max_length=MAX_DEFLATED_BYTES)]


class Bundle(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rule 1. `status` and `suspended` are deflated status lists, `policy` is JSON; `roots[0]` is version 1."""

    type: Literal["edge-gate/state/1"] = "edge-gate/state/1"
    site: Site
    roots: Annotated[tuple[Metadata, ...], Meta(min_length=1, max_length=MAX_ROOTS)]
    timestamp: Metadata
    snapshot: Metadata
    targets: Metadata
    suspend: Metadata
    status: Deflated
    policy: Annotated[bytes, Meta(min_length=1, max_length=MAX_FILE_BYTES)]
    suspended: Deflated

    def __repr__(self) -> str:
        return f"Bundle({self.site}, {len(self.roots)} roots)"


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Bundle)


def pack(bundle: Bundle) -> bytes:
    """The bytes of `bundle`. Raises `StateDamaged` where `unpack` would."""
    data = _ENCODER.encode(bundle)
    unpack(data)
    return data


def unpack(data: bytes) -> Bundle:
    """The bundle in `data`, whose parts nobody has verified. Raises `StateDamaged`."""
    if len(data) > MAX_BUNDLE_BYTES:
        raise StateDamaged(f"a bundle of {len(data)} bytes is above the limit of {MAX_BUNDLE_BYTES}", hint=_AGAIN)
    try:
        bundle = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StateDamaged(f"the bytes are no bundle: {because(error)}", hint=_AGAIN) from None
    if _ENCODER.encode(bundle) != data:
        raise StateDamaged("a bundle is not in its canonical form", hint=_AGAIN)
    return bundle


_AGAIN = "wait for the broker to send the site's state again, or bring it as a file"
