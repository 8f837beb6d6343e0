"""From an aligned face to an embedding, the raw material of a template.

Rule 1.  An embedding is a finite vector of length above zero, scaled to length one, or it is none: NaN compares as
         neither more nor less than a threshold, and must never reach a comparison.
Rule 2.  It belongs to the digest of the file that made it, and is compared with nothing made by another.
Rule 3.  An embedding can be turned back into a likeness of the face by those who try. It is handled as the face is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge.errors import EdgeError
from edge.vision.align import onto_template
from edge.vision.model import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.packs import Alignment, Part
    from edge.vision.runtimes import Runtime
    from edge.vision.sampling import Pyramid

    Vector = NDArray[np.float32]
    """[dims], of length one."""


class NotAnEmbedding(EdgeError):
    """The embedder's output is no direction: not finite, or zero."""

    exit_code = 6


class Embedder:
    """One embedder, counting how often it was used."""

    def __init__(self, part: Part, alignment: Alignment, *, runtime: Runtime = "litert", threads: int = 1) -> None:
        """Verify and load. Raises `PartFailed`."""
        self.model = Model(part, runtime=runtime, threads=threads)
        self._alignment = alignment
        self.count = 0
        """Embeddings made since the start: stands still while nobody asked to pass."""

    def align(self, frame: Pyramid, points: NDArray[np.float64]) -> None:
        """Cut the chip of the face with mesh `points` [468, 3] out of `frame`."""
        frame.cut(onto_template(points, self._alignment), self.model.picture)

    def embed(self) -> Vector:
        """Embed the chip that was last cut. Raises `NotAnEmbedding`."""
        self.count += 1
        return normalised(self.model()[0].ravel())

    def self_test(self) -> None:
        """Embed black, which is nobody and is not counted. Raises `NotAnEmbedding`."""
        self.model.forget()
        normalised(self.model()[0].ravel())

    def forget(self) -> None:
        """Overwrite the chip."""
        self.model.forget()


def normalised(vector: NDArray[np.float32]) -> Vector:
    """`vector` [dims] scaled to length one. Raises `NotAnEmbedding`."""
    wide = vector.astype(np.float64)  # squares of large components do not fit into 32 bits
    length = float(np.linalg.norm(wide))
    if not (np.isfinite(length) and length > 0.0):  # one NaN or infinity makes the length one, too
        raise NotAnEmbedding(
            "the embedder gave no direction: a component is not finite, or all are zero",
            hint="the frame is dropped; if it happens again, check the model with `edge-gate models verify`",
        )
    unit: Vector = (wide / length).astype(np.float32)
    return unit
