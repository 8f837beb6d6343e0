"""The two places that can hold the epoch key, one of them at a time.

Rule 1.  A slot holds one key with its epoch's number, or nothing. `write` and `wipe` return only when the storage
         reports that it is done, and `wipe` only after it has read back that nothing is left.
Rule 2.  What is in a slot that the database does not name is worth nothing: it is overwritten without being read.
Rule 3.  A slot says how surely it destroys. `tpm-nv`: the old content cannot be had back from the chip. `logical`: it
         is gone for everybody who reads the storage through its controller; flash and journals may keep old copies.

`FileSlot` is the plain file, 64 bytes, overwritten in place, so it needs no free space and no new directory entry:
`EGSLOT1` and a newline, epoch (u64, little endian), key (32 bytes),
the first 16 bytes of SHA-256 over all before; or 64 zero bytes.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Literal, Protocol

from edge.gate.vault.errors import VaultFailed
from edge.gate.vault.seal import KEY_BYTES, Key

Destruction = Literal["tpm-nv", "logical"]

SLOT_BYTES = 64
_MAGIC = b"EGSLOT1\n"
_EPOCH_BYTES = 8
_CHECK_AT = len(_MAGIC) + _EPOCH_BYTES + KEY_BYTES


class KeySlot(Protocol):
    """One place for an epoch key. Every adapter raises `VaultFailed` when its storage does not do as told."""

    @property
    def name(self) -> str:
        """What people call it, for messages."""
        ...

    @property
    def destruction(self) -> Destruction:
        """Rule 3."""
        ...

    def write(self, epoch: int, key: Key) -> None:
        """Replace the content, durably."""
        ...

    def read(self) -> tuple[int, Key] | None:
        """The epoch and key; None if there is none."""
        ...

    def wipe(self) -> None:
        """Destroy the content, durably, and check in the storage itself that it is gone."""
        ...


class FileSlot:
    """A key in a file that only its owner may read."""

    destruction: Destruction = "logical"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = path.name

    @staticmethod
    def create(path: Path) -> FileSlot:
        """A new, wiped slot. Raises `VaultFailed`."""
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise _failed(path.name, "created", error) from None
        slot = FileSlot(path)
        slot._put(bytes(SLOT_BYTES))
        return slot

    def write(self, epoch: int, key: Key) -> None:
        """See `KeySlot`."""
        content = _MAGIC + epoch.to_bytes(_EPOCH_BYTES, "little") + key.reveal()
        self._put(content + hashlib.sha256(content).digest()[: SLOT_BYTES - _CHECK_AT])

    def read(self) -> tuple[int, Key] | None:
        """See `KeySlot`."""
        content = self._get()
        body = content[:_CHECK_AT]
        if len(content) != SLOT_BYTES or not content.startswith(_MAGIC):
            return None
        if hashlib.sha256(body).digest()[: SLOT_BYTES - _CHECK_AT] != content[_CHECK_AT:]:
            return None  # torn by a power cut while it was the spare one
        epoch = int.from_bytes(body[len(_MAGIC) : -KEY_BYTES], "little")
        return epoch, Key(body[-KEY_BYTES:])

    def wipe(self) -> None:
        """See `KeySlot`."""
        if self._get() == bytes(SLOT_BYTES):
            return  # every start wipes the spare slot; storage that wears is not written for nothing
        self._put(bytes(SLOT_BYTES))
        if self._get(past_the_cache=True) != bytes(SLOT_BYTES):
            raise VaultFailed(f"key slot {self.name} still holds data after it was overwritten", hint=_REPLACE)

    def _put(self, content: bytes) -> None:
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if os.pwrite(handle, content, 0) != len(content):
                    raise VaultFailed(f"key slot {self.name} was written in part only", hint=_REPLACE)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise _failed(self.name, "written", error) from None

    def _get(self, *, past_the_cache: bool = False) -> bytes:
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                if past_the_cache:  # the claim is about the storage, not about our page cache; takes milliseconds
                    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                return os.read(handle, SLOT_BYTES + 1)
            finally:
                os.close(handle)
        except OSError as error:
            raise _failed(self.name, "read", error) from None

    def __repr__(self) -> str:
        return f"FileSlot({self.name})"


def _failed(name: str, what: str, error: OSError) -> VaultFailed:
    return VaultFailed(f"key slot {name} cannot be {what}: {error.strerror}", hint=_REPLACE)


_REPLACE = "check the storage under the vault's folder (mounted, writable, not worn out), then start the gate again"
