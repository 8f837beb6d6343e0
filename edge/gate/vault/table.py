"""The key table: which chunks exist, which write of each is the valid one, and the key that opens it.

It is the vault's only list. A row of the database that is not in it, or is missing, or carries another sequence, is
damage; so nobody can add a row (threat 14), drop one, swap two, or put an old one back (threat 18) without being seen.

Bytes, all integers little endian: `EGKEYS1` and a newline, epoch (u64), count (u32), then `count` entries in rising
order of chunk: chunk (u64), sequence (u64), key (32 bytes). Nothing follows.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from edge.gate.vault.errors import SealBroken
from edge.gate.vault.seal import Key

MAX_CHUNKS = 16_384
"""Entries of the table: 200,000 references with their consents need 3,516."""

_MAGIC = b"EGKEYS1\n"
_HEAD = struct.Struct("<8sQI")
_ENTRY = struct.Struct("<QQ32s")
_KIND_SHIFT = 32


class Kind(IntEnum):
    """What a chunk holds."""

    REFERENCES = 1
    CONSENTS = 2
    STATE = 3
    CARDS = 4
    JOURNAL = 5


class ChunkId(NamedTuple):
    """The kind and the number within it; `row` is the number of its row in the database."""

    kind: Kind
    number: int

    @property
    def row(self) -> int:
        """One integer for both."""
        return self.kind << _KIND_SHIFT | self.number

    @classmethod
    def of(cls, row: int) -> ChunkId:
        """The chunk of a row. Raises `ValueError` for an unknown kind."""
        return cls(Kind(row >> _KIND_SHIFT), row & (1 << _KIND_SHIFT) - 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """The valid write of one chunk: the epoch that wrote it, and its key."""

    sequence: int
    key: Key


Table = dict[ChunkId, Entry]


def encode(epoch: int, table: Table) -> bytearray:
    """The table's plaintext; the caller wipes it."""
    content = bytearray(_HEAD.pack(_MAGIC, epoch, len(table)))
    for chunk in sorted(table):
        content += _ENTRY.pack(chunk.row, table[chunk].sequence, table[chunk].key.reveal())
    return content


def decode(epoch: int, content: bytearray) -> Table:
    """The table in `content`, which must be that of `epoch`. Raises `SealBroken`."""
    if len(content) < _HEAD.size:
        raise SealBroken("the key table is too short")
    magic, wrote, count = _HEAD.unpack_from(content)
    if magic != _MAGIC or wrote != epoch or count > MAX_CHUNKS or len(content) != _HEAD.size + count * _ENTRY.size:
        raise SealBroken("the key table has another format")
    table: Table = {}
    last = -1
    for row, sequence, key in _ENTRY.iter_unpack(memoryview(content)[_HEAD.size :]):
        try:
            chunk = ChunkId.of(row)
        except ValueError:
            raise SealBroken("the key table names an unknown kind of chunk") from None
        if row <= last or not 0 < sequence <= epoch:
            raise SealBroken("the key table is not in order")
        table[chunk], last = Entry(sequence, Key(key)), row
    return table
