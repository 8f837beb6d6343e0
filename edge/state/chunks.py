"""A large object over a wire of small messages.

Rule 1.  An `Opening` comes first: total length, SHA-256, number of pieces. Then the pieces, numbered from 0, in order;
         all are full but the last.
Rule 2.  The length is bounded before a byte is kept, and no more is kept than was announced.
Rule 3.  A new opening drops what was gathered before. Anything else out of turn drops it too and is an error: half an
         object is no object, and the other side sends it again.
Rule 4.  The object exists when the last piece is there and the SHA-256 fits. That only says that it arrived whole; whom
         it comes from is for the signatures inside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from edge.state.bundle import MAX_BUNDLE_BYTES
from edge.state.errors import StateDamaged
from edge.state.shapes import Hex32

PIECE_BYTES = 60 * 1024
"""Of one piece; a message of 64 KiB has room for it and its names."""
MAX_PIECES = -(-MAX_BUNDLE_BYTES // PIECE_BYTES)


class Opening(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """Rule 1."""

    total: Annotated[int, Meta(ge=1, le=MAX_BUNDLE_BYTES)]
    sha256: Hex32
    pieces: Annotated[int, Meta(ge=1, le=MAX_PIECES)]


class Piece(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """One piece, at most `PIECE_BYTES`."""

    number: Annotated[int, Meta(ge=0, lt=MAX_PIECES)]
    data: Annotated[bytes, Meta(min_length=1, max_length=PIECE_BYTES)]

    def __repr__(self) -> str:
        return f"Piece({self.number}, {len(self.data)} bytes)"


def split(data: bytes) -> Iterator[Opening | Piece]:
    """`data` as messages. Raises `StateDamaged` if it is empty or above `MAX_BUNDLE_BYTES`."""
    if not 1 <= len(data) <= MAX_BUNDLE_BYTES:
        raise StateDamaged(f"{len(data)} bytes cannot be sent: 1 to {MAX_BUNDLE_BYTES} can", hint=_AGAIN)
    yield Opening(len(data), hashlib.sha256(data).hexdigest(), -(-len(data) // PIECE_BYTES))
    for number, at in enumerate(range(0, len(data), PIECE_BYTES)):
        yield Piece(number, data[at : at + PIECE_BYTES])


class Gatherer:
    """Puts one object together at a time."""

    def __init__(self) -> None:
        self._opening: Opening | None = None
        self._data = bytearray()

    def take(self, part: Opening | Piece) -> bytes | None:
        """The object if `part` completes it, otherwise None. Raises `StateDamaged` (rule 3)."""
        opening, self._opening = self._opening, None
        if isinstance(part, Opening):
            if part.pieces != -(-part.total // PIECE_BYTES):
                raise StateDamaged(f"{part.total} bytes do not make {part.pieces} pieces", hint=_AGAIN)
            self._opening, self._data = part, bytearray()
            return None
        if opening is None:
            raise StateDamaged(f"piece {part.number} came without an opening", hint=_AGAIN)
        at = len(self._data)
        if part.number != at // PIECE_BYTES or len(part.data) != min(PIECE_BYTES, opening.total - at):
            raise StateDamaged(f"piece {part.number} is out of turn or has the wrong length", hint=_AGAIN)
        self._data += part.data
        if len(self._data) < opening.total:
            self._opening = opening
            return None
        data, self._data = bytes(self._data), bytearray()
        if hashlib.sha256(data).hexdigest() != opening.sha256:
            raise StateDamaged("an object did not arrive as it was sent", hint=_AGAIN)
        return data


_AGAIN = "nothing to do: it is sent again; if it goes on, restart the link process"
