from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.geometry import Region, apply, inverse, scale_of, similarity
from edge.vision.sampling import Pyramid

angles = st.floats(-math.pi, math.pi)
scales = st.floats(0.05, 20.0)
shifts = st.floats(-500.0, 500.0)


def affine(angle: float, scale: float, x: float, y: float) -> np.ndarray:
    a, b = scale * math.cos(angle), scale * math.sin(angle)
    return np.array([[a, -b, x], [b, a, y]])


@given(angles, scales, shifts, shifts, st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_a_similarity_is_recovered_from_the_points_that_it_moved(
    angle: float, scale: float, x: float, y: float, count: int, seed: int
) -> None:
    points = np.random.default_rng(seed).uniform(-100, 100, (count, 2))
    truth = affine(angle, scale, x, y)
    found = similarity(points, apply(truth, points))
    assert np.allclose(found, truth, atol=1e-6 * scale * 100)


@given(st.integers(0, 2**32 - 1))
def test_no_other_similarity_lies_nearer_to_the_template(seed: int) -> None:
    random = np.random.default_rng(seed)
    source, target = random.uniform(0, 100, (7, 2)), random.uniform(0, 100, (7, 2))
    best = similarity(source, target)
    least = ((apply(best, source) - target) ** 2).sum()
    for _ in range(8):
        a, b, x, y = random.normal(0, 0.05, 4)
        other = best + np.array([[a, -b, x], [b, a, y]])
        assert ((apply(other, source) - target) ** 2).sum() >= least - 1e-6


def test_a_point_without_weight_does_not_move_the_fit() -> None:
    points = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [7.0, 7.0]])
    target = apply(affine(0.3, 2.0, 5.0, 6.0), points)
    target[3] += 50.0
    assert np.allclose(similarity(points, target, np.array([1.0, 1.0, 1.0, 0.0])), affine(0.3, 2.0, 5.0, 6.0))


@pytest.mark.parametrize("bad", [np.zeros((3, 2)), np.full((3, 2), np.nan), np.full((3, 2), np.inf)])
def test_points_that_say_nothing_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="two different"), np.errstate(invalid="ignore"):
        similarity(bad, np.zeros((3, 2)))


@given(angles, scales, shifts, shifts)
def test_the_inverse_undoes(angle: float, scale: float, x: float, y: float) -> None:
    there = affine(angle, scale, x, y)
    points = np.array([[3.0, 4.0], [-7.0, 11.0]])
    assert np.allclose(apply(inverse(there), apply(there, points)), points, atol=1e-6)
    assert scale_of(there) == pytest.approx(scale)


def test_the_region_of_a_whole_picture_is_that_picture_to_the_half_pixel() -> None:
    assert np.allclose(Region(63.5, 63.5, 128).onto(128), [[1, 0, 0], [0, 1, 0]])


def test_a_region_turned_clockwise_shows_what_leans_clockwise_upright() -> None:
    region = Region(50.0, 50.0, 100.0, math.radians(20))
    up = apply(
        region.onto(100), np.array([[50 + 10 * math.sin(math.radians(20)), 50 - 10 * math.cos(math.radians(20))]])
    )
    assert np.allclose(up, [[49.5, 39.5]])


@pytest.mark.parametrize("size", [64, 32, 16])
def test_shrinking_by_a_power_of_two_is_the_mean_of_the_area(size: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8)
    frame, into = Pyramid(), np.zeros((size, size, 3), np.uint8)
    frame.begin(picture)
    frame.cut(Region(63.5, 63.5, 128).onto(size), into)
    wanted = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    assert np.abs(into.astype(int) - wanted).max() <= 2  # rounded once for each halving


@pytest.mark.parametrize("side", [60.0, 83.0, 110.0])
@pytest.mark.parametrize("size", [64, 20, 11])
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_a_slope_of_light_is_sampled_where_it_is(side: float, size: int, angle: float) -> None:
    """Half a pixel lost between the levels would be one grey level or more; two a column, so that means are exact."""
    columns = np.arange(128, dtype=np.uint8) * 2
    picture = np.repeat(columns[None, :, None], 128, axis=0).repeat(3, axis=2)
    frame, into = Pyramid(), np.zeros((size, size, 3), np.uint8)
    frame.begin(picture)
    onto = Region(62.7, 61.9, side, angle).onto(size)
    frame.cut(onto, into)
    inner = np.arange(size // 3, size - size // 3)
    centres = np.stack(np.meshgrid(inner, inner), axis=-1).reshape(-1, 2).astype(float)
    wanted = apply(inverse(onto), centres)[:, 0] * 2
    seen = into[size // 3 : size - size // 3, size // 3 : size - size // 3, 0].reshape(-1)
    assert np.abs(seen - wanted).max() < 0.8


def test_thin_stripes_do_not_alias() -> None:
    picture = np.zeros((512, 512, 3), np.uint8)
    picture[:, ::4] = 255
    frame, into = Pyramid(), np.zeros((64, 64, 3), np.uint8)
    frame.begin(picture)
    frame.cut(Region(256.3, 255.1, 500.0).onto(64), into)
    assert into[4:-4, 4:-4].std() < 4.0


def test_buffers_are_reused_and_forgotten() -> None:
    frame, into = Pyramid(), np.zeros((32, 32, 3), np.uint8)
    white = np.full((256, 256, 3), 255, np.uint8)
    for _ in range(2):
        frame.begin(white)
        frame.cut(Region(127.5, 127.5, 256).onto(32), into)
        kept = frame.buffers
    again = [id(buffer) for buffer in frame.buffers]
    assert [id(buffer) for buffer in kept] == again
    assert all(buffer.any() for buffer in kept)
    frame.forget()
    assert not any(buffer.any() for buffer in kept)


def test_a_frame_of_another_size_leaves_nothing_of_the_old_one() -> None:
    frame, into = Pyramid(), np.zeros((32, 32, 3), np.uint8)
    frame.begin(np.full((256, 256, 3), 255, np.uint8))
    frame.cut(Region(127.5, 127.5, 256).onto(32), into)
    old = frame.buffers
    frame.begin(np.full((480, 640, 3), 255, np.uint8))
    frame.cut(Region(239.5, 239.5, 480).onto(32), into)
    assert not any(buffer.any() for buffer in old)
