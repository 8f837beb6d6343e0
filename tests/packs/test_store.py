"""A file appears whole or not at all, and never through a link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.packs.errors import PackDamaged
from edge.packs.store import write_whole


def test_a_file_and_its_folders_are_made(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "new", "a/b.tflite", b"bytes")
    assert path.read_bytes() == b"bytes"
    assert [entry.name for entry in path.parent.iterdir()] == ["b.tflite"]


def test_a_crash_before_the_end_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path, "a/b", b"old")

    def power_cut(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", power_cut)
    with pytest.raises(PackDamaged, match="No space left"):
        write_whole(tmp_path, "a/b", b"new")
    assert (tmp_path / "a/b").read_bytes() == b"old"
    assert [entry.name for entry in (tmp_path / "a").iterdir()] == ["b"]


def test_the_bytes_are_synced_before_the_name_moves_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    sync, move = os.fsync, Path.replace

    def noted_sync(descriptor: int) -> None:
        seen.append("sync")
        sync(descriptor)

    def noted_move(old: Path, new: Path) -> Path:
        seen.append("move")
        return move(old, new)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_move)
    write_whole(tmp_path, "b", b"bytes")
    assert seen == ["sync", "move", "sync"]


def test_a_link_at_the_target_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"precious")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "b").symlink_to(tmp_path / "outside")
    write_whole(tmp_path / "root", "b", b"bytes")
    assert (tmp_path / "outside").read_bytes() == b"precious"
    assert not (tmp_path / "root" / "b").is_symlink()


def test_a_folder_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a").symlink_to(tmp_path / "outside")
    with pytest.raises(PackDamaged, match="leads out"):
        write_whole(tmp_path / "root", "a/b", b"bytes")
    assert not list((tmp_path / "outside").iterdir())
