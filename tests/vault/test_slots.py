"""The contract of `KeySlot`: every adapter keeps it. The file slot, and the one that the other tests cut off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gate.vault import VaultFailed
from edge.gate.vault.seal import Key
from edge.gate.vault.slots import SLOT_BYTES, FileSlot, KeySlot
from tests.vault.cuts import Fuse, FusedSlot
from tests.vault.world import quick_folder

Maker = Callable[[Path], KeySlot]


def file_slot(path: Path) -> KeySlot:
    return FileSlot.create(path)


def fused_slot(path: Path) -> KeySlot:
    FileSlot.create(path)
    return FusedSlot(path, Fuse())


@pytest.fixture(params=[file_slot, fused_slot])
def slot(request: pytest.FixtureRequest, tmp_path: Path) -> KeySlot:
    made: KeySlot = request.param(tmp_path / "slot")
    return made


def test_a_new_slot_holds_nothing(slot: KeySlot) -> None:
    assert slot.read() is None


def test_a_slot_gives_back_what_was_written_last(slot: KeySlot) -> None:
    for epoch in (1, 2, 2**64 - 1):
        key = Key.fresh()
        slot.write(epoch, key)
        held = slot.read()
        assert held is not None
        assert (held[0], held[1].reveal()) == (epoch, key.reveal())


def test_a_wiped_slot_holds_nothing_and_can_be_written_again(slot: KeySlot) -> None:
    for epoch in (1, 2):
        slot.write(epoch, Key.fresh())
        slot.wipe()
        slot.wipe()
        assert slot.read() is None


def test_a_slot_says_how_surely_it_destroys(slot: KeySlot) -> None:
    assert slot.destruction in ("tpm-nv", "logical")
    assert slot.name


def test_a_slot_does_not_show_its_key(slot: KeySlot) -> None:
    key = Key(bytes(range(32)))
    slot.write(7, key)
    for shown in (repr(slot), str(slot), repr(slot.read()), repr(key), str(key)):
        assert "\\x01\\x02" not in shown
        assert "0102" not in shown


# The file slot by itself ----------------------------------------------------------------------
def test_a_file_slot_is_overwritten_in_place(tmp_path: Path) -> None:
    slot = FileSlot.create(tmp_path / "slot")
    inode = (tmp_path / "slot").stat().st_ino
    slot.write(1, Key.fresh())
    slot.wipe()
    assert (tmp_path / "slot").stat().st_ino == inode
    assert (tmp_path / "slot").read_bytes() == bytes(SLOT_BYTES)


def test_a_wiped_slot_is_not_written_again(tmp_path: Path) -> None:
    slot = FileSlot.create(tmp_path / "slot")
    before = (tmp_path / "slot").stat().st_mtime_ns
    slot.wipe()
    assert (tmp_path / "slot").stat().st_mtime_ns == before


@given(st.integers(0, SLOT_BYTES - 1), st.integers(1, 255))
def test_a_torn_or_rotten_slot_holds_nothing(at: int, flip: int) -> None:
    with quick_folder() as root:
        slot = FileSlot.create(root / "slot")
        slot.write(5, Key.fresh())
        content = bytearray((root / "slot").read_bytes())
        content[at] ^= flip
        (root / "slot").write_bytes(content)
        assert slot.read() is None
        slot.wipe()
        assert (root / "slot").read_bytes() == bytes(SLOT_BYTES)


@pytest.mark.parametrize("length", [0, 1, SLOT_BYTES - 1, SLOT_BYTES + 1])
def test_a_slot_of_another_length_holds_nothing(tmp_path: Path, length: int) -> None:
    slot = FileSlot.create(tmp_path / "slot")
    slot.write(5, Key.fresh())
    content = (tmp_path / "slot").read_bytes()
    (tmp_path / "slot").write_bytes((content + b"x")[:length])
    assert slot.read() is None


def test_a_slot_that_is_gone_or_no_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        slot = FileSlot(path)
        for act in (slot.read, slot.wipe, lambda slot=slot: slot.write(1, Key.fresh())):
            with pytest.raises(VaultFailed, match=path.name):
                act()


def test_a_slot_is_never_made_over_another(tmp_path: Path) -> None:
    FileSlot.create(tmp_path / "slot")
    with pytest.raises(VaultFailed, match="File exists"):
        FileSlot.create(tmp_path / "slot")
