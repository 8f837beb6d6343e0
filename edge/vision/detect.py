"""BlazeFace, short range: where faces are, and roughly how they are turned.

The network sees 128 x 128 pixels and gives one score, one box and six keypoints for each of 896 anchors
(V. Bazarevsky et al., "BlazeFace: Sub-millisecond neural face detection on mobile GPUs", 2019; the constants are those
of MediaPipe 0.10.21's graph `face_detection_short_range`).

Rule 1.  Detections of all regions of one frame are pooled before any is dropped, so that a face on the seam of two
         tiles is one face.
Rule 2.  Overlapping detections are averaged by score, not thrown away: the mean of several anchors shakes less.
Rule 3.  Ears are never used: they move with the head's yaw.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.vision.geometry import Region, apply, inverse, scale_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge.vision.model import Model
    from edge.vision.sampling import Pyramid

INPUT_PX = 128
GRIDS = ((16, 2), (8, 6))
"""Cells a side, and anchors in each cell; row by row. An anchor is a point: its size is 1 everywhere."""
KEYPOINTS = 6
MAX_LOGIT = 100.0
SAME_FACE_IOU = 0.3


@dataclass(frozen=True, slots=True)
class Detection:
    """One face. Its keypoints are left eye, right eye, nose, mouth, left ear, right ear; left as seen in the image."""

    score: float
    x: float
    y: float
    width_px: float
    height_px: float
    keypoints: NDArray[np.float64] = field(repr=False)

    @property
    def side_px(self) -> float:
        """The box's long side."""
        return max(self.width_px, self.height_px)

    @property
    def roll_rad(self) -> float:
        """How far the line through the eyes is turned clockwise (as seen)."""
        across = self.keypoints[1] - self.keypoints[0]
        return float(np.arctan2(across[1], across[0]))

    def region(self, factor: float) -> Region:
        """The square of `factor` times the box's long side around it, turned with the eyes."""
        return Region(self.x, self.y, factor * self.side_px, self.roll_rad)


class Detector:
    """BlazeFace on regions of one frame."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._anchors = _anchors()

    def look(self, frame: Pyramid, regions: Sequence[Region], threshold: float) -> list[Detection]:
        """Faces in any of `regions` with a score of `threshold` (0 to 1) or more, best first; frame pixels."""
        pooled = [self._one(frame, region, threshold) for region in regions]
        return suppress(np.concatenate(pooled)) if pooled else []

    def _one(self, frame: Pyramid, region: Region, threshold: float) -> NDArray[np.float64]:
        onto = region.onto(INPUT_PX)
        frame.cut(onto, self._model.picture, border=cv2.BORDER_CONSTANT)
        boxes, logits = self._model()
        found = decode(boxes[0], logits[0, :, 0], self._anchors, threshold)
        back = inverse(onto)
        found[:, 1:3] = apply(back, found[:, 1:3])
        found[:, 3:5] *= scale_of(back)
        found[:, 5:] = apply(back, found[:, 5:].reshape(-1, 2)).reshape(-1, 2 * KEYPOINTS)
        return found


def decode(
    boxes: NDArray[np.float32], logits: NDArray[np.float32], anchors: NDArray[np.float64], threshold: float
) -> NDArray[np.float64]:
    """Rows of score, centre x, y, width, height and keypoints x, y, in pixels of the network's input.

    Args:
        boxes: float32 [896, 16], offsets from the anchor in input pixels: centre, size, keypoints.
        logits: float32 [896].
        anchors: float64 [896, 2], in fractions of the input.
        threshold: the least score; whatever is not a number is below it.
    """
    # In logits, so that the sigmoid is taken for the few that remain.
    keep = logits >= np.log(threshold / (1 - threshold))
    chosen = boxes[keep].astype(np.float64)
    origin = anchors[keep] * INPUT_PX - 0.5  # edges at whole numbers there, pixel centres here
    score = 1 / (1 + np.exp(-np.minimum(logits[keep].astype(np.float64), MAX_LOGIT)))
    centre = chosen[:, :2] + origin
    keypoints = chosen[:, 4:] + np.tile(origin, KEYPOINTS)
    rows = np.column_stack([score, centre, chosen[:, 2:4], keypoints])
    usable: NDArray[np.float64] = rows[np.isfinite(rows).all(axis=1) & (rows[:, 3:5] > 0).all(axis=1)]
    return usable


def suppress(rows: NDArray[np.float64]) -> list[Detection]:
    """Weighted non-maximum suppression: each detection is the mean, by score, of all that overlap the best one."""
    rest = rows[np.argsort(-rows[:, 0], kind="stable")]
    faces = []
    while len(rest):
        same = _overlap(rest[0, 1:5], rest[:, 1:5]) >= SAME_FACE_IOU
        same[0] = True
        mean = np.average(rest[same], axis=0, weights=rest[same, 0])
        x, y, width, height = (float(value) for value in mean[1:5])
        faces.append(Detection(float(rest[0, 0]), x, y, width, height, mean[5:].reshape(KEYPOINTS, 2)))
        rest = rest[~same]
    return faces


def _overlap(box: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of one box (centre, size) with many; turned boxes are taken as if upright."""
    low = np.maximum(box[:2] - box[2:] / 2, boxes[:, :2] - boxes[:, 2:] / 2)
    high = np.minimum(box[:2] + box[2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2)
    common = np.maximum(high - low, 0).prod(axis=1)
    union: NDArray[np.float64] = box[2:].prod() + boxes[:, 2:].prod(axis=1) - common
    overlap: NDArray[np.float64] = common / union
    return overlap


def _anchors() -> NDArray[np.float64]:
    """Anchor points [896, 2] (x, y) in fractions of the input."""
    return np.concatenate(
        [
            np.stack(np.meshgrid(*[(np.arange(cells) + 0.5) / cells] * 2), axis=-1).reshape(-1, 2).repeat(each, axis=0)
            for cells, each in GRIDS
        ]
    )
