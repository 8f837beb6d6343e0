"""Several captures of one track, fused into one probe.

The mean of embeddings of length one, each weighted by the quality of its capture, lies nearer to the person than any
single one: noise, blur and expression differ from frame to frame, the face does not. Only the newest `FRAMES` count, so
that what is compared is what stands there now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge.vision.embed import normalised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge.vision.embed import Vector

FRAMES = 5
MIN_WEIGHT = 0.05
"""So that captures without any quality still have a mean."""


def fuse(embeddings: NDArray[np.float32], qualities: Sequence[float]) -> Vector:
    """The weighted mean of `embeddings` [n, dims] (each of length one), scaled to length one: float32 [dims]. Pure.

    Raises:
        NotAnEmbedding: they cancel each other out, or one is not finite.
    """
    weights = np.maximum(np.asarray(qualities, np.float32), MIN_WEIGHT)
    return normalised(weights @ embeddings)


class Fusion:
    """The newest captures of one track, in a buffer that is made once."""

    def __init__(self, dims: int) -> None:
        self._embeddings = np.zeros((FRAMES, dims), np.float32)
        self._qualities = [0.0] * FRAMES
        self._next = 0
        self.count = 0
        """How many captures are fused: at most `FRAMES`."""

    def add(self, embedding: Vector, quality: float) -> None:
        """Take in one capture of this track; the oldest makes room."""
        self._embeddings[self._next] = embedding
        self._qualities[self._next] = quality
        self._next = (self._next + 1) % FRAMES
        self.count = min(self.count + 1, FRAMES)

    def fused(self) -> Vector:
        """The probe. Raises `NotAnEmbedding`; of nothing, too."""
        return fuse(self._embeddings[: self.count], self._qualities[: self.count])

    def resembles(self, embedding: Vector, cosine: float) -> bool:
        """Whether `embedding` has a cosine of `cosine` or more to this track's probe; true while there is none."""
        return self.count == 0 or float(self.fused() @ embedding) >= cosine

    def forget(self) -> None:
        """Overwrite all captures."""
        self._embeddings.fill(0)
        self._qualities = [0.0] * FRAMES
        self._next = self.count = 0

    @property
    def buffers(self) -> list[NDArray[np.float32]]:
        """Everything in here that is of a person."""
        return [self._embeddings]
