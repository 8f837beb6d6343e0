"""From an embedding to a template: int8 components, and what is needed to get the cosine back.

Rule 1.  An embedding that is not finite, is all zero, or has a size that no model of ours makes, becomes no template.
Rule 2.  Each vector has a scale of its own: its largest component becomes 127. One scale for all vectors would waste
         bits on most of them (largest error of a cosine, Laplace components: 0.005 against 0.003).
Rule 3.  `scale` is one over the length of the *int8* vector. So `dot(a, b) * a.scale * b.scale` is the cosine of the
         two int8 vectors exactly, no float of the embedding is needed again, and no score leaves [-1, 1] but by
         float32 rounding. The integer dot product is exact in int32: 1,024 * 127 * 127 < 2**31.
Rule 4.  Probes and references pass through this one function; a score never compares one scale with another.

How far a cosine moves: less than 0.004 with Gaussian or Laplace components at 128 to 512 dimensions, up to 0.005 with
the heavier tails of Student's t of 3 degrees. The worst case is a vector with one spike: each component is off by at
most half a step of 127, so the angle of a vector moves by at most asin(sqrt(n) / 254) (`angle_error_max`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError

MIN_DIMENSIONS = 16
MAX_DIMENSIONS = 1024
LARGEST = 127
"""Of an int8 component; -128 is never used, so that negating a vector stays exact."""


class EmbeddingUnusable(InputError):
    """An embedding is not finite, all zero, or of an impossible size. Its content is never shown."""


@dataclass(frozen=True, slots=True, eq=False)
class Quantised:
    """A template or a probe: int8 [dimensions], hidden from `repr`, and one over its Euclidean length."""

    vector: NDArray[np.int8] = field(repr=False)
    scale: float


def quantise(embedding: NDArray[np.float32]) -> Quantised:
    """Quantise one embedding, float32 [dimensions], of any length (it is normalised on the way).

    Raises:
        EmbeddingUnusable: not one vector, of another size than a model makes, not finite, or all zero.
    """
    if embedding.ndim != 1 or not MIN_DIMENSIONS <= embedding.size <= MAX_DIMENSIONS:
        shape = "x".join(map(str, embedding.shape))
        raise EmbeddingUnusable(f"an embedding has the impossible shape {shape}", hint=_MODEL)
    # float64: the largest float32 components times 127 would overflow
    exact = embedding.astype(np.float64)
    if not np.isfinite(exact).all():
        raise EmbeddingUnusable("an embedding holds components that are not finite", hint=_MODEL)
    largest = float(np.abs(exact).max())
    if largest == 0.0:
        raise EmbeddingUnusable("an embedding is all zero", hint=_MODEL)
    vector = np.rint(exact / largest * LARGEST).astype(np.int8)
    return Quantised(vector, scale_of(vector))


def scale_of(vector: NDArray[np.int8]) -> float:
    """One over the Euclidean length of an int8 vector, rounded to float32 (the precision that is stored).

    Raises:
        EmbeddingUnusable: the vector is all zero.
    """
    wide = vector.astype(np.int32)
    squared = int(wide @ wide)
    if squared == 0:
        raise EmbeddingUnusable("a template is all zero", hint=_MODEL)
    return float(np.float32(1.0 / math.sqrt(squared)))


def cosine(a: Quantised, b: Quantised) -> float:
    """Comparison score of two quantised vectors of one model, in [-1, 1] up to float32 rounding."""
    return int(a.vector.astype(np.int32) @ b.vector.astype(np.int32)) * a.scale * b.scale


def angle_error_max(dimensions: int) -> float:
    """Radians by which quantising can turn any vector of `dimensions` components, whatever it looks like."""
    return math.asin(math.sqrt(dimensions) / (2 * LARGEST))


_MODEL = "capture again; if it stays so, the model is damaged: run `edge-gate models verify`"
