"""A stalled, dark or missing camera is noticed within a second, and comes back only when it is steady."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.cameras.watch import (
    DARK_LUMA,
    HEAL_AFTER_S,
    LIGHT_LUMA,
    POLL_MAX_S,
    CameraWatch,
    Health,
    mean_luma,
)

FRAME_S = 1 / 30
BRIGHT, DIM, NIGHT = 100.0, (DARK_LUMA + LIGHT_LUMA) / 2, 2.0


def watching(watch: CameraWatch, start: float, seconds: float, luma: float) -> tuple[float, Health]:
    """Frames for `seconds`; the instant of the last, and the health then."""
    health = watch.health
    count = round(seconds / FRAME_S)
    for number in range(count):
        health = watch.saw(start + number * FRAME_S, luma)
    return start + (count - 1) * FRAME_S, health


@given(st.floats(0, 1e6), st.lists(st.floats(0.001, POLL_MAX_S), min_size=20, max_size=400))
def test_silence_is_noticed_within_a_second_by_whoever_polls_as_told(start: float, waits: list[float]) -> None:
    watch = CameraWatch()
    at, _ = watching(watch, start, 1.0, BRIGHT)
    last = at
    for wait in waits:
        at += wait
        health = watch.nothing(at)
        if at - last >= 1.0:
            assert health is Health.STALLED
    assert watch.health is (Health.STALLED if at - last >= 0.75 else Health.OK)


def test_darkness_is_noticed_within_a_second() -> None:
    watch = CameraWatch()
    at, _ = watching(watch, 0.0, 1.0, BRIGHT)
    assert watching(watch, at + FRAME_S, 1.0, NIGHT)[1] is Health.DARK


def test_one_dark_moment_means_nothing() -> None:
    watch = CameraWatch()
    at, _ = watching(watch, 0.0, 1.0, BRIGHT)
    at, health = watching(watch, at + FRAME_S, 0.5, NIGHT)
    assert health is Health.OK
    assert watching(watch, at + FRAME_S, 0.5, BRIGHT)[1] is Health.OK


def test_lights_that_flicker_are_not_darkness() -> None:
    watch = CameraWatch()
    for number in range(300):
        assert watch.saw(number * FRAME_S, NIGHT if number % 10 else BRIGHT) is Health.OK


def test_a_missing_device_is_gone_at_once_and_stays_gone_while_nothing_comes() -> None:
    watch = CameraWatch()
    watch.saw(1.0, BRIGHT)
    assert watch.gone(1.01) is Health.GONE
    assert watch.nothing(5.0) is Health.GONE


def test_a_device_that_is_back_at_once_is_not_yet_trusted() -> None:
    watch = CameraWatch()
    at, _ = watching(watch, 0.0, 2.0, BRIGHT)
    watch.gone(at + FRAME_S)
    assert watch.saw(at + 2 * FRAME_S, BRIGHT) is Health.GONE


def test_a_frame_that_arrives_late_does_not_turn_time_back() -> None:
    watch = CameraWatch()
    watch.saw(100.0, BRIGHT)
    watch.saw(50.0, BRIGHT)
    assert watch.nothing(100.5) is Health.OK


@pytest.mark.parametrize("ill", [Health.STALLED, Health.DARK, Health.GONE])
def test_it_heals_after_steady_frames_and_not_before(ill: Health) -> None:
    watch = fall_ill(ill)
    at, health = watching(watch, 11.0, HEAL_AFTER_S - 0.1, BRIGHT)
    assert health is ill
    assert watching(watch, at + FRAME_S, 0.2, BRIGHT)[1] is Health.OK


@pytest.mark.parametrize("ill", [Health.STALLED, Health.DARK, Health.GONE])
def test_a_gap_starts_the_healing_anew(ill: Health) -> None:
    watch = fall_ill(ill)
    watching(watch, 11.0, HEAL_AFTER_S - 0.1, BRIGHT)
    assert watch.saw(13.0, BRIGHT) is not Health.OK
    assert watching(watch, 13.0 + FRAME_S, HEAL_AFTER_S + 0.1, BRIGHT)[1] is Health.OK


def test_a_dim_evening_neither_darkens_a_healthy_camera_nor_heals_a_dark_one() -> None:
    assert watching(CameraWatch(), 0.0, 10.0, DIM)[1] is Health.OK
    assert watching(fall_ill(Health.DARK), 11.0, 10.0, DIM)[1] is Health.DARK
    assert watching(fall_ill(Health.STALLED), 11.0, 1.0, DIM)[1] is Health.OK


def test_a_camera_that_comes_back_dark_is_dark() -> None:
    assert watching(fall_ill(Health.STALLED), 11.0, 1.0, NIGHT)[1] is Health.DARK


def test_the_pause_between_two_attempts_is_not_a_stall() -> None:
    watch = CameraWatch()
    watching(watch, 0.0, 1.0, BRIGHT)
    watch.opened(3600.0)
    assert watch.nothing(3600.2) is Health.OK
    assert watch.nothing(3600.9) is Health.STALLED


def test_a_camera_that_never_delivers_is_stalled() -> None:
    watch = CameraWatch()
    assert watch.nothing(50.0) is Health.OK
    assert watch.nothing(51.0) is Health.STALLED


def test_a_slow_camera_is_allowed_its_own_pauses() -> None:
    watch = CameraWatch(fps=1)
    for second in range(5):
        assert watch.saw(float(second), BRIGHT) is Health.OK
        assert watch.nothing(second + 0.9) is Health.OK
    assert watch.nothing(7.5) is Health.STALLED


@given(st.lists(st.tuples(st.sampled_from(["saw", "nothing", "gone", "opened"]), st.floats(-2, 2), st.floats(0, 255))))
def test_health_comes_back_only_after_its_time_whatever_happens(calls: list[tuple[str, float, float]]) -> None:
    watch, now, ill_until = CameraWatch(), 0.0, float("-inf")
    for call, step, luma in calls:
        at = now + step
        now = max(now, at)
        before = watch.health
        health = watch.saw(at, luma) if call == "saw" else getattr(watch, call)(at)
        if health is Health.OK:
            assert before is Health.OK or now - ill_until >= HEAL_AFTER_S
        elif before is Health.OK:
            ill_until = now


@given(st.integers(0, 255), st.sampled_from([(480, 640), (1080, 1920), (5, 3), (33, 65)]))
def test_the_luma_of_a_grey_picture_is_its_grey(grey: int, shape: tuple[int, int]) -> None:
    assert mean_luma(np.full((*shape, 3), grey, dtype=np.uint8)) == pytest.approx(grey, abs=0.01)


def test_luma_weighs_colours_as_the_eye_does() -> None:
    pictures = np.zeros((3, 64, 64, 3), dtype=np.uint8)
    for channel in range(3):
        pictures[channel, ..., channel] = 255
    blue, green, red = (mean_luma(picture) for picture in pictures)
    assert blue < red < green
    assert blue + green + red == pytest.approx(255, abs=0.1)


def fall_ill(ill: Health) -> CameraWatch:
    """A watch that has been at work for 10 seconds and says `ill`."""
    watch = CameraWatch()
    watching(watch, 0.0, 1.0, BRIGHT)
    match ill:
        case Health.STALLED:
            watch.nothing(10.0)
        case Health.DARK:
            watching(watch, 9.0, 1.0, NIGHT)
        case Health.GONE:
            watch.gone(10.0)
        case Health.OK:
            pass
    assert watch.health is ill
    return watch
