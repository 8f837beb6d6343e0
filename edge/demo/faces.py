"""The two people of the demo, out of the wheels of matplotlib and scikit-image; both photographs are public domain.

`grace_hopper.jpg` (US Navy, 1984) is the resident, `astronaut.png` (Eileen Collins; NASA, 1993) the stranger. Both are
copied into the demo's own folder, with the box of the face beside each: the simulated camera wants to know how large
a face is before it can put it at a distance.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError

RESIDENT, STRANGER = "resident", "stranger"
_WHEELS = {
    RESIDENT: ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    STRANGER: ("skimage", "data/astronaut.png"),
}
_SUFFIXES = (".jpg", ".jpeg", ".png")

BoxOf = Callable[[NDArray[np.uint8]], tuple[float, float, float, float] | None]


def gather(
    into: Path, source: Path | None, decode: Callable[[Path], NDArray[np.uint8]], box_of: BoxOf
) -> dict[str, Any]:
    """Copy both faces into `into`; return their boxes [x, y, w, h] in pixels by name.

    `source` is a folder with files `resident.*` and `stranger.*`, or None for the faces in the wheels. Raises
    `InputError` that names the missing file, or the file in which no face is found.
    """
    boxes = {}
    for name in (RESIDENT, STRANGER):
        path = _in_folder(source, name) if source else _in_wheel(name)
        box = box_of(decode(path))
        if box is None:
            raise InputError(
                f"{path.name} shows no face that the detector can find", hint="choose a frontal photograph"
            )
        shutil.copyfile(path, into / f"{name}{path.suffix}")
        (into / f"{name}.json").write_bytes(msgspec.json.encode({"face": list(box)}))
        boxes[name] = box
    return boxes


def _in_folder(source: Path, name: str) -> Path:
    for suffix in _SUFFIXES:
        if (path := source / f"{name}{suffix}").is_file():
            return path
    raise InputError(f"{source} has no {name}.jpg or {name}.png", hint="--faces DIR needs a resident and a stranger")


def _in_wheel(name: str) -> Path:
    package, member = _WHEELS[name]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"the demo's {name} comes with {package}, which is not installed", hint="pip install 'edge-gate[demo]'"
        )
    path = Path(next(iter(spec.submodule_search_locations))) / member
    if not path.is_file():
        raise InputError(f"this {package} does not carry {member}", hint="use --faces DIR with two photographs")
    return path
