"""MediaPipe's face mesh: 468 points on a face, and whether there is a face at all.

Rule 1.  What the mesh does not take for a face is none, whatever the detector said: false alarms die here.
Rule 2.  Points come back in frame pixels, depth in the same unit (nearer is smaller, zero at the head's centre).
Rule 3.  Head pose is read from distances between points of the mesh that mirror each other, in three dimensions; no
         camera matrix is assumed. (Y. Kartynnik et al., "Real-time facial surface geometry from monocular video on
         mobile GPUs", 2019, describes the mesh; the point numbers are those of MediaPipe's canonical face model.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.vision.geometry import apply, inverse, scale_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.vision.geometry import Region
    from edge.vision.model import Model
    from edge.vision.sampling import Pyramid

INPUT_PX = 192
POINTS = 468
MAX_LOGIT = 100.0

# Point numbers of the canonical face model; left and right are the image's.
MIRRORED = ((33, 263), (133, 362), (61, 291), (127, 356), (234, 454))
"""Outer eye corners, inner eye corners, mouth corners, temples, cheeks."""
BROW, CHIN = 10, 152
"""On the midline."""
NOSE_TIP = 1
LEVEL_PITCH_DEG = 5.5
"""What the mesh gives for a face that looks straight ahead: the median of LFW, whose people look at a camera."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How a head is turned, in degrees; zero looks into the camera, upright.

    `yaw_deg` is positive when the face points to the image's right, `pitch_deg` when it points down, `roll_deg` when
    the head is tilted clockwise as seen.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


class Mesh:
    """The mesh network on one region of a frame."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def fit(self, frame: Pyramid, region: Region) -> tuple[NDArray[np.float64], float]:
        """Points float64 [468, 3] in frame pixels, and the probability (0 to 1) that `region` holds a face."""
        onto = region.onto(INPUT_PX)
        frame.cut(onto, self._model.picture, border=cv2.BORDER_REPLICATE)
        points, logit = self._model()
        back = inverse(onto)
        found = points.reshape(POINTS, 3).astype(np.float64)
        found[:, :2] = apply(back, found[:, :2] - 0.5)  # edges at whole numbers there, pixel centres here
        found[:, 2] *= scale_of(back)
        presence = 1 / (1 + np.exp(-np.clip(float(logit.ravel()[0]), -MAX_LOGIT, MAX_LOGIT)))
        # A comparison with NaN is false: a broken network sees no face.
        return found, float(presence) if np.isfinite(found).all() else float("nan")


def pose_of(points: NDArray[np.float64]) -> Pose:
    """Head pose from mesh points [468, 3]. Exact for a rigid turn of the same face up to the mesh's own depth error."""
    pairs = np.array(MIRRORED)
    across = (points[pairs[:, 1]] - points[pairs[:, 0]]).sum(axis=0)
    down = points[CHIN] - points[BROW]
    across, down = across / np.linalg.norm(across), down / np.linalg.norm(down)
    return Pose(
        yaw_deg=float(np.degrees(np.arcsin(across[2]))),
        pitch_deg=float(np.degrees(np.arcsin(down[2]))) - LEVEL_PITCH_DEG,
        roll_deg=float(np.degrees(np.arctan2(across[1], across[0]))),
    )
