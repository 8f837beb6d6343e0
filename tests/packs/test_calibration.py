"""Calibration is small, stated, and the same on every machine."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import pytest

from edge.packs import find_pack
from edge.packs.convert.calibration import Chance, calibration_samples, measured_ranges, similarity, warp
from edge.packs.convert.dlib_anet import read_anet
from edge.packs.convert.quantise import ranged_names
from edge.packs.errors import SourceInvalid, SourceUnavailable
from edge.packs.recipe import Calibration
from tests.packs.synthetic import dlib_stream

RECIPE = find_pack("dlib-resnet").recipe
CALIBRATION = RECIPE.embedder.converter.calibration


@pytest.fixture(scope="module")
def pictures() -> None:
    for package in ("matplotlib", "skimage"):
        pytest.importorskip(package, reason=f"needs {package} (extra `build`)")


def few(**changes: object) -> Calibration:
    return msgspec.structs.replace(CALIBRATION, **changes)


def test_no_benchmark_face_is_in_the_set() -> None:
    members = {picture.member for picture in CALIBRATION.pictures}
    assert members == {"mpl-data/sample_data/grace_hopper.jpg", "data/astronaut.png"}


def test_chance_is_the_same_on_every_machine() -> None:
    chance = Chance("x")
    assert [round(chance.uniform(0.0, 1.0), 6) for _ in range(3)] == [0.276442, 0.020749, 0.05586]
    assert hashlib.sha256(Chance("x").pixels(8).tobytes()).hexdigest()[:16] == "6aa0d6550e992438"


def test_black_white_and_noise_are_in_the_set_even_without_pictures() -> None:
    samples = calibration_samples(few(pictures=()), RECIPE.alignment)
    assert samples.faces == ()
    assert {int(sample.min()) for sample in samples.others[:2]} == {0, 255}
    assert len(samples.others) == 6


@pytest.mark.usefixtures("pictures")
def test_the_faces_lie_on_the_template() -> None:
    size, template = RECIPE.alignment.size_px, np.array(RECIPE.alignment.points_px)
    for picture in CALIBRATION.pictures:
        aligned = similarity(np.array(picture.points_px), template)
        landed = np.array(picture.points_px) @ aligned[:, :2].T + aligned[:, 2]
        assert np.abs(landed - template).max() < 8.0
    samples = calibration_samples(CALIBRATION, RECIPE.alignment)
    assert len(samples.faces) == 2 * 51
    assert all(face.shape == (size, size, 3) and face.dtype == np.uint8 for face in samples.faces)
    assert len({face.tobytes() for face in samples.faces}) == len(samples.faces)


@pytest.mark.usefixtures("pictures")
def test_another_picture_under_the_same_name_is_refused() -> None:
    wrong = msgspec.structs.replace(CALIBRATION.pictures[0], sha256="0" * 64)
    with pytest.raises(SourceInvalid, match="another picture"):
        calibration_samples(few(pictures=(wrong,)), RECIPE.alignment)


def test_a_package_that_is_not_there_is_named_with_its_extra() -> None:
    absent = msgspec.structs.replace(CALIBRATION.pictures[0], package="nosuchpackage")
    with pytest.raises(SourceUnavailable, match="nosuchpackage") as refused:
        calibration_samples(few(pictures=(absent,)), RECIPE.alignment)
    assert "edge-gate[build]" in refused.value.hint


def test_a_similarity_is_recovered_from_its_points() -> None:
    points = np.array([[0.0, 0.0], [10.0, 1.0], [3.0, 7.0]])
    turn = 2.0 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    found = similarity(points, points @ turn.T + [4.0, -5.0])
    assert found == pytest.approx(np.column_stack([turn, [4.0, -5.0]]))


def test_pixel_centres_lie_at_whole_numbers() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    still = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert np.array_equal(warp(picture, still, 6), picture)
    halfway = warp(picture, still + np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 0.0]]), 6)
    assert halfway[0, 1, 0] == pytest.approx((int(picture[0, 0, 0]) + int(picture[0, 1, 0])) / 2.0)


def test_late_activations_are_capped_at_the_faces_percentile_and_others_are_not() -> None:
    graph = read_anet(dlib_stream())
    samples = calibration_samples(few(pictures=()), RECIPE.alignment)
    samples = type(samples)(faces=samples.others[2:], others=samples.others[:2])
    done: list[int] = []
    free = measured_ranges(graph, samples, few(capped_from=None, cap_percentile=None), done.append)
    capped = measured_ranges(graph, samples, few(capped_from=22, cap_percentile=90.0), done.append)
    assert set(free) == set(capped) == set(ranged_names(graph))
    assert sum(done) == 2 * 6
    assert free["relu-21"] == capped["relu-21"]
    assert capped["relu-23"][1] < free["relu-23"][1]
    assert all(low <= 0.0 <= high for low, high in capped.values())
