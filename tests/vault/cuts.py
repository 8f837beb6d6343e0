"""Cutting a vault off between any two steps of what it does to its storage.

A `Fuse` counts every operation on the database and the slots, before and after it is done, and burns at a given count.
From then on nothing reaches the disk any more, as if the process had been killed. What the disk holds at that moment is
copied away and opened like after a restart. (Cuts of the *power*, where unsynced writes are lost too, are for a
recording file system.)
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from edge.gate.vault import Vault
from edge.gate.vault.database import Database, Head, Row
from edge.gate.vault.opening import DATABASE, SLOTS
from edge.gate.vault.seal import Key
from edge.gate.vault.slots import Destruction, FileSlot
from edge.gate.vault.store import SealedStore
from tests.consent.documents import GATE, SITE
from tests.vault.world import ISSUERS, OWNER, HandClock

T = TypeVar("T")


class Cut(Exception):
    """The process is gone."""


class Fuse:
    """Burns at the `burns_at`-th moment; 0 never does. `steps` are the names of the operations so far."""

    def __init__(self, burns_at: int = 0) -> None:
        self.burns_at, self.moments, self.burnt = burns_at, 0, False
        self.steps: list[str] = []

    def around(self, name: str, work: Callable[[], T]) -> T:
        self._moment()
        self.steps.append(name)
        done = work()
        self._moment()
        return done

    def _moment(self) -> None:
        self.moments += 1
        if self.burnt or self.moments == self.burns_at:
            self.burnt = True
            raise Cut


class FusedSlot:
    """A file slot behind a fuse."""

    def __init__(self, path: Path, fuse: Fuse) -> None:
        self._slot, self._fuse = FileSlot(path), fuse
        self.name = self._slot.name
        self.destruction: Destruction = self._slot.destruction

    def write(self, epoch: int, key: Key) -> None:
        self._fuse.around(f"write {self.name}", lambda: self._slot.write(epoch, key))

    def read(self) -> tuple[int, Key] | None:
        return self._slot.read()

    def wipe(self) -> None:
        self._fuse.around(f"wipe {self.name}", self._slot.wipe)


class FusedDatabase(Database):
    """The database behind a fuse."""

    def __init__(self, path: Path, fuse: Fuse) -> None:
        self._fuse = fuse
        super().__init__(path)

    def replace(self, head: Head, writes: Iterable[Row], removals: Iterable[int]) -> None:
        self._fuse.around("commit", lambda: Database.replace(self, head, writes, removals))

    def truncate_log(self) -> None:
        self._fuse.around("truncate the log", lambda: Database.truncate_log(self))


def open_fused(folder: Path, clock: HandClock, fuse: Fuse) -> Vault:
    """Open an existing vault with its storage behind a fuse (which should be lit only afterwards)."""
    slots = FusedSlot(folder / SLOTS[0], fuse), FusedSlot(folder / SLOTS[1], fuse)
    store = SealedStore(folder, FusedDatabase(folder / DATABASE, fuse), slots, OWNER)
    return Vault(folder, store, site=SITE, gate=GATE, issuers=ISSUERS, clock=clock)


def killed_at(folder: Path, clock: HandClock, moment: int, work: Callable[[Vault], Any]) -> tuple[Path, bool]:
    """Do `work` on the vault in `folder` and kill it at a moment.

    Returns:
        the folder as a restart would find it, and whether the work had been acknowledged before the kill.
    """
    fuse = Fuse()
    vault = open_fused(folder, clock, fuse)
    fuse.moments, fuse.burns_at, fuse.steps = 0, moment, []
    try:
        work(vault)
        acknowledged = True
    except Cut:
        acknowledged = False
    after = folder.with_name(f"{folder.name}-cut-{moment}")
    shutil.copytree(folder, after)  # before closing: to close is to tidy up, and nobody did
    vault.close()
    return after, acknowledged


def killed_while_opening(folder: Path, clock: HandClock, moment: int) -> Path:
    """Kill a start at a moment; the folder as the next start would find it."""
    fuse = Fuse(moment)
    database = FusedDatabase(folder / DATABASE, fuse)
    slots = FusedSlot(folder / SLOTS[0], fuse), FusedSlot(folder / SLOTS[1], fuse)
    after = folder.with_name(f"{folder.name}-opened-{moment}")
    try:
        Vault(folder, SealedStore(folder, database, slots, OWNER), site=SITE, gate=GATE, issuers=ISSUERS, clock=clock)
    except Cut:
        shutil.copytree(folder, after)
    finally:
        database.close()
    return after


def moments_of(folder: Path, clock: HandClock, work: Callable[[Vault], Any]) -> tuple[int, list[str]]:
    """How many moments `work` has, and its steps; done on a copy."""
    copy = folder.with_name(f"{folder.name}-counted")
    shutil.copytree(folder, copy)
    fuse = Fuse()
    vault = open_fused(copy, clock, fuse)
    fuse.moments, fuse.steps = 0, []
    work(vault)
    moments, steps = fuse.moments, list(fuse.steps)
    vault.close()
    shutil.rmtree(copy)
    return moments, steps
