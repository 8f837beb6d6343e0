"""Measuring one face for `edge.vision.quality`.

Everything is measured on one patch of a fixed size, cut upright around the face, so that a number means the same for a
near and a far face and for every embedder. Light is measured inside the mesh's outline only: hair and background have
a light of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.core.values import Unfit
from edge.vision.geometry import apply
from edge.vision.quality import Limits, Measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.vision.find import Face
    from edge.vision.sampling import Image, Pyramid

PATCH_PX = 96
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""The mesh's outline of the face, clockwise from the brow."""
MIDLINE = (10, 168, 6, 195, 4, 164, 17, 152)
"""Brow, bridge and tip of the nose, lips, chin; from top to bottom."""
GLARE = 250
"""Grey level from which a pixel says nothing any more."""
NOISE_SIGMA_PX = 0.8
"""Sensor noise is finer than faces: it must not pass for sharpness."""
FINE_PX, COARSE_PX = 2, 6
FLAT = 0.5
"""Grey levels: with less structure than this there is nothing to call sharp."""
_INNER = slice(COARSE_PX, PATCH_PX - COARSE_PX)
SCENE_STEP = 8
"""Every eighth pixel is enough to see whether a frame is dark."""
SCENE_DARK, SCENE_GLARE = 30.0, 0.5
"""Below this mean grey level, or above this fraction of glare, the light is why no face was found."""


class Meter:
    """Measures faces of a frame. Its patch holds pixels; `forget` overwrites it."""

    def __init__(self) -> None:
        self._patch = np.zeros((PATCH_PX, PATCH_PX, 3), np.uint8)
        self._grey = np.zeros((PATCH_PX, PATCH_PX), np.uint8)
        self._smooth = np.zeros((PATCH_PX, PATCH_PX), np.float32)
        self._mask = np.zeros((PATCH_PX, PATCH_PX), np.uint8)

    def measure(self, frame: Pyramid, face: Face) -> Measured:
        """Measure one face of the frame that `frame` holds."""
        onto = face.detection.region(1.0).onto(PATCH_PX)
        frame.cut(onto, self._patch, border=cv2.BORDER_REPLICATE)
        cv2.cvtColor(self._patch, cv2.COLOR_BGR2GRAY, dst=self._grey)
        points = apply(onto, face.points[:, :2])
        self._mask.fill(0)
        cv2.fillPoly(self._mask, [np.rint(points[list(OVAL)]).astype(np.int32)], 1)
        on_face = self._mask.astype(bool)
        grey = self._grey[on_face]
        height, width = frame.shape
        return Measured(
            face_px=face.size_px,
            fills=face.size_px / height,
            inside=float(((face.points[:, :2] >= -1) & (face.points[:, :2] <= (width, height))).all(axis=1).mean()),
            pose=face.pose,
            luma=float(grey.mean()) if grey.size else float("nan"),
            glare=float((grey >= GLARE).mean()) if grey.size else float("nan"),
            evenness=self._evenness(points[list(MIDLINE)], on_face),
            sharpness=self._sharpness(on_face),
            clearness=face.detection.score,
        )

    def forget(self) -> None:
        """Overwrite the patch."""
        for buffer in self.buffers:
            buffer.fill(0)

    @property
    def buffers(self) -> list[NDArray[np.uint8] | NDArray[np.float32]]:
        """Everything in here that can hold pixels of a person."""
        return [self._patch, self._grey, self._smooth, self._mask]

    def _evenness(self, midline: NDArray[np.float64], on_face: NDArray[np.bool_]) -> float:
        rows = np.arange(PATCH_PX)
        middle = np.interp(rows, midline[:, 1], midline[:, 0])
        left = on_face & (rows[None, :] < middle[:, None])
        right = on_face & ~left
        if not (left.any() and right.any()):
            return 0.0  # seen from the side
        levels = sorted((float(self._grey[left].mean()), float(self._grey[right].mean())))
        return levels[0] / max(levels[1], 1.0)

    def _sharpness(self, on_face: NDArray[np.bool_]) -> float:
        """Second differences are blind to shading, and their ratio to contrast."""
        cv2.GaussianBlur(self._grey.astype(np.float32), (0, 0), NOISE_SIGMA_PX, dst=self._smooth)
        inner = on_face[_INNER, _INNER]
        if not inner.any():
            return 0.0
        ratios = []
        for picture in (self._smooth, self._smooth.T):  # what moves blurs one direction only
            turned = inner if picture is self._smooth else inner.T
            fine, coarse = (float(np.abs(_bend(picture, step))[turned].mean()) for step in (FINE_PX, COARSE_PX))
            ratios.append(fine / max(coarse, FLAT))
        return min(ratios)


def scene_light(image: Image, limits: Limits) -> Unfit | None:
    """Why a frame without a face may have none: too dark or too bright, as seen on a coarse grid of its pixels."""
    grid = image[::SCENE_STEP, ::SCENE_STEP].max(axis=2)
    if float(grid.mean()) < max(SCENE_DARK, limits.luma_min):
        return Unfit.TOO_DARK
    return Unfit.TOO_BRIGHT if float((grid >= GLARE).mean()) > SCENE_GLARE else None


def _bend(picture: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Second difference over `step` rows, without the border of `COARSE_PX`."""
    last = PATCH_PX - COARSE_PX
    before, after = picture[COARSE_PX - step : last - step, _INNER], picture[COARSE_PX + step : last + step, _INNER]
    bend: NDArray[np.float32] = 2 * picture[_INNER, _INNER] - before - after
    return bend
