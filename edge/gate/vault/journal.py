"""The journal of changes: who changed what and when, under pseudonyms. It is written in the commit of the change.

Entries fill chunk after chunk; a full chunk is never rewritten, and the oldest chunk goes when there are too many. So
the journal is bounded, and a change rewrites at most `ENTRIES_A_CHUNK` entries.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.gate.vault.notes import ENTRIES_A_CHUNK, JOURNAL_CHUNKS, Entry, encode
from edge.gate.vault.table import ChunkId, Kind


class Journal:
    """The newest chunk, and the numbers of all. A journal never changes; `noted` makes the next one."""

    def __init__(self, numbers: Sequence[int], newest: tuple[Entry, ...]) -> None:
        self._numbers, self._newest = tuple(numbers), newest

    def noted(self, entry: Entry) -> tuple[Journal, ChunkId, bytearray, list[ChunkId]]:
        """With one entry more: the journal, the chunk to write with its content, and the chunks to remove."""
        if self._numbers and len(self._newest) < ENTRIES_A_CHUNK:
            numbers, newest = self._numbers, (*self._newest, entry)
        else:
            numbers, newest = (*self._numbers, self._numbers[-1] + 1 if self._numbers else 0), (entry,)
        kept, old = numbers[-JOURNAL_CHUNKS:], numbers[:-JOURNAL_CHUNKS]
        removals = [ChunkId(Kind.JOURNAL, number) for number in old]
        return Journal(kept, newest), ChunkId(Kind.JOURNAL, kept[-1]), encode(newest), removals
