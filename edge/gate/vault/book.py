"""What the vault knows in memory, always the same as on the disk: roll, state, cards, journal. No templates but fresh
ones, which the first reader takes away.

`commit` is the only way to change it: first the disk, then memory, and nothing of it where the disk refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from edge.core.consent import STATUS_LIST_SIZE
from edge.core.values import ConsentId
from edge.errors import InputError
from edge.gate.vault import gallery, notes
from edge.gate.vault.cards import CardRegister
from edge.gate.vault.change import Change
from edge.gate.vault.errors import VaultDamaged
from edge.gate.vault.gallery import Matrix
from edge.gate.vault.journal import Journal
from edge.gate.vault.notes import CARDS, STATE, Entry, State
from edge.gate.vault.references import ChunkInvalid
from edge.gate.vault.seal import wipe
from edge.gate.vault.store import SealedStore
from edge.gate.vault.table import ChunkId, Kind

T = TypeVar("T")


class Book:
    """The contents of one open store. `rechecked`: see `edge.gate.vault.vault.Vault`."""

    def __init__(self, folder: Path, store: SealedStore) -> None:
        """Read and check everything. Raises `VaultDamaged`."""
        self._folder, self._store = folder, store
        with self.formats():
            self.roll, self._fresh = gallery.load(store)
            state = self.note(STATE, notes.decode_state) or State()
            self.cards = CardRegister.of(self.note(CARDS, notes.decode_cards))
            numbers = store.chunks(Kind.JOURNAL)
            newest = self.note(ChunkId(Kind.JOURNAL, numbers[-1]), notes.decode_entries) if numbers else None
        self._journal = Journal(numbers, newest or ())
        self.rechecked = state.owed
        if not self.rechecked.isdisjoint(self.roll.places):
            raise VaultDamaged(folder, "an erasure is noted as done, and its references are still there")
        self._on_disk = state
        self.state = msgspec.structs.replace(state, owed=frozenset())

    def entries(self) -> tuple[Entry, ...]:
        """The changes that are still on record, oldest first."""
        chunks = [ChunkId(Kind.JOURNAL, number) for number in self._store.chunks(Kind.JOURNAL)]
        with self.formats():
            return tuple(entry for chunk in chunks for entry in self.note(chunk, notes.decode_entries) or ())

    def note(self, chunk: ChunkId, decode: Callable[[bytearray], T]) -> T | None:
        """One chunk, decoded; None if there is no such chunk."""
        if chunk.number not in self._store.chunks(chunk.kind):
            return None
        content = self._store.read(chunk)
        try:
            return decode(content)
        finally:
            wipe(content)

    def take_fresh(self, model_sha256: str) -> Matrix | None:
        """All templates of a model, as the start has read them, for the first who asks; None for everybody else."""
        return self._fresh.pop(model_sha256, None)

    def commit(self, change: Change, entry: Entry | None, state: State | None = None) -> None:
        """Make a change, with its entry in the journal and the state that follows."""
        state = msgspec.structs.replace(state or self.state, spent=_latest((state or self.state).spent))
        if len(state.suspended) > STATUS_LIST_SIZE:
            raise InputError(f"more than {STATUS_LIST_SIZE} consents are suspended", hint="a site has no more of them")
        journal = self._journal
        if entry is not None:
            journal, chunk, content, old = journal.noted(entry)
            change.writes[chunk] = content
            change.removals.update(old)
        if state != self._on_disk:
            change.writes[STATE] = notes.encode(state)
        try:
            self._store.commit(change.writes, change.removals)
        finally:
            change.wipe()
            self.drop_fresh()
        self.roll, self._journal, self.state, self._on_disk = change.roll, journal, state, state

    def drop_fresh(self) -> None:
        """Overwrite what nobody took away."""
        for matrix in self._fresh.values():
            matrix.fill(0)
        self._fresh.clear()

    @contextmanager
    def formats(self) -> Iterator[None]:
        """A chunk that opens and is not of its format is damage."""
        try:
            yield
        except ChunkInvalid as error:
            raise VaultDamaged(self._folder, str(error)) from None


def _latest(spent: dict[ConsentId, int]) -> dict[ConsentId, int]:
    """At most as many used-up consents as a site can issue, those that expire last; no clock decides about it."""
    if len(spent) <= STATUS_LIST_SIZE:
        return spent
    return dict(sorted(spent.items(), key=lambda item: item[1])[-STATUS_LIST_SIZE:])
