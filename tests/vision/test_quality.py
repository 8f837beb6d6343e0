from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.values import Unfit
from edge.vision.find import FaceFinder
from edge.vision.landmarks import Pose
from edge.vision.meter import Meter, scene_light
from edge.vision.quality import Limits, Measured, judge, quality, reference_limits
from tests.vision.people import Image, Person, dimmed, lane, noisy, stand

GOOD = Measured(
    face_px=160.0,
    fills=0.33,
    inside=1.0,
    pose=Pose(0.0, 0.0, 0.0),
    luma=120.0,
    glare=0.0,
    evenness=0.9,
    sharpness=0.27,
    clearness=0.92,
)
LIMITS = Limits()


def test_a_good_capture_is_fit_for_a_probe_and_for_a_reference() -> None:
    assert judge(GOOD, LIMITS) is None
    assert judge(GOOD, reference_limits(80)) is None
    assert quality(GOOD) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"face_px": 79.9}, Unfit.TOO_SMALL),
        ({"fills": 0.91}, Unfit.TOO_NEAR),
        ({"inside": 0.9}, Unfit.OFF_ZONE),
        ({"pose": Pose(30.1, 0, 0)}, Unfit.TURNED),
        ({"pose": Pose(-30.1, 0, 0)}, Unfit.TURNED),
        ({"pose": Pose(0, 25.1, 0)}, Unfit.TURNED),
        ({"pose": Pose(0, 0, -35.1)}, Unfit.TURNED),
        ({"luma": 19.9}, Unfit.TOO_DARK),
        ({"luma": 235.1}, Unfit.TOO_BRIGHT),
        ({"glare": 0.51}, Unfit.TOO_BRIGHT),
        ({"evenness": 0.24}, Unfit.HARSH_LIGHT),
        ({"sharpness": 0.159}, Unfit.BLURRED),
        ({"clearness": 0.79}, Unfit.COVERED),
    ],
)
def test_each_limit_has_its_reason(change: dict[str, object], reason: Unfit) -> None:
    assert judge(replace(GOOD, **change), LIMITS) is reason  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [field.name for field in fields(Measured)])
def test_what_is_not_a_number_is_unfit(name: str) -> None:
    nan = Pose(float("nan"), 0.0, 0.0) if name == "pose" else float("nan")
    assert judge(replace(GOOD, **{name: nan}), LIMITS) is not None  # type: ignore[arg-type]
    assert 0.0 <= quality(replace(GOOD, **{name: nan})) <= 1.0  # type: ignore[arg-type]


def test_the_reason_is_the_one_that_can_be_mended_first() -> None:
    far_and_dark = replace(GOOD, face_px=30.0, luma=5.0, sharpness=0.1)
    assert judge(far_and_dark, LIMITS) is Unfit.TOO_SMALL
    assert judge(replace(far_and_dark, face_px=100.0), LIMITS) is Unfit.TOO_DARK


numbers = st.floats(-1e4, 1e4)


@given(numbers, numbers, numbers, numbers, numbers, numbers, numbers, numbers)
def test_what_is_fit_for_a_reference_is_fit_for_a_probe(
    face_px: float, yaw: float, pitch: float, luma: float, glare: float, even: float, sharp: float, clear: float
) -> None:
    measured = Measured(face_px, 0.5, 1.0, Pose(yaw, pitch, 0), luma, glare, even, sharp, clear)
    if judge(measured, reference_limits(80)) is None:
        assert judge(measured, LIMITS) is None
    assert 0.0 <= quality(measured) <= 1.0


@pytest.fixture(scope="module")
def measure(finder: FaceFinder) -> Callable[[Image], Measured]:
    meter = Meter()

    def one(frame: Image) -> Measured:
        faces = finder.find(frame)
        assert len(faces) == 1
        return meter.measure(finder.frame, faces[0])

    return one


def _half_shadow(image: Image, depth: float) -> Image:
    across = np.arange(image.shape[1])
    veil = 1 - (1 - depth) / (1 + np.exp((across - 320) / 4))
    return (image * veil[None, :, None]).astype(np.uint8)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda frame: cv2.GaussianBlur(frame, (0, 0), 4.7), Unfit.BLURRED),
        (lambda frame: cv2.blur(frame, (15, 1)), Unfit.BLURRED),
        (lambda frame: noisy(dimmed(frame, 0.1), 3.0), Unfit.TOO_DARK),
        (lambda frame: dimmed(frame, 1.8), Unfit.TOO_BRIGHT),
        (lambda frame: dimmed(frame, 12.0), Unfit.TOO_BRIGHT),
        (lambda frame: _half_shadow(frame, 0.08), Unfit.HARSH_LIGHT),
    ],
)
def test_a_spoilt_picture_is_unfit_for_what_spoilt_it(
    measure: Callable[[Image], Measured], astronaut: Person, spoil: Callable[[Image], Image], reason: Unfit
) -> None:
    frame = stand(lane(), astronaut, face_px=170)
    assert judge(measure(frame), LIMITS) is None
    spoilt = spoil(frame)
    try:
        found = judge(measure(np.asarray(spoilt, np.uint8)), LIMITS)
    except AssertionError:  # so spoilt that no face is seen: then the light of the whole scene is the reason
        found = scene_light(np.asarray(spoilt, np.uint8), LIMITS)
    assert found is reason


def test_sensor_noise_does_not_pass_for_sharpness(measure: Callable[[Image], Measured], astronaut: Person) -> None:
    blurred = np.asarray(cv2.GaussianBlur(stand(lane(), astronaut, face_px=170), (0, 0), 4.7), np.uint8)
    assert judge(measure(noisy(blurred, 3.0)), LIMITS) is Unfit.BLURRED


def test_quality_falls_with_blur(measure: Callable[[Image], Measured], grace: Person) -> None:
    frame = stand(lane(), grace, face_px=150)
    worth = [quality(measure(np.asarray(cv2.GaussianBlur(frame, (0, 0), s), np.uint8))) for s in (0.5, 2.0, 3.5, 4.5)]
    assert worth == sorted(worth, reverse=True)
    assert worth[0] > worth[-1] + 0.1


def test_a_face_that_leaves_the_frame_is_not_measured_as_whole(
    measure: Callable[[Image], Measured], grace: Person
) -> None:
    assert judge(measure(stand(lane(), grace, face_px=200, y=0.14)), LIMITS) is Unfit.OFF_ZONE


def test_the_meter_forgets(finder: FaceFinder, grace: Person) -> None:
    meter = Meter()
    meter.measure(finder.frame, finder.find(stand(lane(), grace, face_px=150))[0])
    assert all(buffer.any() for buffer in meter.buffers)
    meter.forget()
    assert not any(buffer.any() for buffer in meter.buffers)
