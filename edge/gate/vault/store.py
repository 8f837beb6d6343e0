"""Sealed chunks that change all at once, and whose past is destroyed with its key.

Rule 1.  Every commit begins a new *epoch* with a new epoch key; there is no other kind of write. So every change is
         made with the care of an erasure, and an older copy of the database never fits the slots again (threat 18).
Rule 2.  The order of a commit, which leaves no instant with nothing readable and none with everything:
         1. the new epoch key is written to the spare slot, durably;
         2. chunks, key table, epoch and live slot are committed to the database, durably;
         3. the write-ahead log is truncated;
         4. the old slot is overwritten, durably;
         5. absence is verified: what is on the disk is read back and compared.
Rule 3.  A crash after any step is healed by `__init__`: the database names the live slot, the other one is wiped and
         the log is truncated. Before step 2 that is the old state, after it the new one.
Rule 4.  Healing begins only after the live slot has opened the key table and every row stands in it. A restored or
         mixed up vault is damage, and nothing of it is touched, so that the right files can still be put back.
Rule 5.  A commit that raised leaves it open which state is on the disk; the store then refuses everything until it is
         opened anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.gate.vault import table as key_table
from edge.gate.vault.database import Database, Head, Row, create_database
from edge.gate.vault.errors import SealBroken, VaultDamaged, VaultFailed
from edge.gate.vault.seal import (
    NONCE_BYTES,
    TAG_BYTES,
    Cipher,
    Key,
    place_of,
    seal,
    seal_again,
    unseal,
    unseal_again,
    unseal_into,
    wipe,
)
from edge.gate.vault.slots import Destruction, KeySlot
from edge.gate.vault.table import MAX_CHUNKS, ChunkId, Entry, Kind, Table

FORMAT = 1
Slots = tuple[KeySlot, KeySlot]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose store this is: part of every seal."""

    site: str
    gate: str

    def table_place(self, epoch: int, slot: int) -> bytes:
        """Where a key table belongs."""
        return place_of("keys", self.site, self.gate, epoch, slot)

    def chunk_place(self, row: int, sequence: int) -> bytes:
        """Where a chunk belongs."""
        return place_of("chunk", self.site, self.gate, row, sequence)


class SealedStore:
    """All chunks of one vault. One thread at a time."""

    def __init__(self, folder: Path, database: Database, slots: Slots, owner: Owner) -> None:
        """Open and heal (rules 3 and 4). Raises `VaultDamaged`, `VaultFailed`."""
        self._folder, self._database, self._slots, self._owner = folder, database, slots, owner
        head = database.head()
        self._check_owner(head)
        self._cipher = Cipher(head.cipher)
        self._epoch, self._live = head.epoch, head.slot
        self._table = self._open_table(head)
        self._check_rows()
        self._sound = True
        slots[1 - self._live].wipe()
        database.truncate_log()
        self._digest = _digest(head)

    @staticmethod
    def create(path: Path, slots: Slots, owner: Owner, cipher: Cipher) -> None:
        """Make an empty store: a database at `path`, and its first epoch key in the first slot."""
        key = Key.fresh()
        slots[0].write(1, key)
        empty = seal_again(cipher, key, key_table.encode(1, {}), owner.table_place(1, 0))
        create_database(path, Head(FORMAT, owner.site, owner.gate, cipher, epoch=1, slot=0, keys=empty))
        key.wipe()

    @property
    def cipher(self) -> Cipher:
        """What seals the chunks."""
        return self._cipher

    @property
    def epoch(self) -> int:
        """Counts the commits, from 1."""
        return self._epoch

    @property
    def digest(self) -> str:
        """SHA-256 of the sealed key table on the disk: it names everything that the store holds."""
        return self._digest

    @property
    def destruction(self) -> Destruction:
        """How surely old keys are gone: the weaker of the two slots."""
        return "tpm-nv" if all(slot.destruction == "tpm-nv" for slot in self._slots) else "logical"

    def chunks(self, kind: Kind) -> list[int]:
        """Numbers of the chunks of one kind, rising."""
        return sorted(chunk.number for chunk in self._table if chunk.kind is kind)

    def plain_bytes(self, kind: Kind) -> int:
        """Bytes of plaintext in all chunks of one kind together."""
        return sum(
            max(0, length - TAG_BYTES)
            for row, (_, length) in self._database.listing().items()
            if ChunkId.of(row).kind is kind
        )

    def read(self, chunk: ChunkId) -> bytearray:
        """The plaintext of one chunk, for the caller to wipe. Raises `KeyError` if there is no such chunk."""
        self._check_sound()
        entry = self._table[chunk]
        for _, _, sealed in self._database.rows(chunk.row, chunk.row):
            try:
                return unseal(self._cipher, entry.key, sealed, self._owner.chunk_place(chunk.row, entry.sequence))
            except SealBroken:
                raise self._broken(chunk) from None
        raise VaultDamaged(self._folder, f"{_shown(chunk)} is missing")

    def scan(self, kind: Kind) -> Iterator[tuple[ChunkId, memoryview]]:
        """Every chunk of one kind in order. The plaintext is lent until the next step, then overwritten."""
        self._check_sound()
        buffer = bytearray()
        try:
            for row, _, sealed in self._database.rows(ChunkId(kind, 0).row, ChunkId(kind, 2**32 - 1).row):
                chunk, length = ChunkId.of(row), max(0, len(sealed) - TAG_BYTES)
                if len(buffer) < length:
                    wipe(buffer)
                    buffer = bytearray(length)
                entry, lent = self._table[chunk], memoryview(buffer)[:length]
                try:
                    unseal_into(
                        self._cipher, entry.key, sealed, self._owner.chunk_place(chunk.row, entry.sequence), lent
                    )
                except SealBroken:
                    raise self._broken(chunk) from None
                yield chunk, lent
        finally:
            wipe(buffer)

    def commit(self, writes: Mapping[ChunkId, bytes | bytearray], removals: Collection[ChunkId] = ()) -> None:
        """Rule 2. When it returns, the new state is durable and no key on the disk opens what it replaced.

        Raises:
            VaultFull, VaultFailed: the storage did not do it; open the store anew to learn which state it is in.
        """
        self._check_sound()
        if len(self._table) + len(writes) > MAX_CHUNKS:
            raise VaultFailed(f"the vault holds its limit of {MAX_CHUNKS} chunks", hint="erase what is not needed")
        self._sound = False
        epoch, slot, key = self._epoch + 1, 1 - self._live, Key.fresh()
        table = {chunk: entry for chunk, entry in self._table.items() if chunk not in removals}
        rows: list[Row] = []
        for chunk, plaintext in writes.items():
            table[chunk] = entry = Entry(epoch, Key.fresh())
            place = self._owner.chunk_place(chunk.row, epoch)
            rows.append((chunk.row, epoch, seal(self._cipher, entry.key, plaintext, place)))
        plain = key_table.encode(epoch, table)
        keys = seal_again(self._cipher, key, plain, self._owner.table_place(epoch, slot))
        wipe(plain)
        head = Head(FORMAT, self._owner.site, self._owner.gate, self._cipher, epoch, slot, keys)

        self._slots[slot].write(epoch, key)
        self._database.replace(head, rows, [chunk.row for chunk in removals])
        self._database.truncate_log()
        self._slots[self._live].wipe()

        key.wipe()
        for chunk in {*writes, *removals} & self._table.keys():
            self._table[chunk].key.wipe()
        self._epoch, self._live, self._table = epoch, slot, table
        self._verify(rows)
        self._sound = True

    def close(self) -> None:
        """Forget all keys and let go of the files."""
        for entry in self._table.values():
            entry.key.wipe()
        self._sound = False
        self._database.close()

    # ---------------------------------------------------------------------------------------

    def _verify(self, rows: list[Row]) -> None:
        """Step 5: the slots, the head and the rows that were written, as they are on the disk now."""
        self._database.forget_cache()
        if self._slots[1 - self._live].read() is not None:
            raise VaultFailed("the old epoch key is still in its slot after it was overwritten", hint=_REPLACE)
        head = self._database.head()
        if (head.epoch, head.slot) != (self._epoch, self._live):
            raise VaultFailed("the disk under the vault gives back another epoch than was written", hint=_REPLACE)
        found = self._open_table(head)
        if {chunk: entry.sequence for chunk, entry in found.items()} != {
            chunk: entry.sequence for chunk, entry in self._table.items()
        }:
            raise VaultFailed("the disk under the vault gives back another key table than was written", hint=_REPLACE)
        self._check_rows()
        for row in rows:
            if list(self._database.rows(row[0], row[0])) != [row]:
                raise VaultFailed("the disk under the vault gives back another chunk than was written", hint=_REPLACE)
        self._digest = _digest(head)

    def _check_owner(self, head: Head) -> None:
        if head.format != FORMAT:
            raise VaultDamaged(self._folder, f"its format is {head.format}, and this edge-gate knows {FORMAT}")
        if (head.site, head.gate) != (self._owner.site, self._owner.gate):
            raise VaultDamaged(
                self._folder, f"it says that it belongs to gate {head.gate[:64]!r} of site {head.site[:64]!r}"
            )
        if head.cipher not in list(Cipher) or head.slot not in (0, 1) or len(head.keys) < NONCE_BYTES + TAG_BYTES:
            raise VaultDamaged(self._folder, "the head of its database is not one of ours")

    def _open_table(self, head: Head) -> Table:
        slot = self._slots[head.slot]
        held = slot.read()
        if held is None:
            raise VaultDamaged(self._folder, f"key slot {slot.name}, which its database names, holds no key")
        epoch, key = held
        try:
            if epoch != head.epoch:
                raise VaultDamaged(
                    self._folder,
                    f"its database is of epoch {head.epoch} and key slot {slot.name} of epoch {epoch}: they do not "
                    f"belong together, an older copy of one of them was put back",
                )
            place = self._owner.table_place(head.epoch, head.slot)
            plain = unseal_again(Cipher(head.cipher), key, head.keys, place)
            try:
                return key_table.decode(head.epoch, plain)
            finally:
                wipe(plain)
        except SealBroken:
            raise VaultDamaged(self._folder, f"its key table does not open with the key in slot {slot.name}") from None
        finally:
            key.wipe()

    def _check_rows(self) -> None:
        listed = {chunk.row: entry.sequence for chunk, entry in self._table.items()}
        found = {row: sequence for row, (sequence, _) in self._database.listing().items()}
        if listed == found:
            return
        missing, added = len(listed.keys() - found.keys()), len(found.keys() - listed.keys())
        other = sum(found[row] != listed[row] for row in listed.keys() & found.keys())
        raise VaultDamaged(
            self._folder, f"of its rows {missing} are missing, {added} were added and {other} are not the last ones"
        )

    def _check_sound(self) -> None:
        if not self._sound:
            raise VaultFailed("the vault must be opened anew after its last change failed", hint=_REPLACE)

    def _broken(self, chunk: ChunkId) -> VaultDamaged:
        return VaultDamaged(self._folder, f"{_shown(chunk)} does not open: it was changed, moved or put back")


def _digest(head: Head) -> str:
    return hashlib.sha256(head.keys).hexdigest()


def _shown(chunk: ChunkId) -> str:
    return f"chunk {chunk.number} of its {chunk.kind.name.lower()}"


_REPLACE = "check the disk under the vault's folder (mounted, writable, not worn out), then start the gate again"
