"""What is handed to an interpreter are the bytes that were verified."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.packs import Part, load_pack
from edge.packs.errors import PackDamaged, PackMissing
from edge.packs.verify import read_verified


@pytest.fixture
def part(models: Path) -> Part:
    return load_pack("dlib-resnet", [models]).detector


def test_every_shipped_part_is_whole(models: Path) -> None:
    for part in load_pack("dlib-resnet", [models]).parts:
        assert len(read_verified(part)) == part.bytes


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(position=st.floats(0, 1, exclude_max=True))
def test_one_flipped_bit_is_found(part: Part, position: float) -> None:
    whole = part.path.read_bytes()
    bit = int(position * 8 * len(whole))
    damaged = bytearray(whole)
    damaged[bit // 8] ^= 1 << (bit % 8)
    part.path.write_bytes(damaged)
    try:
        with pytest.raises(PackDamaged, match=part.path.name) as refused:
            read_verified(part)
        assert refused.value.hint == "run `edge-gate models get dlib-resnet`"
    finally:
        part.path.write_bytes(whole)


@pytest.mark.parametrize("change", [b"", b"x"])
def test_a_file_that_shrank_or_grew_is_found(part: Part, change: bytes) -> None:
    whole = part.path.read_bytes()
    part.path.write_bytes(whole + change if change else whole[:-1])
    with pytest.raises(PackDamaged, match="size"):
        read_verified(part)


def test_a_file_that_is_not_there_is_missing(part: Part) -> None:
    part.path.unlink()
    with pytest.raises(PackMissing, match=part.path.name):
        read_verified(part)


def test_a_link_is_refused_even_to_the_right_file(part: Part, tmp_path: Path) -> None:
    part.path.rename(part.path.with_suffix(".kept"))
    part.path.symlink_to(part.path.with_suffix(".kept"))
    with pytest.raises(PackDamaged, match=part.path.name):
        read_verified(part)


def test_a_folder_that_leads_elsewhere_is_refused(part: Part, tmp_path: Path) -> None:
    part.path.parent.rename(tmp_path / "elsewhere")
    part.path.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PackDamaged, match="out of its folder"):
        read_verified(part)


def test_a_pipe_in_place_of_a_model_does_not_make_the_gate_wait(part: Part) -> None:
    part.path.unlink()
    os.mkfifo(part.path)
    with pytest.raises(PackDamaged, match="not a regular file"):
        read_verified(part)


def test_a_folder_in_place_of_a_model_is_refused(part: Part) -> None:
    part.path.unlink()
    part.path.mkdir()
    with pytest.raises(PackDamaged, match=part.path.name):
        read_verified(part)


def test_a_file_exchanged_behind_the_check_is_not_read(part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = part.path.read_bytes()
    opened = os.open

    def open_then_exchange(path: Path, flags: int) -> int:
        descriptor = opened(path, flags)
        evil = part.path.with_suffix(".evil")
        evil.write_bytes(b"\0" * part.bytes)
        evil.replace(part.path)
        return descriptor

    monkeypatch.setattr(os, "open", open_then_exchange)
    assert read_verified(part) == whole


def test_the_hint_for_the_float_embedder_makes_the_float_embedder(models: Path) -> None:
    with pytest.raises(PackMissing) as refused:
        read_verified(load_pack("dlib-resnet", [models]).embedder_for("float"))
    assert refused.value.hint == "run `edge-gate models get dlib-resnet --float`"
