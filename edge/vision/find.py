"""From a frame to the faces in it.

    tiles  ──>  second look  ──>  mesh
    where might faces be?         is it one, and where exactly are its eyes and mouth?

One pass of BlazeFace over a whole frame loses faces below 30 % of its height. So the frame is covered with square
tiles that overlap by half, a low threshold proposes, and each proposal gets a second look at twice its box, turned
upright, where the threshold is high. What remains is confirmed by the mesh. That holds from 12.5 % of the frame's
height upwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge.vision.detect import Detection, Detector
from edge.vision.geometry import Region
from edge.vision.landmarks import Mesh, Pose, pose_of
from edge.vision.model import Model
from edge.vision.sampling import Pyramid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.packs import Pack
    from edge.vision.runtimes import Runtime
    from edge.vision.sampling import Image

PROPOSE = 0.3
CONFIRM = 0.7
FACE_FLAG = 0.5
SECOND_LOOK = 2.0
"""Side of the second look, in sides of the proposed box."""
MESH_LOOK = 1.5
"""Side of the mesh's region, in sides of the confirmed box."""
MAX_TILES = 8
MAX_FACES = 8
"""Proposals that are followed up in one frame, best first. More people than this stand in no lane."""


@dataclass(frozen=True, slots=True)
class Face:
    """One confirmed face, in frame pixels."""

    detection: Detection
    presence: float
    pose: Pose
    points: NDArray[np.float64] = field(repr=False)
    """Mesh points, float64 [468, 3]."""

    @property
    def size_px(self) -> float:
        """The detector's box, about brow to chin."""
        return self.detection.height_px


class FaceFinder:
    """Finds every face of a frame. Frames are borrowed; what it made of them is overwritten by `forget`."""

    def __init__(self, pack: Pack, *, runtime: Runtime = "litert", threads: int = 1) -> None:
        """Verify and load detector and mesh of `pack`. Raises `PartFailed`."""
        self.frame = Pyramid()
        self._models = [Model(part, runtime=runtime, threads=threads) for part in (pack.detector, pack.landmarks)]
        self._detector, self._mesh = Detector(self._models[0]), Mesh(self._models[1])

    def find(self, image: Image) -> list[Face]:
        """All faces of `image` (BGR uint8 [height, width, 3]), best first."""
        self.frame.begin(image)
        proposals = self._detector.look(self.frame, tiles(*self.frame.shape), PROPOSE)
        return self.confirm(proposals)

    def confirm(self, proposals: list[Detection]) -> list[Face]:
        """Second look and mesh on what might be faces in the frame that was last looked at."""
        looks = [proposal.region(SECOND_LOOK) for proposal in proposals[:MAX_FACES]]
        faces = []
        for detection in self._detector.look(self.frame, looks, CONFIRM):
            points, presence = self._mesh.fit(self.frame, detection.region(MESH_LOOK))
            if presence >= FACE_FLAG:
                faces.append(Face(detection, presence, pose_of(points), points))
        return faces

    def forget(self) -> None:
        """Overwrite everything that was cut from frames."""
        self.frame.forget()
        self._detector.forget()
        self._mesh.forget()

    @property
    def buffers(self) -> list[NDArray[np.uint8]]:
        """Everything in here that can hold pixels of a person."""
        return [*self.frame.buffers, *(buffer for model in self._models for buffer in model.buffers)]


def tiles(height: int, width: int) -> list[Region]:
    """Squares of the frame's short side that cover it, each overlapping the next by half a side or more."""
    short, spare = min(height, width), abs(width - height)
    count = min(1 + math.ceil(spare / (short / 2)), MAX_TILES)
    offsets = [spare * i / max(count - 1, 1) for i in range(count)]
    middle = (short - 1) / 2
    if width >= height:
        return [Region(middle + offset, middle, short) for offset in offsets]
    return [Region(middle, middle + offset, short) for offset in offsets]
