"""A verified model that takes a picture: one file of a pack, loaded, checked against its recipe, and ready.

Rule 1.  What is loaded are the bytes that were hashed (`edge.packs.verify`); no path is opened twice.
Rule 2.  Tensor shapes and types are those of the recipe, or the model is not used.
Rule 3.  The picture is BGR uint8, as cameras give it. Channel order, range and type are the recipe's business, and are
         applied here and nowhere else.
Rule 4.  `forget` overwrites the picture, and runs the model on black so that the activations in the runtime's arena
         are overwritten as well. Copies that a library made and freed by itself are out of our reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge.errors import PartFailed
from edge.packs.verify import read_verified
from edge.vision.runtimes import Runtime, load

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.packs import Part
    from edge.packs.recipe import Input
    from edge.vision.sampling import Image

_MAX_GREY = 255.0


class Model:
    """One part of a pack, on one thread (or `threads` inside the runtime)."""

    def __init__(self, part: Part, *, runtime: Runtime = "litert", threads: int = 1) -> None:
        """Verify and load. Raises `PartFailed` and its kin in `edge.packs.errors`."""
        self.what = f"the {part.role} of model pack {part.pack!r}"
        self.sha256, self.dims = part.sha256, part.output.dims
        self._run = load(runtime, read_verified(part), threads=threads, what=self.what)
        _check(self._run, part, self.what)
        spec = part.input
        self.picture: Image = np.zeros((spec.height_px, spec.width_px, 3), np.uint8)
        """Write the picture here (BGR uint8 [height, width, 3]), then call."""
        self._swap = spec.colour == "rgb"
        self._raw = self.picture[None] if not self._swap else np.zeros_like(self.picture)[None]
        self._scaled = None if _is_plain(spec) else np.zeros(self._raw.shape, spec.dtype)
        self._gain = np.float32((spec.white - spec.black) / _MAX_GREY)
        self._black = np.float32(spec.black)

    @property
    def size_px(self) -> int:
        """Side of the square picture."""
        return int(self.picture.shape[0])

    def __call__(self) -> list[NDArray[Any]]:
        """Run on `picture`; copies of the output tensors, in file order."""
        if self._swap:
            cv2.cvtColor(self.picture, cv2.COLOR_BGR2RGB, dst=self._raw[0])
        if self._scaled is None:
            return self._run(self._raw)
        np.multiply(self._raw, self._gain, out=self._scaled)
        self._scaled += self._black
        return self._run(self._scaled)

    def forget(self) -> None:
        """Overwrite the picture, its converted copies, and the runtime's tensors."""
        self.picture.fill(0)
        self()

    @property
    def buffers(self) -> list[NDArray[Any]]:
        """Everything in here that can hold pixels of a person; `forget` leaves black in each."""
        return [self.picture, self._raw]


def _is_plain(spec: Input) -> bool:
    return spec.dtype == "uint8"


def _check(run: Any, part: Part, what: str) -> None:  # noqa: ANN401 - the interpreter's own type is private to it
    spec = part.input
    found = (run.input_shape, str(run.input_dtype), run.output_shapes)
    wanted = ((1, spec.height_px, spec.width_px, 3), spec.dtype, part.output.shapes)
    if found != wanted or spec.height_px != spec.width_px:
        raise PartFailed(
            f"{what} takes {found[0]} {found[1]} and gives {found[2]}, its recipe says {wanted}",
            hint="the recipe and the file do not belong together; reinstall the pack with `edge-gate models get`",
        )
    if spec.dtype == "uint8" and (spec.black, spec.white) != (0.0, _MAX_GREY):
        raise PartFailed(
            f"{what} takes uint8, its recipe wants {spec.black:g} to {spec.white:g}",
            hint="a uint8 input is 0 to 255; correct the recipe",
        )
