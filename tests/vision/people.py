"""Two people in the public domain, out of the wheels of matplotlib and scikit-image, and frames with them in it."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.vision.runtimes import Runtime

Image = NDArray[np.uint8]
WIDTH, HEIGHT = 640, 480
RUNTIME: Runtime = "litert" if importlib.util.find_spec("ai_edge_litert") else "tflite-runtime"
"""What is installed here: the suite runs once with each."""
_PLACES = {
    "grace": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", (265.6, 240.1), 201.2, "matplotlib"),
    "astronaut": ("skimage", "data/astronaut.png", (221.9, 122.7), 101.1, "scikit-image"),
}
"""Package, file, centre of the face and height of its box in pixels, and the name to install."""


@dataclass(frozen=True)
class Person:
    """A photograph, and where the face is in it."""

    image: Image = field(repr=False)
    centre: tuple[float, float]
    face_px: float


def person(name: str) -> Person:
    package, inside, centre, face_px, install = _PLACES[name]
    found = importlib.util.find_spec(package)
    path = Path(next(iter(found.submodule_search_locations or []), "")) / inside if found else Path()
    if not path.is_file():
        pytest.skip(f"needs the picture inside the wheel of {install}, which is not installed")
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert image is not None
    return Person(np.asarray(image, np.uint8), centre, face_px)


def lane(width: int = WIDTH, height: int = HEIGHT, seed: int = 1) -> Image:
    """An empty lane: a soft background that is no face."""
    random = np.random.default_rng(seed)
    coarse = random.integers(70, 150, (6, 8, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def stand(into: Image, who: Person, *, face_px: float, x: float = 0.5, y: float = 0.45, roll_deg: float = 0.0) -> Image:
    """Paint `who` into a copy of `into`: the face `face_px` high, centred at fractions `x`, `y`, turned clockwise."""
    height, width = into.shape[:2]
    scale, turn = face_px / who.face_px, math.radians(roll_deg)
    a, b = scale * math.cos(turn), scale * math.sin(turn)
    linear = np.array([[a, -b], [b, a]])
    shift = np.array([x * width - 0.5, y * height - 0.5]) - linear @ who.centre
    matrix = np.column_stack([linear, shift])
    photograph, grown = who.image, 1.0
    while scale * grown < 0.5:
        photograph = np.asarray(
            cv2.resize(photograph, (photograph.shape[1] // 2, photograph.shape[0] // 2), interpolation=cv2.INTER_AREA)
        )
        grown *= 2
    matrix = np.column_stack([linear * grown, matrix[:, 2] + linear.sum(axis=1) * (grown - 1) / 2])
    painted = cv2.warpAffine(photograph, matrix, (width, height), flags=cv2.INTER_LINEAR)
    veil = np.zeros((height, width), np.uint8)
    cv2.circle(veil, (round(x * width), round(y * height)), max(1, round(0.95 * face_px)), 255, cv2.FILLED)
    there = cv2.warpAffine(np.full(photograph.shape[:2], 255, np.uint8), matrix, (width, height))
    result = into.copy()
    result[(veil > 0) & (there > 128)] = painted[(veil > 0) & (there > 128)]
    return result


def noisy(image: Image, sigma: float, seed: int = 0) -> Image:
    """Sensor noise of `sigma` grey levels."""
    noise = np.random.default_rng(seed).normal(0.0, sigma, image.shape)
    return np.asarray(np.clip(image + noise, 0, 255), np.uint8)


def dimmed(image: Image, factor: float) -> Image:
    """Less light, or more."""
    return np.asarray(np.clip(image.astype(np.float32) * factor, 0, 255), np.uint8)
