"""People made of colours, and an extractor that sees nothing else: for tests of everything around the models.

A picture is 16x16 pixels; its first two rows hold the person's colours (with noise), which become the embedding. A
black picture has no face; a picture whose first pixel is pure red breaks the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.values import Unfit
from edge.vision.embed import NotAnEmbedding

SIDE = 16
RED = (0, 0, 255)


@dataclass(frozen=True)
class Seen:
    """What the fake extractor gives."""

    embedding: NDArray[np.float32] | None
    unfit: Unfit | None


class ColourExtractor:
    """Takes the first two rows for a face."""

    def extract(self, image: NDArray[np.uint8], /) -> Seen:
        if not image.any():
            return Seen(None, Unfit.NO_FACE)
        if tuple(image[0, 0]) == RED:
            raise NotAnEmbedding("red", hint="none")
        vector = image[:2].astype(np.float32).ravel() - 127.5
        return Seen(vector / np.linalg.norm(vector), None)


def load() -> ColourExtractor:
    """As `edge.measure.embed.Loader`; importable by name, so that another process can call it."""
    return ColourExtractor()


def picture(person: int, number: int, noise: float = 20.0) -> NDArray[np.uint8]:
    """Picture `number` of `person`."""
    colours = np.random.default_rng(person).integers(0, 256, (2, SIDE, 3))
    noisy = colours + np.random.default_rng([person, number]).normal(0.0, noise, colours.shape)
    image = np.full((SIDE, SIDE, 3), 127, np.uint8)
    image[:2] = noisy.clip(0, 255).astype(np.uint8)
    image[0, 0] = (1, 2, 3)
    return image


def save(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())


def make_people(root: Path, images_of: list[int], noise: float = 20.0) -> Path:
    """A folder with one folder a person, holding so many pictures each."""
    for person, count in enumerate(images_of):
        for number in range(count):
            save(root / f"p{person:03d}" / f"{number}.png", picture(person, number, noise))
    return root
