"""Paints what the simulated lane camera sees: a drawn lane, people with photographed faces, light, blur and noise.

The order is that of light: the people stand in the lane, the lamp lights both, the lens blurs, the sensor adds its
noise. A face is one warp of its photograph, so that its size, place and angle are exact; around it the photograph
fades out, wide enough (`OPAQUE`) that no detector and no embedder sees the seam.

The same scene at the same moment is the same picture, but for nothing: the noise too comes from a fixed seed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.sim.stage import Person, Scene
    from edge.vision.cameras.faces import Face

OPAQUE, FADED = 0.65, 1.0
"""Where fading begins and ends: half axes of an ellipse around the face, in lengths of the face."""
SLENDER = 1.35
"""Height of that ellipse by its width. Slender, so that two people may stand side by side in one lane."""
EDGE = 0.04
"""Fraction of the photograph over which its border fades."""
SWAY_X_S, SWAY_Y_S = 3.1, 2.3
"""Periods of the slow movement; not multiples of each other, so that it does not look mechanical."""
SEED = 20250601
_NOISE_MARGIN_PX = 64
_SHRINK = 0.5
"""A warp to less than half the size skips pixels; the photograph is halved first (the sampling theorem)."""


class Scenery:
    """One lane of `width` x `height` pixels and the faces that may enter it."""

    def __init__(self, width: int, height: int, faces: dict[str, Face]) -> None:
        self._size = (width, height)
        self._lane = draw_lane(width, height)
        self._photographs = {name: _Photograph(face) for name, face in faces.items()}
        self._random = np.random.default_rng(SEED)
        self._noise = np.zeros((0, 0, 3), dtype=np.int16)
        self._noise_level = -1.0

    def unknown(self, scene: Scene) -> set[str]:
        """The faces that `scene` asks for and that are not here."""
        return {person.face for person in scene.people} - self._photographs.keys()

    def paint(self, scene: Scene, at_s: float, into: NDArray[np.uint8]) -> None:
        """Paint `scene` as it is `at_s` seconds after the opening, over all of `into` (BGR uint8)."""
        into[:] = self._lane
        for person in scene.people:
            matrix = self._stand(person, at_s)
            self._photographs[person.face].paste(matrix, into)
        if scene.light != 1.0:
            cv2.convertScaleAbs(into, dst=into, alpha=scene.light)
        if scene.blur_px > 0:
            cv2.GaussianBlur(into, (0, 0), scene.blur_px, dst=into)
        if scene.noise > 0:
            cv2.add(into, self._noise_crop(scene.noise), dst=into, dtype=cv2.CV_8U)

    def _stand(self, person: Person, at_s: float) -> NDArray[np.float64]:
        """The affine map from the photograph to the frame, both in OpenCV's pixel coordinates."""
        width, height = self._size
        x, y, w, h = self._photographs[person.face].box
        scale = person.height_px / h
        turn = math.radians(person.roll_deg)
        a, b = scale * math.cos(turn), scale * math.sin(turn)
        to_x = person.x * width + person.sway_px * math.sin(2 * math.pi * at_s / SWAY_X_S)
        to_y = person.y * height + person.sway_px / 2 * math.sin(2 * math.pi * at_s / SWAY_Y_S)
        # Half-pixel convention: OpenCV's coordinate 0 is the centre of the first pixel.
        from_x, from_y, to_x, to_y = x + w / 2 - 0.5, y + h / 2 - 0.5, to_x - 0.5, to_y - 0.5
        return np.array([[a, -b, to_x - a * from_x + b * from_y], [b, a, to_y - b * from_x - a * from_y]])

    def _noise_crop(self, level: float) -> NDArray[np.int16]:
        """A piece of one sheet of Gaussian noise at a random place: a tenth of the cost of fresh noise."""
        width, height = self._size
        if level != self._noise_level:
            shape = (height + _NOISE_MARGIN_PX, width + _NOISE_MARGIN_PX, 3)
            sheet = self._random.normal(0.0, level, shape).astype(np.float32)
            self._noise, self._noise_level = np.rint(sheet).astype(np.int16), level
        top, left = self._random.integers(0, _NOISE_MARGIN_PX, 2)
        return self._noise[top : top + height, left : left + width]


class _Photograph:
    """A face and its mask, at full and at smaller scales."""

    def __init__(self, face: Face) -> None:
        self.box = face.box
        mask = _mask(face)
        # Premultiplied: a warp of image x mask and of the mask blends without a dark seam.
        premultiplied = (face.image.astype(np.float32) * mask[..., None]).round().astype(np.uint8)
        cover = np.repeat((mask * 255).round().astype(np.uint8)[..., None], 3, axis=2)
        self._layers = [(premultiplied, cover)]
        while min(self._layers[-1][0].shape[:2]) > 2 * 16:
            photograph, veil = self._layers[-1]
            self._layers.append((_halved(photograph), _halved(veil)))

    def paste(self, matrix: NDArray[np.float64], into: NDArray[np.uint8]) -> None:
        """Blend the photograph, mapped by `matrix`, over `into`."""
        layer, scale = 0, math.hypot(matrix[0, 0], matrix[1, 0])
        while scale < _SHRINK and layer + 1 < len(self._layers):
            layer, scale = layer + 1, scale * 2
            # Coordinates of the halved image: x' = (x + 0.5) / 2 - 0.5, so x = 2 x' + 0.5.
            matrix = np.column_stack([matrix[:, :2] * 2, matrix[:, 2] + matrix[:, :2] @ [0.5, 0.5]])
        premultiplied, cover = self._layers[layer]
        left, top, right, bottom = _reach(matrix, premultiplied.shape, into.shape)
        if left >= right or top >= bottom:
            return
        there = into[top:bottom, left:right]
        shifted = matrix - np.array([[0, 0, left], [0, 0, top]])
        size = (right - left, bottom - top)
        person = cv2.warpAffine(premultiplied, shifted, size, flags=cv2.INTER_LINEAR)
        behind = cv2.bitwise_not(cv2.warpAffine(cover, shifted, size, flags=cv2.INTER_LINEAR))
        there[:] = cv2.add(person, cv2.multiply(there, behind, scale=1 / 255))


def _reach(matrix: NDArray[np.float64], source: tuple[int, ...], frame: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The part of the frame (left, top, right, bottom) that a mapped image of shape `source` can touch."""
    height, width = source[:2]
    corners = matrix @ np.array([[-1, width, -1, width], [-1, -1, height, height], [1, 1, 1, 1]])
    low, high = np.floor(corners.min(axis=1)), np.ceil(corners.max(axis=1)) + 1
    left, top = np.maximum(low, 0)
    right, bottom = np.minimum(high, (frame[1], frame[0]))
    return int(left), int(top), int(right), int(bottom)


def _halved(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[0] // 2, image.shape[1] // 2
    even = image[: height * 2, : width * 2]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _mask(face: Face) -> NDArray[np.float32]:
    """How much of the photograph is seen at each of its pixels, 0 to 1: all of it near the face, nothing far away."""
    height, width = face.image.shape[:2]
    x, y, w, h = face.box
    across = (np.arange(width, dtype=np.float32) + 0.5 - (x + w / 2)) / max(w, h)
    down = (np.arange(height, dtype=np.float32) + 0.5 - (y + h / 2)) / max(w, h)
    distance = np.hypot(across[None, :], down[:, None] / SLENDER)
    near = np.clip((FADED - distance) / (FADED - OPAQUE), 0, 1)
    border_px = EDGE * min(height, width) + 1
    inside_x = np.minimum(np.arange(width) + 1, width - np.arange(width)) / border_px
    inside_y = np.minimum(np.arange(height) + 1, height - np.arange(height)) / border_px
    mask = near * np.clip(inside_x, 0, 1)[None, :] * np.clip(inside_y, 0, 1)[:, None]
    return np.asarray(mask * mask * (3 - 2 * mask), dtype=np.float32)


def draw_lane(width: int, height: int) -> NDArray[np.uint8]:
    """An empty lane, BGR uint8: wall, floor, two cabinets with glass wings, a strip light. Drawn, not photographed."""
    lane = np.empty((height, width, 3), dtype=np.uint8)
    horizon = round(height * 0.55)
    wall = np.linspace(150, 120, horizon, dtype=np.float32)
    lane[:horizon] = wall[:, None, None] * np.array([0.98, 1.0, 1.0], dtype=np.float32)
    floor = np.linspace(85, 120, height - horizon, dtype=np.float32)
    lane[horizon:] = floor[:, None, None] * np.array([0.95, 0.98, 1.0], dtype=np.float32)

    def at(x: float, y: float) -> tuple[int, int]:
        return round(x * width), round(y * height)

    for joint in np.linspace(0.1, 0.9, 5):
        cv2.line(lane, at(joint, 0), at(joint, 0.55), (128, 130, 130), 1, cv2.LINE_AA)
    cv2.rectangle(lane, at(0.3, 0.02), at(0.7, 0.05), (225, 228, 228), cv2.FILLED)
    for vanishing, foot in ((0.42, 0.1), (0.58, 0.9)):
        cv2.line(lane, at(vanishing, 0.55), at(foot, 1.0), (140, 140, 138), 2, cv2.LINE_AA)
    for side in (0.0, 1.0):
        inner, wing = abs(side - 0.14), abs(side - 0.3)
        cabinet = np.array([at(side, 0.62), at(inner, 0.66), at(inner, 1.0), at(side, 1.0)], dtype=np.int32)
        cv2.fillPoly(lane, [cabinet], (92, 86, 80), cv2.LINE_AA)
        glass = np.array([at(inner, 0.7), at(wing, 0.72), at(wing, 0.9), at(inner, 0.95)], dtype=np.int32)
        cv2.fillPoly(lane, [glass], (150, 146, 132), cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(lane, (0, 0), max(0.5, width / 640)), dtype=np.uint8)
