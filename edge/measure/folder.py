"""Whose picture is which: a folder with one folder a person.

Rule 1.  The name of a person's folder is their label; pictures of one label are taken for pictures of one person.
Rule 2.  Every file in such a folder claims to be a picture. One that is none is named and counted later, not skipped.
Rule 3.  What does not fit (files beside the folders, folders in folders, empty folders) is said in `notes`, and the
         rest is evaluated. Names that begin with a dot belong to the file manager and are passed over.
Rule 4.  The order is that of the names, so that two runs are the same run.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edge.errors import InputError

MAX_IMAGES = 15_000
"""As many as `edge.measure.scores.MAX_SAMPLES`: a longer run would only fail at its end."""
_SHOWN = 5
_LAYOUT = "DIR holds one folder for each person, with that person's JPEG or PNG files in it"


@dataclass(frozen=True, slots=True)
class Labelled:
    """One picture, and the number of its person (from 0)."""

    path: Path
    person: int


@dataclass(frozen=True, slots=True)
class People:
    """What a folder holds."""

    root: Path
    pictures: tuple[Labelled, ...]
    count: int
    notes: tuple[str, ...]


def read_people(root: Path) -> People:
    """List the people in `root`. Raises `InputError` if it cannot be read, holds nobody, or too many pictures."""
    try:
        folders, beside = _split(root)
        held = [(folder, *_split(folder)) for folder in folders]
    except OSError as error:
        raise InputError(f"folder {root} cannot be read: {error.strerror}", hint=_LAYOUT) from None
    pictures: list[Labelled] = []
    empty, nested = [], []
    number = 0
    for folder, inner, files in held:
        nested += [f"{folder.name}/{path.name}" for path in inner]
        if not files:
            empty.append(folder.name)
            continue
        pictures += [Labelled(path, number) for path in files]
        number += 1
    if not pictures:
        raise InputError(f"folder {root} holds no pictures of people", hint=_LAYOUT)
    if len(pictures) > MAX_IMAGES:
        raise InputError(f"folder {root} holds {len(pictures)} files", hint=f"evaluate at most {MAX_IMAGES} at once")
    notes = (
        *_note(beside, "{} outside of any person's folder, without a label, not used", "file"),
        *_note(nested, "{} inside a person's folder, not used", "folder"),
        *_note(empty, "{} without a file in it", "folder"),
        *_note_singles(pictures),
    )
    return People(root, tuple(pictures), number, notes)


def _split(folder: Path) -> tuple[list[Path], list[Path]]:
    """The folders and the files in `folder`, by name."""
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return [path for path in entries if path.is_dir()], [path for path in entries if not path.is_dir()]


def _note(found: list[Path] | list[str], text: str, what: str) -> list[str]:
    if not found:
        return []
    names = [entry.name if isinstance(entry, Path) else entry for entry in found[:_SHOWN]]
    count = f"{len(found)} {what}{'' if len(found) == 1 else 's'}"
    return [f"{text.format(count)}: {', '.join(names)}{' …' if len(found) > _SHOWN else ''}"]


def _note_singles(pictures: list[Labelled]) -> list[str]:
    images_of = Counter(picture.person for picture in pictures)
    singles = sum(1 for count in images_of.values() if count == 1)
    if not singles:
        return []
    return [f"{singles} of {len(images_of)} people have one image: they are in no genuine pair, and are never enrolled"]
