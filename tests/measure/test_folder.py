"""Whose picture is which, and what is said about folders that are not as they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import InputError
from edge.measure import folder as module
from edge.measure.folder import read_people


def put(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def test_a_folder_is_a_person_and_the_order_is_that_of_names(tmp_path: Path) -> None:
    people = read_people(put(tmp_path, "b/2.jpg", "a/9.jpg", "b/1.png"))
    assert [(str(p.path.relative_to(tmp_path)), p.person) for p in people.pictures] == [
        ("a/9.jpg", 0),
        ("b/1.png", 1),
        ("b/2.jpg", 1),
    ]
    assert people.count == 2


def test_what_does_not_fit_is_said_and_the_rest_is_used(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg", "a/2.jpg", "a/old/3.jpg", "b/1.jpg", "stray.jpg", ".DS_Store", "a/.hidden")
    (tmp_path / "c").mkdir()
    people = read_people(tmp_path)
    assert len(people.pictures) == 3
    assert people.notes == (
        "1 file outside of any person's folder, without a label, not used: stray.jpg",
        "1 folder inside a person's folder, not used: a/old",
        "1 folder without a file in it: c",
        "1 of 2 people have one image: they are in no genuine pair, and are never enrolled",
    )


def test_many_names_are_shortened(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg", "a/2.jpg", *(f"stray{i}.jpg" for i in range(9)))
    assert read_people(tmp_path).notes[0].endswith("stray3.jpg, stray4.jpg …")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere cannot be read: No such file"):
        read_people(tmp_path / "nowhere")


def test_a_folder_without_people_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no pictures of people"):
        read_people(put(tmp_path, "only.jpg"))


def test_more_pictures_than_fit_are_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_IMAGES", 1)
    with pytest.raises(InputError, match="holds 2 files"):
        read_people(put(tmp_path, "a/1.jpg", "a/2.jpg"))
