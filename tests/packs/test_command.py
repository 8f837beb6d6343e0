"""`edge-gate models`, as scripts and people meet it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge.cli.main import invoke
from edge.packs import pack as packs


@pytest.fixture
def home(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own: a copy of what ships, and an empty data folder."""
    monkeypatch.setattr(packs, "shipped_folder", lambda: models)
    monkeypatch.setattr(packs, "SERVICE_FOLDER", tmp_path / "service")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "edge-gate" / "models"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = invoke(["models", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_list_shows_every_pack_and_what_it_lacks(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = run(capsys, "list")
    assert code == 0
    assert {one["name"]: one["ready"] for one in shown["packs"]} == {"dlib-resnet": True, "intel-0095": False}
    assert shown["packs"][0]["licences"] == ["Apache-2.0", "CC0-1.0"]
    assert invoke(["models", "list"]) == 0
    assert "edge-gate models get intel-0095" in " ".join(capsys.readouterr().out.split())


def test_verify_names_a_damaged_file_and_the_way_out(
    home: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "verify", "dlib-resnet")[0] == 0
    path = models / "mediapipe" / "face_landmark.tflite"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    code, shown = run(capsys, "verify")
    assert code == 6
    assert "face_landmark.tflite" in shown["error"]
    assert shown["hint"] == "run `edge-gate models get dlib-resnet`"


def test_verify_of_a_named_pack_wants_all_of_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "verify")[0] == 0
    code, shown = run(capsys, "verify", "intel-0095")
    assert code == 6
    assert "missing" in shown["error"]


def test_an_unknown_pack_has_its_own_exit_code(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = run(capsys, "get", "nosuch")
    assert code == 3
    assert "dlib-resnet" in shown["hint"]


def test_get_from_a_folder_makes_the_pack_ready(
    home: Path, shared_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = run(capsys, "get", "intel-0095", "--from", str(shared_models / "intel-0095"))
    assert code == 0
    assert shown["written"] == [str(home / "intel-0095" / "embedder-int8.tflite")]
    assert run(capsys, "verify", "intel-0095")[0] == 0
    assert run(capsys, "get", "intel-0095")[1]["written"] == []


def test_build_check_compares_and_writes_nothing(
    home: Path, shared_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = run(capsys, "build", "intel-0095", "--check", "--from", str(shared_models))
    assert code == 0
    assert [(one["same"], one["path"]) for one in shown["files"]] == [(True, None)] * 2
    assert not home.exists()


def test_build_says_when_the_recipe_names_other_bytes(
    home: Path, models: Path, shared_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = models / "intel-0095.toml"
    recipe = path.read_text(encoding="utf-8")
    digest = packs.load_pack("intel-0095", [models]).embedder.sha256
    path.write_text(recipe.replace(digest, "0" * 64), encoding="utf-8")
    assert invoke(["models", "build", "intel-0095", "--from", str(shared_models)]) == 8
    assert "came out differently" in capsys.readouterr().err
    assert not (home / "intel-0095" / "embedder-int8.tflite").exists()


def test_a_folder_without_the_sources_is_an_error_with_a_hint(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = run(capsys, "get", "intel-0095", "--from", str(tmp_path / "empty"))
    assert code == 6
    assert "--from" in shown["hint"]
    assert not home.exists()
