"""Turned squares and similarities: the only shapes in which the eye thinks.

Rule 1.  One convention throughout: pixel centres lie at whole numbers, so an image of width w spans [-0.5, w - 0.5].
         Half a pixel between two conventions costs more accuracy than int8 does.
Rule 2.  Whatever a model looks at is a `Region`: a square of the image, turned about its centre. Tiles, second looks,
         mesh regions and face patches differ only in where it lies.
Rule 3.  A face is laid onto a template by a similarity (turn, one scale, shift) in the least-squares sense, never by a
         general affine map: shearing a face changes who it looks like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Affine = NDArray[np.float64]
    """[2, 3]: target = affine[:, :2] @ source + affine[:, 2]."""
    Points = NDArray[np.float64]
    """[n, 2]: x right, y down, in pixels."""


@dataclass(frozen=True, slots=True)
class Region:
    """A square of `side_px` around (`x`, `y`), turned clockwise (as seen) by `angle_rad`."""

    x: float
    y: float
    side_px: float
    angle_rad: float = 0.0

    def onto(self, size_px: int) -> Affine:
        """The similarity that lays this region onto a picture of `size_px` x `size_px`: float64 [2, 3]."""
        scale = size_px / self.side_px
        cos, sin = scale * np.cos(self.angle_rad), scale * np.sin(self.angle_rad)
        turn = np.array([[cos, sin], [-sin, cos]])
        shift = (size_px - 1) / 2 - turn @ (self.x, self.y)
        return np.column_stack([turn, shift])


def apply(affine: Affine, points: Points) -> Points:
    """Map points [n, 2]."""
    return points @ affine[:, :2].T + affine[:, 2]


def inverse(affine: Affine) -> Affine:
    """The affine map that undoes `affine`."""
    (a, b, x), (c, d, y) = affine.tolist()
    area = a * d - b * c  # written out: for four numbers the general solver costs more than a detector's decoding
    undone: Affine = np.array([[d, -b, b * y - d * x], [-c, a, c * x - a * y]]) / area
    return undone


def scale_of(affine: Affine) -> float:
    """How many target pixels one source pixel becomes, for a similarity."""
    return float(np.hypot(affine[0, 0], affine[1, 0]))


def similarity(source: Points, target: Points, weights: NDArray[np.float64] | None = None) -> Affine:
    """The similarity that lays `source` [n, 2] onto `target` [n, 2] with the least weighted squared error.

    Closed form for the plane of S. Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", IEEE PAMI 13(4), 1991, without reflections.

    Raises:
        ValueError: fewer than two different points, or a point that is not finite.
    """
    weight = np.full(len(source), 1.0 / len(source)) if weights is None else weights / weights.sum()
    from_mean, to_mean = weight @ source, weight @ target
    here, there = source - from_mean, target - to_mean
    spread = float(weight @ (here**2).sum(axis=1))
    if not np.isfinite(spread) or spread <= 0.0:
        raise ValueError("a similarity needs two different, finite points")
    along = float(weight @ (here * there).sum(axis=1)) / spread
    across = float(weight @ (here[:, 0] * there[:, 1] - here[:, 1] * there[:, 0])) / spread
    turn = np.array([[along, -across], [across, along]])
    return np.column_stack([turn, to_mean - turn @ from_mean])
