"""Packs are found in a fixed order, and what ships cannot be stood in for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.packs import find_pack, known_packs, load_pack
from edge.packs.errors import PackUnknown, RecipeInvalid
from edge.packs.pack import SERVICE_FOLDER, default_search, shipped_folder, user_folder


def test_the_default_pack_is_found_and_complete() -> None:
    pack = find_pack("dlib-resnet")
    assert all(part.present for part in pack.parts)
    assert pack.embedder_for("int8") is pack.embedder
    assert pack.embedder_for("float") is pack.embedder_float
    assert pack.embedder.output.dims == 128


def test_the_alignment_is_ready_for_use() -> None:
    alignment = find_pack("intel-0095").alignment
    assert alignment.size_px == 128
    assert alignment.points.shape == (len(alignment.mesh_indices), 2)
    assert alignment.points.dtype == np.float64
    assert "58.64" not in repr(alignment)


def test_thresholds_are_numbers_by_fmr_of_one_file() -> None:
    pack = find_pack("dlib-resnet")
    table = pack.thresholds[pack.embedder.sha256]
    assert table[1e-3] < table[1e-4]
    assert pack.embedder_float.sha256 != pack.embedder.sha256


@pytest.mark.parametrize("name", ["nosuch", "../dlib-resnet", "", "a/b", "dlib-resnet.toml"])
def test_an_unknown_pack_is_refused_with_the_known_ones(models: Path, name: str) -> None:
    with pytest.raises(PackUnknown, match=f"{name!r}") as refused:
        load_pack(name, [models])
    assert "dlib-resnet, intel-0095" in refused.value.hint


def test_a_name_cannot_lead_to_a_recipe_outside(models: Path) -> None:
    (models.parent / "outside.toml").write_bytes((models / "dlib-resnet.toml").read_bytes())
    with pytest.raises(PackUnknown):
        load_pack("../outside", [models])


def test_no_recipe_of_a_user_stands_in_for_a_shipped_one(models: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "dlib-resnet.toml").write_text("format = 9", encoding="utf-8")
    assert load_pack("dlib-resnet", [models, mine]).recipe.format == 1
    with pytest.raises(RecipeInvalid):
        load_pack("dlib-resnet", [mine, models])


def test_a_file_is_taken_from_the_first_folder_that_has_it(models: Path, tmp_path: Path) -> None:
    made = tmp_path / "made" / "intel-0095" / "embedder-int8.tflite"
    assert load_pack("intel-0095", [models, tmp_path / "made"]).embedder.path == made
    made.parent.mkdir(parents=True)
    made.write_bytes(b"here")
    pack = load_pack("intel-0095", [models, tmp_path / "other", tmp_path / "made"])
    assert pack.embedder.path == made
    assert pack.detector.folder == models


def test_a_recipe_that_is_a_link_is_refused(models: Path, tmp_path: Path) -> None:
    (models / "dlib-resnet.toml").rename(tmp_path / "kept")
    (models / "dlib-resnet.toml").symlink_to(tmp_path / "kept")
    with pytest.raises(RecipeInvalid, match="cannot be read"):
        load_pack("dlib-resnet", [models])


def test_what_ships_is_searched_before_what_this_machine_made() -> None:
    assert default_search() == (shipped_folder(), user_folder(), SERVICE_FOLDER)


@pytest.mark.parametrize(("value", "expected"), [("/data", "/data"), ("relative", "/home/x/.local/share"), ("", None)])
def test_the_users_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, value: str, expected: str | None) -> None:
    monkeypatch.setenv("HOME", "/home/x")
    monkeypatch.setenv("XDG_DATA_HOME", value)
    assert user_folder() == Path(expected or "/home/x/.local/share") / "edge-gate" / "models"


def test_a_folder_without_packs_has_none(tmp_path: Path) -> None:
    assert known_packs([tmp_path, tmp_path / "absent"]) == ()
