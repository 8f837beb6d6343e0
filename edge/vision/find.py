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
from edge.vision.zone import Place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.packs import Pack
    from edge.vision.runtimes import Runtime
    from edge.vision.sampling import Image
    from edge.vision.stages import Stages

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

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.detection.x, self.detection.y, self.detection.side_px)


class FaceFinder:
    """Finds every face of a frame. Frames are borrowed; what it made of them is overwritten by `forget`."""

    def __init__(self, pack: Pack, stages: Stages, *, runtime: Runtime = "litert", threads: int = 1) -> None:
        """Verify and load detector and mesh of `pack`. Raises `PartFailed`."""
        self.frame = Pyramid()
        self._stages = stages
        self._models = [Model(part, runtime=runtime, threads=threads) for part in (pack.detector, pack.landmarks)]
        self._detector, self._mesh = Detector(self._models[0]), Mesh(self._models[1])

    def find(self, image: Image) -> list[Face]:
        """All faces of `image` (BGR uint8 [height, width, 3]), best first."""
        self.frame.begin(image)
        with self._stages.timed("detect"):
            proposals = self._detector.look(self.frame, tiles(*self.frame.shape), PROPOSE)
        return self._confirmed(proposals)

    def find_again(self, image: Image, face: Face) -> list[Face]:
        """What is now where `face` was in the frame before: one face, or none. Sees nobody else."""
        self.frame.begin(image)
        return self._confirmed([face.detection])[:1]

    def _confirmed(self, proposals: list[Detection]) -> list[Face]:
        looks = [proposal.region(SECOND_LOOK) for proposal in proposals[:MAX_FACES]]
        with self._stages.timed("second-look"):
            detections = self._detector.look(self.frame, looks, CONFIRM)
        faces = []
        with self._stages.timed("mesh"):
            for detection in detections:
                points, presence = self._mesh.fit(self.frame, detection.region(MESH_LOOK))
                if presence >= FACE_FLAG:
                    faces.append(Face(detection, presence, pose_of(points), points))
        return faces

    def self_test(self) -> None:
        """Run both models once on black. Raises what a broken model raises."""
        for model in self._models:
            model.forget()

    def forget(self) -> None:
        """Overwrite everything that was cut from frames."""
        self.frame.forget()
        for model in self._models:
            model.forget()

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
