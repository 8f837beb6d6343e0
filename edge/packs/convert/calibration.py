"""Activation ranges measured on a few public-domain faces, black, white and noise.

Who calibrates decides which faces the integers can tell apart, so the set is small, stated in the recipe and free of
any benchmark's faces: two public-domain portraits out of matplotlib and scikit-image, aligned by the recipe's template
and varied (turn, size, shift, brightness, tint, mirror), plus pure black and pure white, without which bright pixels
clip, and noise.

Rule 1.  A range reaches from the smallest to the largest value seen. Late activations may be capped at a percentile of
         the faces: a handful of them run far out on few faces and pull strangers together ("hubs").
Rule 2.  The same recipe gives the same samples on every machine: pictures are pinned by digest, chance comes out of a
         hash function, and pixels are computed in float64 and rounded.
Rule 3.  Ranges are rounded to `RANGE_DIGITS` digits and written into the recipe. Converting reads them there: the
         float run that measured them differs between machines in its last bits, the file must not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.packs.convert.observe import observe
from edge.packs.convert.quantise import ranged_names
from edge.packs.errors import SourceInvalid, SourceUnavailable
from edge.packs.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edge.packs.convert.graph import Graph
    from edge.packs.convert.quantise import Range
    from edge.packs.recipe import AlignmentTemplate, Calibration, Picture

    Pixels = NDArray[np.uint8]

MAX_PICTURE_BYTES = 4 * 1024 * 1024
VARIATIONS = 50
NOISE_SAMPLES = 4
RANGE_DIGITS = 3
_SEED = b"edge-gate calibration 1"
_UNIT = 2.0**32

# Half-widths of the variations.
_TURN_RAD, _GROWTH, _SHIFT_PX, _TINT, _OFFSET = 0.17, 0.12, 6.0, 0.1, 30.0
_GAIN = (0.5, 1.4)


class Chance:
    """Uniform numbers out of SHAKE-256: no generator's stream may change under our digests."""

    def __init__(self, label: str) -> None:
        self._label, self._drawn = label, 0

    def uniform(self, low: float, high: float) -> float:
        """One number in [low, high)."""
        self._drawn += 1
        digest = hashlib.shake_256(_SEED + f"/{self._label}/{self._drawn}".encode()).digest(4)
        return low + (high - low) * int.from_bytes(digest, "big") / _UNIT

    def pixels(self, size_px: int) -> Pixels:
        """Independent uniform bytes, [size, size, 3]."""
        digest = hashlib.shake_256(_SEED + f"/{self._label}".encode()).digest(size_px * size_px * 3)
        return np.frombuffer(digest, dtype=np.uint8).reshape(size_px, size_px, 3)


@dataclass(frozen=True, slots=True)
class Samples:
    """RGB uint8 [size, size, 3] each."""

    faces: tuple[Pixels, ...]
    others: tuple[Pixels, ...]


def calibration_samples(calibration: Calibration, template: AlignmentTemplate) -> Samples:
    """The samples that a recipe describes.

    Raises:
        SourceUnavailable: the package with a picture is not installed.
        SourceInvalid: a picture has another digest than the recipe's.
    """
    size = template.size_px
    faces = [
        sample
        for picture in calibration.pictures
        for sample in _variations(_decode(picture), picture, np.array(template.points_px), size)
    ]
    black, white = np.zeros((size, size, 3), dtype=np.uint8), np.full((size, size, 3), 255, dtype=np.uint8)
    noise = tuple(Chance(f"noise-{number}").pixels(size) for number in range(NOISE_SAMPLES))
    return Samples(tuple(faces), (black, white, *noise))


def measured_ranges(
    graph: Graph, samples: Samples, calibration: Calibration, advance: Callable[[int], None]
) -> dict[str, Range]:
    """The range of every activation that needs one, by rule 1, rounded by rule 3.

    `advance` is told of every sample that is done.
    """
    names = ranged_names(graph)
    seen: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    bounds = dict.fromkeys(names, (0.0, 0.0))
    capped = {name for name in names if _number(name) >= (calibration.capped_from or np.inf)}
    for done, sample in enumerate((*samples.faces, *samples.others), start=1):
        values = observe(graph, sample.astype(np.float32))
        for name in names:
            low, high = bounds[name]
            bounds[name] = (min(low, float(values[name].min())), max(high, float(values[name].max())))
            if name in capped and done <= len(samples.faces):
                seen[name].append(values[name])
        advance(1)
    for name in capped:
        high_percent = calibration.cap_percentile or 100.0
        low, high = np.percentile(np.stack(seen[name]), (100.0 - high_percent, high_percent))
        bounds[name] = (min(0.0, float(low)), float(high))
    return {name: (_rounded(low), _rounded(high)) for name, (low, high) in bounds.items()}


def similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The turn, growth and shift [2, 3] that takes points [n, 2] onto points with the least squared error."""
    from_mean, to_mean = source.mean(axis=0), target.mean(axis=0)
    (x, y), (u, v) = (source - from_mean).T, (target - to_mean).T
    spread = float((x * x + y * y).sum())
    cosine, sine = float((x * u + y * v).sum()) / spread, float((x * v - y * u).sum()) / spread
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, to_mean - turn @ from_mean])


def warp(picture: Pixels, to_chip: NDArray[np.float64], size_px: int) -> NDArray[np.float64]:
    """Bilinear samples of `picture` under `to_chip` [2, 3], edges repeated; float64 [size, size, 3]."""
    inverse = np.linalg.inv(to_chip[:, :2])
    down, right = np.mgrid[0:size_px, 0:size_px].astype(np.float64)
    x, y = inverse @ (np.stack([right.ravel(), down.ravel()]) - to_chip[:, 2:])
    height, width = picture.shape[:2]
    x, y = np.clip(x, 0.0, width - 1.0), np.clip(y, 0.0, height - 1.0)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right_of, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    a, b = (x - left)[:, None], (y - top)[:, None]
    source = picture.astype(np.float64)
    upper = source[top, left] * (1.0 - a) + source[top, right_of] * a
    lower = source[below, left] * (1.0 - a) + source[below, right_of] * a
    blended: NDArray[np.float64] = (upper * (1.0 - b) + lower * b).reshape(size_px, size_px, 3)
    return blended


def _variations(pixels: Pixels, picture: Picture, template: NDArray[np.float64], size: int) -> Sequence[Pixels]:
    """The aligned face as it is, then `VARIATIONS` of it."""
    aligned = similarity(np.array(picture.points_px), template)
    samples = [_eight_bit(warp(pixels, aligned, size))]
    chance = Chance(picture.sha256)
    for _ in range(VARIATIONS):
        turn, growth = chance.uniform(-_TURN_RAD, _TURN_RAD), 1.0 + chance.uniform(-_GROWTH, _GROWTH)
        cosine, sine = growth * np.cos(turn), growth * np.sin(turn)
        middle = np.array([(size - 1) / 2.0] * 2)
        shift = np.array([chance.uniform(-_SHIFT_PX, _SHIFT_PX), chance.uniform(-_SHIFT_PX, _SHIFT_PX)])
        moved = np.array([[cosine, -sine], [sine, cosine]])
        both = np.column_stack([moved @ aligned[:, :2], moved @ (aligned[:, 2] - middle) + middle + shift])
        tint = np.array([1.0 + chance.uniform(-_TINT, _TINT) for _ in range(3)])
        lit = warp(pixels, both, size) * (chance.uniform(*_GAIN) * tint) + chance.uniform(-_OFFSET, _OFFSET)
        samples.append(_eight_bit(lit[:, ::-1] if chance.uniform(0.0, 1.0) < 0.5 else lit))  # noqa: PLR2004
    return samples


def _decode(picture: Picture) -> Pixels:
    """RGB uint8 of a picture that lies in an installed package. The package is not imported."""
    spec = find_spec(picture.package)
    if spec is None or spec.origin is None:
        raise SourceUnavailable(
            f"calibration needs the picture {picture.member} of the package {picture.package!r}",
            hint="install the extra `build`: pip install 'edge-gate[build]'",
        )
    raw = read_regular(Path(spec.origin).parent / picture.member, limit_bytes=MAX_PICTURE_BYTES)
    if hashlib.sha256(raw).hexdigest() != picture.sha256:
        raise SourceInvalid(
            f"{picture.member} of {picture.package} is another picture than the recipe's",
            hint="install the version of the package that docs/packs.md names",
        )
    decoded = cv2.imdecode(np.frombuffer(raw, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
    return np.asarray(decoded, dtype=np.uint8)


def _eight_bit(values: NDArray[np.float64]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _number(name: str) -> int:
    tail = name.rsplit("-", 1)[-1]
    return int(tail) if tail.isdigit() else 0


def _rounded(value: float) -> float:
    return float(f"{value:.{RANGE_DIGITS}g}")
