"""The faces that can appear before the simulated camera: the images of one folder, by the stems of their names.

`ann.jpg` is the face "ann". If `ann.json` lies beside it, as {"face": [x, y, width, height]}, that is where the face is
in the image, in pixels, and the rest of the image (hair, shoulders, some background) comes along; without it the whole
image is the face. Read once, before the first frame; never written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cv2
import msgspec
import numpy as np
from msgspec import Meta, Struct

from edge.errors import InputError, PartFailed
from edge.vision.cameras.pictures import SUFFIXES, read_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_FACES = 256
MAX_SIDE_PX = 2048
"""Larger images are halved until they fit: a face in a frame is never that large."""
MAX_NOTE_BYTES = 4096
Pixels = Annotated[float, Meta(ge=-20_000, le=20_000)]


class Note(Struct, frozen=True, forbid_unknown_fields=True):
    """What `<stem>.json` says."""

    face: tuple[Pixels, Pixels, Pixels, Pixels]


@dataclass(frozen=True, slots=True)
class Face:
    """One image BGR uint8 [height, width, 3] and the box of the face in it: x, y, width, height in pixels."""

    image: NDArray[np.uint8] = field(repr=False)
    box: tuple[float, float, float, float]


def read_faces(folder: Path) -> dict[str, Face]:
    """All faces of `folder`. Raises `PartFailed` or `InputError` that names the file."""
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise PartFailed(
            f"the faces for the simulated camera in {folder} cannot be listed: {error.strerror}",
            hint='set camera.device to a folder with face images, or to "" for an empty lane',
        ) from None
    if len(files) > MAX_FACES:
        raise PartFailed(f"{folder} has more than {MAX_FACES} images", hint="the stage needs only a few")
    return {path.stem: _read_face(path) for path in files}


def _read_face(path: Path) -> Face:
    image = read_picture(path)
    height, width = image.shape[:2]
    box = _read_note(path.with_suffix(".json")) or (0.0, 0.0, float(width), float(height))
    x, y, w, h = box
    if w < 1 or h < 1 or not (0 <= x + w / 2 <= width and 0 <= y + h / 2 <= height):
        # A detector's box may reach over the border of a close crop, so only its centre has to be inside.
        raise InputError(
            f"the centre of the face box {list(box)} is not inside image {path.name} ({width}x{height})",
            hint='write {"face": [x, y, width, height]} in pixels of that image',
        )
    while max(image.shape[:2]) > MAX_SIDE_PX:
        image = np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    scale = image.shape[0] / height
    return Face(image, (x * scale, y * scale, w * scale, h * scale))


def _read_note(path: Path) -> tuple[float, float, float, float] | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_NOTE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}", hint="check its permissions") from None
    try:
        return msgspec.json.decode(data[:MAX_NOTE_BYTES], type=Note).face
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"{path.name} does not say where the face is: {error}",
            hint='write {"face": [x, y, width, height]} in pixels of the image',
        ) from None
