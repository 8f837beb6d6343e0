"""A vault that is not what this gate wrote last: threats 14 and 18, every row and file. It is never an empty one."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.core.values import GateId, SiteId
from edge.gate.vault import VaultDamaged, VaultFailed, VaultInUse
from edge.gate.vault.opening import DATABASE, SLOTS
from edge.gate.vault.slots import SLOT_BYTES
from tests.vault.cuts import killed_at
from tests.vault.world import HandClock, cid, enrol, open_at, templates

PEOPLE = 70
"""Two chunks of papers, one of references."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed vault with people, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("whole") / "vault"
    clock = HandClock()
    vault = open_at(folder, clock)
    for number in range(1, PEOPLE + 1):
        enrol(vault, number)
    vault.add_card("12345678", "blue", operator="uid 1000")
    vault.suspend({cid(9999)}, why="withdrawn")
    vault.close()
    return folder


@pytest.fixture
def copy(whole: Path, folder: Path) -> Path:
    return Path(shutil.copytree(whole, folder))


def edit(folder: Path, *statements: str) -> None:
    """What somebody with the disk can do to the rows."""
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def refused(folder: Path, clock: HandClock, match: str) -> None:
    """The vault does not open, says why and what to do, and no file is touched by the attempt."""
    before = contents(folder)
    with pytest.raises(VaultDamaged, match=match) as caught:
        open_at(folder, clock)
    assert str(folder) in caught.value.message
    assert "move" in caught.value.hint
    assert contents(folder) == before


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but an empty log, which comes and goes."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {name: content for name, content in found.items() if content or "-wal" not in name}


ROWS: dict[str, tuple[str, ...]] = {
    "a row is added": ("INSERT INTO chunk VALUES ((1 << 32) + 7, 1, randomblob(500))",),
    "a row of an unknown kind is added": ("INSERT INTO chunk VALUES (7, 1, randomblob(500))",),
    "a row is copied": ("INSERT INTO chunk SELECT id + 9, sequence, sealed FROM chunk WHERE id = 1 << 32",),
    "a row of references is dropped": ("DELETE FROM chunk WHERE id = 1 << 32",),
    "the state is dropped, with all that was suspended": ("DELETE FROM chunk WHERE id >> 32 = 3",),
    "the journal is dropped": ("DELETE FROM chunk WHERE id >> 32 = 5",),
    "the cards are dropped": ("DELETE FROM chunk WHERE id >> 32 = 4",),
    "two rows are swapped": (
        "CREATE TEMP TABLE kept AS SELECT * FROM chunk WHERE id IN (2 << 32, (2 << 32) + 1)",
        "UPDATE chunk SET sealed = (SELECT sealed FROM kept WHERE id = (2 << 32) + 1) WHERE id = 2 << 32",
        "UPDATE chunk SET sealed = (SELECT sealed FROM kept WHERE id = 2 << 32) WHERE id = (2 << 32) + 1",
    ),
    "two rows of different kinds are swapped": (
        "CREATE TEMP TABLE kept AS SELECT * FROM chunk",
        "UPDATE chunk SET sealed = (SELECT sealed FROM kept WHERE id = 2 << 32) WHERE id = 1 << 32",
        "UPDATE chunk SET sealed = (SELECT sealed FROM kept WHERE id = 1 << 32) WHERE id = 2 << 32",
    ),
    "a byte of references is missing": (
        "UPDATE chunk SET sealed = CAST(substr(sealed, 1, 9) || x'' || substr(sealed, 11) AS BLOB) WHERE id = 1 << 32",
    ),
    "references are truncated": ("UPDATE chunk SET sealed = substr(sealed, 1, 100) WHERE id = 1 << 32",),
    "references are emptied": ("UPDATE chunk SET sealed = x'' WHERE id = 1 << 32",),
    "papers are emptied": ("UPDATE chunk SET sealed = x'' WHERE id = (2 << 32) + 1",),
    "a sequence is changed": ("UPDATE chunk SET sequence = sequence - 1 WHERE id = 1 << 32",),
    "the key table is emptied": ("UPDATE head SET keys = x''",),
    "the key table is another": ("UPDATE head SET keys = randomblob(length(keys))",),
    "the head is dropped": ("DELETE FROM head",),
    "the epoch is another": ("UPDATE head SET epoch = epoch + 1",),
    "the other slot is named": ("UPDATE head SET slot = 1 - slot",),
    "a slot is named that there is not": ("UPDATE head SET slot = 7",),
    "the cipher is another": ("UPDATE head SET cipher = 3 - cipher",),
    "the cipher is none": ("UPDATE head SET cipher = 0",),
    "the format is a newer one": ("UPDATE head SET format = 2",),
    "the site is another": ("UPDATE head SET site = 'other-court'",),
    "a trigger keeps what is deleted": (
        "CREATE TABLE kept (sealed BLOB)",
        "CREATE TRIGGER keep BEFORE DELETE ON chunk BEGIN INSERT INTO kept VALUES (old.sealed); END",
    ),
    "a table is a view": ("ALTER TABLE chunk RENAME TO real", "CREATE VIEW chunk AS SELECT * FROM real"),
    "everything is dropped": ("DROP TABLE chunk", "DROP TABLE head"),
}


@pytest.mark.parametrize("what", ROWS)
def test_no_row_can_be_touched(copy: Path, clock: HandClock, what: str) -> None:
    edit(copy, *ROWS[what])
    refused(copy, clock, "damaged")


Harm = Callable[[Path], object]


def cut(size: int, *names: str) -> Harm:
    def harm(folder: Path) -> None:
        for name in names:
            os.truncate(folder / name, size)

    return harm


def put(content: bytes, *names: str) -> Harm:
    def harm(folder: Path) -> None:
        for name in names:
            (folder / name).write_bytes(content)

    return harm


def remove(*names: str) -> Harm:
    def harm(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return harm


def leave_the_log(folder: Path) -> None:
    remove(DATABASE, *SLOTS)(folder)
    put(b"x", f"{DATABASE}-wal")(folder)


def swap_slots(folder: Path) -> None:
    (folder / SLOTS[0]).rename(folder / "x")
    (folder / SLOTS[1]).rename(folder / SLOTS[0])
    (folder / "x").rename(folder / SLOTS[1])


def flip_middle(folder: Path) -> None:
    content = bytearray((folder / DATABASE).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4096] = bytes(4096)
    (folder / DATABASE).write_bytes(content)


FILES: dict[str, Harm] = {
    "the database is gone": remove(DATABASE),
    "a slot is gone": remove(SLOTS[0]),
    "the other slot is gone": remove(SLOTS[1]),
    "only the database is left": remove(*SLOTS),
    "only the log is left": leave_the_log,
    "the slots are swapped": swap_slots,
    "both slots are wiped": put(bytes(SLOT_BYTES), *SLOTS),
    "both slots are noise": put(os.urandom(SLOT_BYTES), *SLOTS),
    "both slots are empty": cut(0, *SLOTS),
    "the database is truncated": cut(40_000, DATABASE),
    "the database is empty": cut(0, DATABASE),
    "the database is text": put(b"not a database, and never was one\n" * 100, DATABASE),
    "the middle of the database is zero": flip_middle,
}


@pytest.mark.parametrize("what", FILES)
def test_no_file_can_be_touched(copy: Path, clock: HandClock, what: str) -> None:
    FILES[what](copy)
    refused(copy, clock, "damaged")


@pytest.mark.parametrize("at", [0, 1, 50, 200, -1])
def test_no_bit_of_a_row_can_be_flipped(copy: Path, clock: HandClock, at: int) -> None:
    with contextlib.closing(sqlite3.connect(copy / DATABASE)) as db:
        rows = db.execute("SELECT id, sealed FROM chunk WHERE id >> 32 < 5").fetchall()
    assert len(rows) == 5
    for row, sealed in rows:
        edited = bytearray(sealed)
        edited[at % len(edited)] ^= 1
        edit(copy, f"UPDATE chunk SET sealed = x'{edited.hex()}' WHERE id = {row}")
        refused(copy, clock, "does not open")
        edit(copy, f"UPDATE chunk SET sealed = x'{sealed.hex()}' WHERE id = {row}")
    open_at(copy, clock).close()


def test_an_old_copy_of_the_database_does_not_bring_back_the_erased(copy: Path, clock: HandClock) -> None:
    old = (copy / DATABASE).read_bytes()
    vault = open_at(copy, clock)
    vault.erase({cid(3)}, why="withdrawn")
    vault.close()
    new = (copy / DATABASE).read_bytes()
    (copy / DATABASE).write_bytes(old)
    refused(copy, clock, "put back|holds no key")
    (copy / DATABASE).write_bytes(new)
    vault = open_at(copy, clock)
    assert cid(3) not in templates(vault)
    assert len(templates(vault)) == PEOPLE - 1
    vault.close()


@pytest.mark.parametrize("changes", range(1, 5))
def test_an_old_copy_is_noticed_after_any_number_of_changes(copy: Path, clock: HandClock, changes: int) -> None:
    """Also when the same slot is live again, and also when nothing but an enrolment came in between."""
    old = (copy / DATABASE).read_bytes()
    vault = open_at(copy, clock)
    for number in range(changes):
        enrol(vault, 500 + number)
    vault.close()
    (copy / DATABASE).write_bytes(old)
    refused(copy, clock, "put back|holds no key|does not open")


def test_an_older_copy_is_called_one(copy: Path, clock: HandClock) -> None:
    old = (copy / DATABASE).read_bytes()
    vault = open_at(copy, clock)
    enrol(vault, 500)
    enrol(vault, 501)
    vault.close()
    (copy / DATABASE).write_bytes(old)
    refused(copy, clock, "an older copy of one of them was put back")


def test_a_single_old_row_is_noticed(copy: Path, clock: HandClock) -> None:
    with contextlib.closing(sqlite3.connect(copy / DATABASE)) as db:
        row = db.execute("SELECT id, sequence, sealed FROM chunk WHERE id = 1 << 32").fetchone()
    vault = open_at(copy, clock)
    vault.erase({cid(3)}, why="withdrawn")
    vault.close()
    with contextlib.closing(sqlite3.connect(copy / DATABASE)) as db:
        db.execute("UPDATE chunk SET sealed = ? WHERE id = ?", (row[2], row[0]))
        db.commit()
    refused(copy, clock, "does not open")


def test_an_old_log_is_noticed_or_harmless(copy: Path, clock: HandClock) -> None:
    """A write-ahead log from before an erasure, laid beside the database of after it."""
    torn, _ = killed_at(copy, clock, 4, lambda vault: enrol(vault, 600))
    log = (torn / f"{DATABASE}-wal").read_bytes()
    vault = open_at(copy, clock)
    vault.erase({cid(3)}, why="withdrawn")
    vault.close()
    (copy / f"{DATABASE}-wal").write_bytes(log)
    try:
        vault = open_at(copy, clock)
    except VaultDamaged:
        return
    assert cid(3) not in templates(vault)
    assert cid(600) in templates(vault)
    vault.close()


def test_the_vault_of_another_gate_or_site_is_named(copy: Path, clock: HandClock) -> None:
    for changed in ({"gate": GateId("south")}, {"site": SiteId("other-court")}):
        with pytest.raises(VaultDamaged, match="belongs to gate 'north' of site 'garden-court'"):
            open_at(copy, clock, **changed)


def test_rows_of_another_gate_do_not_open_here(copy: Path, folder: Path, clock: HandClock) -> None:
    edit(copy, "UPDATE head SET gate = 'south'")
    with pytest.raises(VaultDamaged, match="key table does not open"):
        open_at(copy, clock, gate=GateId("south"))


def test_one_process_at_a_time(copy: Path, clock: HandClock) -> None:
    vault = open_at(copy, clock)
    with pytest.raises(VaultInUse, match="another process"):
        open_at(copy, clock)
    vault.close()
    open_at(copy, clock).close()


def test_a_folder_with_other_things_is_not_taken(folder: Path, clock: HandClock) -> None:
    folder.mkdir()
    (folder / "holiday.jpg").touch()
    with pytest.raises(VaultFailed, match="other files"):
        open_at(folder, clock)
    assert [path.name for path in folder.iterdir()] == ["holiday.jpg"]


def test_an_empty_or_absent_folder_gets_a_new_vault(folder: Path, clock: HandClock) -> None:
    for _ in range(2):
        vault = open_at(folder, clock)
        assert templates(vault) == {}
        vault.close()
        shutil.rmtree(folder)
        folder.mkdir()


def test_a_crash_while_a_vault_is_made_leaves_no_trace_in_its_place(
    folder: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    for where in ("edge.gate.vault.opening.SealedStore.create", "edge.gate.vault.opening._sync"):
        with monkeypatch.context() as patched:
            patched.setattr(where, crash)
            with pytest.raises(KeyboardInterrupt):
                open_at(folder, clock)
        assert not folder.exists()
    open_at(folder, clock).close()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_only_the_owner_may_read_a_vault(folder: Path, clock: HandClock) -> None:
    vault = open_at(folder, clock)
    enrol(vault, 1)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        DATABASE: 0o600,
        f"{DATABASE}-wal": 0o600,
        SLOTS[0]: 0o600,
        SLOTS[1]: 0o600,
    }
    vault.close()


def test_a_slot_that_is_a_link_is_not_followed(copy: Path, clock: HandClock) -> None:
    (copy / SLOTS[0]).rename(copy.parent / "elsewhere")
    (copy / SLOTS[0]).symlink_to(copy.parent / "elsewhere")
    with pytest.raises(VaultFailed, match=SLOTS[0]):
        open_at(copy, clock)
