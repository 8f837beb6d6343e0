"""From one still picture to one embedding, for measuring: `edge.measure` and enrolment by folder.

Rule 1.  The models, the alignment and the order of work are those of the gate; only the gate's lane is missing (no
         tracks, no zone, no fusion). What is measured here is what stands in the lane.
Rule 2.  Unless limits are passed, nothing but "no face" is refused: an error rate that first discards the difficult
         pictures is not an error rate. With limits, each refusal has its reason, and is counted by whoever measures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from edge.clock import BootClock
from edge.core.values import Unfit
from edge.vision.embed import Embedder, NotAnEmbedding
from edge.vision.find import Face, FaceFinder
from edge.vision.meter import Meter, scene_light
from edge.vision.quality import Limits, judge, quality
from edge.vision.stages import Stages

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.packs import Pack
    from edge.packs.recipe import Precision
    from edge.vision.runtimes import Runtime
    from edge.vision.sampling import Image


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one picture gave: an embedding of length one, or the reason why not."""

    embedding: NDArray[np.float32] | None = field(repr=False)
    unfit: Unfit | None
    quality: float
    """In [0, 1]; 0 without a face."""
    face_px: float
    """Height of the face in pixels; 0 without a face."""


class Extractor:
    """Embeds the main face of a picture. One thread at a time."""

    def __init__(self, finder: FaceFinder, embedder: Embedder, limits: Limits | None = None) -> None:
        self._finder, self._embedder, self._meter, self._limits = finder, embedder, Meter(), limits

    @property
    def model_sha256(self) -> str:
        """Digest of the embedder: an embedding belongs to it and to nothing else."""
        return self._embedder.model.sha256

    @property
    def dims(self) -> int:
        """Length of an embedding."""
        return self._embedder.model.dims

    def extract(self, image: Image) -> Extraction:
        """Embed the main face of `image` (BGR uint8 [height, width, 3]): the largest for its distance to the centre.

        Raises:
            NotAnEmbedding: the model gave NaN or zero.
        """
        faces = self._finder.find(image)
        if not faces:
            return Extraction(None, scene_light(image, self._limits or Limits()) or Unfit.NO_FACE, 0.0, 0.0)
        face = _main(faces, image)
        measured = self._meter.measure(self._finder.frame, face)
        unfit = judge(measured, self._limits) if self._limits else None
        if unfit:
            return Extraction(None, unfit, quality(measured), face.size_px)
        self._embedder.align(self._finder.frame, face.points)
        return Extraction(self._embedder.embed(), None, quality(measured), face.size_px)

    def forget(self) -> None:
        """Overwrite everything that was cut from pictures."""
        self._finder.forget()
        self._embedder.forget()
        self._meter.forget()


def load_extractor(
    pack: Pack,
    *,
    precision: Precision = "int8",
    runtime: Runtime = "litert",
    threads: int = 1,
    limits: Limits | None = None,
) -> Extractor:
    """Verify and load the models of `pack`. Raises `PartFailed` and its kin in `edge.packs.errors`."""
    finder = FaceFinder(pack, Stages(BootClock()), runtime=runtime, threads=threads)
    embedder = Embedder(pack.embedder_for(precision), pack.alignment, runtime=runtime, threads=threads)
    return Extractor(finder, embedder, limits)


def _main(faces: list[Face], image: Image) -> Face:
    """The face that the picture was taken of."""
    middle = np.array(image.shape[1::-1]) / 2

    def prominence(face: Face) -> float:
        away = float(np.hypot(face.detection.x - middle[0], face.detection.y - middle[1]))
        return face.size_px - away

    return max(faces, key=prominence)


__all__ = ["Extraction", "Extractor", "NotAnEmbedding", "load_extractor"]
