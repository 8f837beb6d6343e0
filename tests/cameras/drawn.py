"""Pictures for tests, drawn on the spot: no image file is part of this project."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.config.schema import Camera

WIDTH, HEIGHT = 160, 120


def settings(kind: str, device: object = "", *, width: int = WIDTH, height: int = HEIGHT, fps: int = 30) -> Camera:
    return Camera(kind=kind, device=str(device), width=width, height=height, fps=fps)  # type: ignore[arg-type]


def picture(seed: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """Something with structure; another one for each seed."""
    image = np.full((height, width, 3), 40 + seed * 7 % 160, dtype=np.uint8)
    centre = (10 + seed * 13 % (width - 20), height // 2)
    cv2.circle(image, centre, height // 5, (30, 200, 220), cv2.FILLED)
    return image


def save(path: Path, image: NDArray[np.uint8]) -> Path:
    assert cv2.imwrite(str(path), image)
    return path


def folder(path: Path, count: int = 4) -> Path:
    path.mkdir(exist_ok=True)
    for number in range(count):
        save(path / f"{number:03}.png", picture(number))
    return path


def video(path: Path, frames: int = 6, width: int = WIDTH, height: int = HEIGHT) -> Path:
    """A Motion JPEG AVI."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (width, height))
    assert writer.isOpened()
    for number in range(frames):
        writer.write(picture(number, width, height))
    writer.release()
    return path
