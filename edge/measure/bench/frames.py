"""The frames that are measured with: the demo's two people (public domain, out of two wheels), 640 x 480."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from edge.demo.faces import RESIDENT, STRANGER, gather
from edge.vision.cameras.pictures import fit, read_picture

HEIGHT_PX, WIDTH_PX = 480, 640
_WHOLE = (0.0, 0.0, 1.0, 1.0)


def frames() -> dict[str, NDArray[np.uint8]]:
    """BGR [480, 640, 3] by name. Raises `InputError` without the extra `demo` or `bench`."""
    with TemporaryDirectory(prefix="edge-gate-") as folder:
        gather(Path(folder), None, read_picture, lambda _: _WHOLE)
        return {name: _framed(next(Path(folder).glob(f"{name}.[jp]*g"))) for name in (RESIDENT, STRANGER)}


def _framed(path: Path) -> NDArray[np.uint8]:
    frame = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    fit(read_picture(path), frame)
    return frame
