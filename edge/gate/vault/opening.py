"""Where a vault lies, and how one comes into being.

Rule 1.  A vault is a folder with three files: the database and two key slots. A folder with only some of them is a
         damaged vault. It is never filled up, and never mistaken for a first start.
Rule 2.  A new vault is made beside its place and moved there whole, by one rename. So a crash while it is being made
         leaves either no trace in its place, or a whole vault.
Rule 3.  A folder that is absent or empty gets a new vault. Whoever can delete all files of a gate can also delete every
         mark that they were there; it is the site that notices, by the receipts and counts that it has.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from edge.core.values import GateId, SiteId
from edge.gate.vault import seal
from edge.gate.vault.database import Database
from edge.gate.vault.errors import VaultDamaged, VaultFailed
from edge.gate.vault.slots import FileSlot
from edge.gate.vault.store import Owner, SealedStore
from edge.gate.vault.vault import Vault
from edge.ports import Clock

DATABASE = "vault.sqlite"
SLOTS = ("slot-a.key", "slot-b.key")
_FOLDER_MODE = 0o700


def open_vault(folder: Path, *, site: SiteId, gate: GateId, issuers: Sequence[str], clock: Clock) -> Vault:
    """Open and heal the vault in `folder`; make one where there is no trace of any.

    Args:
        folder: a folder of its own, for this vault only.
        site: the site that every consent must name.
        gate: the gate that every consent must name.
        issuers: Ed25519 public keys (hex) whose signatures make a consent.
        clock: the calendar for dates, the boot clock for retention.

    Raises:
        VaultDamaged: what is there is not what was written last. Nothing was changed.
        VaultInUse: another process has it open.
        VaultFull, VaultFailed: the disk does not do its work.
    """
    owner = Owner(site, gate)
    present = _names(folder)
    if not present:
        make(folder, owner)
    elif present.isdisjoint({DATABASE, f"{DATABASE}-wal", *SLOTS}):
        raise VaultFailed(f"{folder} holds other files", hint="give the vault a folder of its own (`paths.state`)")
    elif missing := sorted({DATABASE, *SLOTS} - present):
        raise VaultDamaged(folder, f"{', '.join(missing)} missing from it")
    database = Database(folder / DATABASE)
    try:
        slots = FileSlot(folder / SLOTS[0]), FileSlot(folder / SLOTS[1])
        store = SealedStore(folder, database, slots, owner)
        return Vault(folder, store, site=site, gate=gate, issuers=issuers, clock=clock)
    except BaseException:
        database.close()
        raise


def _names(folder: Path) -> set[str]:
    try:
        return {entry.name for entry in os.scandir(folder)}
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise VaultFailed(f"the vault's folder {folder} cannot be read: {error.strerror}", hint=_FOLDER) from None


def make(folder: Path, owner: Owner) -> None:
    """A new vault, moved to its place whole (rule 2). Raises `VaultFailed`."""
    new = folder.with_name(f"{folder.name}.new")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if new.exists():  # a crash while making one; nothing was ever stored in it
            shutil.rmtree(new)
        new.mkdir(mode=_FOLDER_MODE)
        slots = FileSlot.create(new / SLOTS[0]), FileSlot.create(new / SLOTS[1])
        SealedStore.create(new / DATABASE, slots, owner, seal.fastest())
        _sync(new)
        new.rename(folder)
        _sync(folder.parent)
    except OSError as error:
        raise VaultFailed(f"no vault can be made in {folder}: {error.strerror}", hint=_FOLDER) from None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_FOLDER = "check that the folder above it exists, is on a writable disk, and belongs to the user that the gate runs as"
