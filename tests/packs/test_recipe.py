"""A recipe is read as if a stranger had written it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.packs.errors import RecipeInvalid
from edge.packs.pack import known_packs, shipped_folder
from edge.packs.recipe import MAX_RECIPE_BYTES, FileName, HttpsUrl, Licence, MemberPath, Package, Recipe, parse_recipe

SHIPPED = shipped_folder()


@pytest.mark.parametrize("name", known_packs([SHIPPED]))
def test_what_ships_is_valid_and_names_files_that_exist(name: str) -> None:
    recipe = parse_recipe((SHIPPED / f"{name}.toml").read_bytes(), name=name)
    parts = (recipe.detector, recipe.landmarks, recipe.embedder)
    for file in (recipe.card, *(part.licence_file for part in parts)):
        assert (SHIPPED / file).is_file()
    for model in (recipe.detector.file, recipe.landmarks.file, recipe.embedder.int8, recipe.embedder.float):
        assert (SHIPPED / model.file).is_file() == model.shipped


def test_both_packs_ship() -> None:
    assert known_packs([SHIPPED]) == ("dlib-resnet", "intel-0095")


def test_no_threshold_is_dlibs_own() -> None:
    for name in known_packs([SHIPPED]):
        recipe = parse_recipe((SHIPPED / f"{name}.toml").read_bytes(), name=name)
        assert recipe.embedder.int8.sha256 in recipe.thresholds
        assert all(score != 0.6 for table in recipe.thresholds.values() for score in table.values())


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ('file = "mediapipe/face_landmark.tflite"', 'file = "../face_landmark.tflite"', "file"),
        ('file = "mediapipe/face_landmark.tflite"', 'file = "mediapipe/../../x.tflite"', "file"),
        ('file = "mediapipe/face_landmark.tflite"', 'file = "/etc/shadow"', "file"),
        ('file = "mediapipe/face_landmark.tflite"', 'file = "mediapipe/.hidden"', "file"),
        ('file = "mediapipe/face_landmark.tflite"', 'file = "a/b/c/d.tflite"', "file"),
        ('card = "dlib-resnet.md"', 'card = "c:\\\\card.md"', "card"),
        ("bytes = 1_242_398", "bytes = 99_999_999_999", "bytes"),
        ("bytes = 1_242_398", "bytes = 0", "bytes"),
        ('licence = "CC0-1.0"', 'licence = "CC0-1.0"\nlicense = "MIT"', "license"),
        ('name = "dlib-resnet"', 'name = "other"', "other"),
        ("format = 1", "format = 2", "format"),
        ("    [96.73, 103.52],\n", "", "differ in length"),
        ("    [96.73, 103.52],\n", "    [150.0, 103.52],\n", "leaves"),
        ("1, 61, 291]", "1, 61, 61]", "twice"),
        ("1, 61, 291]", "1, 61, 468]", "mesh_indices"),
        ("size_px = 150", "size_px = 140", "square"),
        ("relu-1 = [0.0, 17.2]", "relu-1 = [0.0, 0.0]", "range"),
        ("relu-1 = [0.0, 17.2]", "relu-1 = [0.1, 17.2]", "range"),
        ("relu-1 = [0.0, 17.2]", "relu-1 = [0.0, nan]", "range"),
        ('"1e-3" = 0.9', '"1e-3" = 1.9', "thresholds"),
        ('"1e-3" = 0.9', '"2e-3" = 0.9', "thresholds"),
        ("[thresholds.", "[thresholds.0", "thresholds"),
    ],
)
def test_a_field_outside_its_limits_is_named(recipe_text: str, written: str, instead: str, said: str) -> None:
    assert written in recipe_text
    with pytest.raises(RecipeInvalid, match=said):
        parse_recipe(recipe_text.replace(written, instead, 1).encode(), name="dlib-resnet")


def test_a_threshold_of_another_file_is_refused(recipe_text: str) -> None:
    digest = parse_recipe(recipe_text.encode(), name="dlib-resnet").embedder.int8.sha256
    moved = recipe_text.replace(f"[thresholds.{digest}]", f"[thresholds.{'0' * 64}]")
    with pytest.raises(RecipeInvalid, match="unknown file"):
        parse_recipe(moved.encode(), name="dlib-resnet")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"a = ",
        b"a = " + b"[" * 10_000,
        b"x" * (MAX_RECIPE_BYTES + 1),
        b"a.b" * 20_000,
        b"format = 1\nformat = 1",
    ],
)
def test_what_is_no_recipe_is_refused(raw: bytes) -> None:
    with pytest.raises(RecipeInvalid):
        parse_recipe(raw, name="dlib-resnet")


def test_a_recipe_beyond_its_limit_is_refused_even_if_it_is_valid(recipe_text: str) -> None:
    with pytest.raises(RecipeInvalid, match="bytes long"):
        parse_recipe((recipe_text + "#" * MAX_RECIPE_BYTES).encode(), name="dlib-resnet")


@pytest.mark.parametrize("name", ["a.tflite\n", "a/b\n", "a b", "a\\b", "", "a//b", "a/", "~", "-a", "a\0"])
def test_a_name_with_anything_but_plain_letters_is_refused(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(name, FileName)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_recipe_or_a_clear_error(raw: bytes) -> None:
    with pytest.raises(RecipeInvalid) as refused:
        parse_recipe(raw, name="x")
    assert refused.value.hint


@given(st.data())
def test_a_shipped_recipe_with_one_byte_changed_never_surprises(data: st.DataObject) -> None:
    raw = bytearray((SHIPPED / "dlib-resnet.toml").read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    try:
        recipe = parse_recipe(bytes(raw), name="dlib-resnet")
    except RecipeInvalid:
        return
    _stays_inside(recipe)


@given(st.text(max_size=120) | st.from_regex(r"[A-Za-z0-9._/\\-]{1,60}", fullmatch=True))
def test_no_file_name_that_passes_can_leave_its_folder(name: str) -> None:
    for kind in (FileName, MemberPath):
        try:
            msgspec.convert(name, kind)
        except msgspec.ValidationError:
            continue
        path = PurePosixPath(name)
        assert not path.is_absolute()
        assert all(part[0].isascii() and part[0].isalnum() for part in path.parts)
        assert "\\" not in name
        assert "\n" not in name


@given(st.text(max_size=80))
def test_no_word_that_reaches_a_command_line_can_be_an_option(word: str) -> None:
    for kind in (Package, Licence, FileName):
        try:
            msgspec.convert(word, kind)
        except msgspec.ValidationError:
            continue
        assert not word.startswith("-")
        assert not any(letter.isspace() for letter in word)


@pytest.mark.parametrize(
    "address",
    [
        "http://a.org/x",
        "file:///etc/x",
        "https://a.org",
        "https://u@a.org/x",
        "https://a.org:1/x",
        "https://a.org/../x?",
    ],
)
def test_only_plain_https_addresses_can_be_written(address: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(address, HttpsUrl)


def _stays_inside(recipe: Recipe) -> None:
    root = Path("/nowhere/models")
    for file in (recipe.detector.file, recipe.landmarks.file, recipe.embedder.int8, recipe.embedder.float):
        assert (root / file.file).resolve().is_relative_to(root)
