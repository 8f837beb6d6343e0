"""Laying a face onto the template of its embedder.

Each pack says where its mesh points lie in its input. Chips are cut by one similarity from the frame itself, never from
another cut: every resampling blurs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.vision.geometry import similarity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.packs import Alignment
    from edge.vision.geometry import Affine


def onto_template(points: NDArray[np.float64], alignment: Alignment) -> Affine:
    """The similarity from frame pixels to the embedder's input, for mesh points [468, 3]."""
    return similarity(points[list(alignment.mesh_indices), :2], alignment.points)
