"""Flatbuffers, written front to back: tables, vectors and texts, each behind whatever points to it.

We write them ourselves because the digest of a converted model is part of its recipe: the library's builder orders and
pads differently from version to version, and the bytes would follow. The format is fixed (flatbuffers' "internals"
page): a table opens with the signed distance back to its vtable, which lists where each slot lies; every other pointer
is the unsigned distance forward; vectors open with their length; everything is little-endian and lies at a multiple of
its own size.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_POINTER_BYTES = 4
_IDENTIFIER_BYTES = 4
_VTABLE_HEAD_BYTES = 4

Format = Literal["?", "b", "B", "i", "I", "f", "q"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number inside a table, in the notation of `struct`."""

    format: Format
    value: float


@dataclass(frozen=True, slots=True)
class Numbers:
    """A vector of numbers."""

    format: Format
    values: Sequence[float] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Blob:
    """A vector of bytes whose first byte lies at a multiple of `alignment`."""

    content: bytes = field(repr=False)
    alignment: int = 1


@dataclass(frozen=True, slots=True)
class Text:
    """A text; zero-terminated beyond its length, as the format wants it."""

    value: str


@dataclass(frozen=True, slots=True)
class Table:
    """Fields by slot; a slot that is left out has the schema's default."""

    fields: Mapping[int, Scalar | Child]


@dataclass(frozen=True, slots=True)
class Tables:
    """A vector of tables."""

    tables: Sequence[Table] = field(repr=False)


Child = Numbers | Blob | Text | Table | Tables


def encode(root: Table, identifier: bytes) -> bytes:
    """The file with `root` as its root table and four bytes of `identifier`."""
    writer = _Writer()
    writer.out += bytes(_POINTER_BYTES) + identifier[:_IDENTIFIER_BYTES]
    writer.point(0, root)
    return bytes(writer.out)


class _Writer:
    def __init__(self) -> None:
        self.out = bytearray()

    def point(self, at: int, child: Child) -> None:
        """Write `child` at the end, and at `at` the distance to it."""
        match child:
            case Table():
                found = self._table(child)
            case Tables():
                found = self._tables(child)
            case Numbers():
                found = self._vector(len(child.values), struct.calcsize(child.format))
                self.out += struct.pack(f"<{len(child.values)}{child.format}", *child.values)
            case Blob():
                found = self._vector(len(child.content), child.alignment)
                self.out += child.content
            case Text():
                raw = child.value.encode()
                found = self._vector(len(raw), 1)
                self.out += raw + b"\0"
        struct.pack_into("<I", self.out, at, found - at)

    def _table(self, table: Table) -> int:
        # Widest first, so that every field is aligned without gaps; our tables hold nothing wider than a pointer.
        ordered = sorted(table.fields.items(), key=lambda item: (-_width(item[1]), item[0]))
        places, size = {}, _POINTER_BYTES
        for slot, value in ordered:
            places[slot] = size
            size += _width(value)
        slots = max(table.fields, default=-1) + 1
        head = struct.pack(
            f"<{slots + 2}H", _VTABLE_HEAD_BYTES + 2 * slots, size, *(places.get(s, 0) for s in range(slots))
        )
        self._pad(_POINTER_BYTES, ahead=len(head))
        vtable = len(self.out)
        self.out += head
        start = len(self.out)
        self.out += struct.pack("<i", start - vtable) + bytes(size - _POINTER_BYTES)
        for slot, value in ordered:
            if isinstance(value, Scalar):
                struct.pack_into(f"<{value.format}", self.out, start + places[slot], value.value)
        for slot, value in sorted(table.fields.items()):
            if not isinstance(value, Scalar):
                self.point(start + places[slot], value)
        return start

    def _tables(self, tables: Tables) -> int:
        found = self._vector(len(tables.tables), _POINTER_BYTES)
        first = len(self.out)
        self.out += bytes(_POINTER_BYTES * len(tables.tables))
        for number, table in enumerate(tables.tables):
            self.point(first + _POINTER_BYTES * number, table)
        return found

    def _vector(self, length: int, alignment: int) -> int:
        """Open a vector so that its first element is aligned; where its length lies."""
        self._pad(max(alignment, _POINTER_BYTES), ahead=_POINTER_BYTES)
        self.out += struct.pack("<I", length)
        return len(self.out) - _POINTER_BYTES

    def _pad(self, alignment: int, *, ahead: int) -> None:
        """Zeros until what follows `ahead` more bytes lies at a multiple of `alignment`."""
        self.out += bytes(-(len(self.out) + ahead) % alignment)


def _width(value: Scalar | Child) -> int:
    return struct.calcsize(value.format) if isinstance(value, Scalar) else _POINTER_BYTES
