"""Zone, track, fusion and stop-watch: rules on numbers, without pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.vision.embed import NotAnEmbedding, normalised
from edge.vision.fuse import FRAMES, Fusion, fuse
from edge.vision.stages import REMEMBERED, Stages
from edge.vision.track import MAX_GAP_S, Tracker, overlap
from edge.vision.zone import BACKGROUND, WHOLE_FRAME, Place, Zone, candidates
from tests.fakes.clock import HandClock

ZONE = Zone(0.15, 0.0, 0.85, 1.0)
MIDDLE, BESIDE = Place(320, 240, 120), Place(40, 240, 120)
places = st.builds(Place, st.floats(0, 639), st.floats(0, 479), st.floats(20, 400))


def standing(*faces: Place, zone: Zone = ZONE) -> tuple[Place, ...]:
    return candidates(faces, lambda face: face, zone, 480, 640)


# Zone ------------------------------------------------------------------------------------
def test_who_stands_in_the_zone_is_a_candidate_however_small() -> None:
    assert standing(MIDDLE, Place(400, 200, 25)) == (MIDDLE, Place(400, 200, 25))


def test_only_a_much_smaller_face_beside_the_zone_is_background() -> None:
    near = replace(BESIDE, side_px=BACKGROUND * MIDDLE.side_px)
    assert standing(near, MIDDLE) == (MIDDLE, near)
    assert standing(replace(near, side_px=near.side_px - 1), MIDDLE) == (MIDDLE,)


def test_nobody_in_the_zone_is_nobody() -> None:
    assert standing(BESIDE) == ()
    assert standing() == ()


def test_the_whole_frame_holds_its_edges() -> None:
    assert all(WHOLE_FRAME.holds(Place(x, y, 10), 480, 640) for x in (-0.5, 639.5) for y in (-0.5, 479.5))
    assert not WHOLE_FRAME.holds(Place(640.0, 10, 10), 480, 640)


@given(st.lists(places, max_size=6), places)
def test_one_more_face_in_the_zone_is_one_more_candidate(faces: list[Place], more: Place) -> None:
    if ZONE.holds(more, 480, 640):
        assert more in standing(*faces, more)
    if any(ZONE.holds(face, 480, 640) for face in faces):
        assert standing(*faces)


# Track -----------------------------------------------------------------------------------
def test_a_face_that_moves_a_little_keeps_its_track() -> None:
    tracker = Tracker()
    first = tracker.follow(MIDDLE, 10.0)
    assert tracker.follow(replace(MIDDLE, x=MIDDLE.x + 30, side_px=130), 10.1) == first


@pytest.mark.parametrize("jumped", [replace(MIDDLE, x=430), replace(MIDDLE, side_px=260), replace(MIDDLE, y=100)])
def test_a_face_that_jumps_is_another_track(jumped: Place) -> None:
    tracker = Tracker()
    first = tracker.follow(MIDDLE, 10.0)
    assert tracker.follow(jumped, 10.03) != first


def test_a_face_that_was_away_is_another_track() -> None:
    tracker = Tracker()
    first = tracker.follow(MIDDLE, 10.0)
    assert tracker.follow(MIDDLE, 10.0 + MAX_GAP_S) == first
    assert tracker.follow(MIDDLE, 10.0 + 2 * MAX_GAP_S + 0.01) != first


@given(st.lists(st.tuples(st.sampled_from(["follow", "restart", "lose"]), places, st.floats(0, 1)), max_size=40))
def test_no_number_is_used_twice(steps: list[tuple[str, Place, float]]) -> None:
    tracker, now, seen, present = Tracker(), 0.0, set[int](), None
    for do, place, later in steps:
        now += later
        if do == "lose":
            tracker.lose()
            present = None
            continue
        track = tracker.follow(place, now) if do == "follow" else tracker.restart()
        if track != present:
            assert track not in seen
        seen.add(track)
        present = track


@given(places, places)
def test_overlap_is_a_symmetric_share(one: Place, other: Place) -> None:
    assert 0.0 <= overlap(one, other) <= 1.0 + 1e-9
    assert overlap(one, other) == pytest.approx(overlap(other, one))
    assert overlap(one, one) == pytest.approx(1.0)


# Fusion ----------------------------------------------------------------------------------
def unit(seed: int, dims: int = 32) -> np.ndarray:
    return normalised(np.random.default_rng(seed).normal(size=dims).astype(np.float32))


def test_captures_of_one_person_fuse_towards_the_person() -> None:
    person = unit(0)
    noise = np.random.default_rng(1).normal(0, 0.15, (FRAMES, 32)).astype(np.float32)
    captures = np.stack([normalised(person + one) for one in noise])
    assert float(fuse(captures, [1.0] * FRAMES) @ person) > float((captures @ person).max())


def test_a_better_capture_weighs_more() -> None:
    pair = np.stack([unit(1), unit(2)])
    probe = fuse(pair, [1.0, 0.2])
    assert float(probe @ pair[0]) > float(probe @ pair[1])


def test_only_the_newest_captures_count() -> None:
    fusion = Fusion(32)
    fusion.add(unit(1), 1.0)
    for _ in range(FRAMES):
        fusion.add(unit(2), 1.0)
    assert fusion.count == FRAMES
    assert float(fusion.fused() @ unit(2)) == pytest.approx(1.0, abs=1e-5)


def test_a_fusion_resembles_its_own_and_nobody_else() -> None:
    fusion = Fusion(32)
    assert fusion.resembles(unit(7), 0.9)
    fusion.add(unit(1), 1.0)
    assert fusion.resembles(unit(1), 0.9)
    assert not fusion.resembles(unit(2), 0.9)


def test_fusion_forgets() -> None:
    fusion = Fusion(32)
    fusion.add(unit(1), 1.0)
    fusion.forget()
    assert fusion.count == 0
    assert not any(buffer.any() for buffer in fusion.buffers)
    with pytest.raises(NotAnEmbedding):
        fusion.fused()


@given(st.lists(st.floats(width=32), min_size=16, max_size=16))
@example([3e38] * 16)
@example([1e-45] * 16)
def test_an_embedding_is_of_length_one_or_is_none(values: list[float]) -> None:
    vector = np.array(values, np.float32)
    try:
        unit_vector = normalised(vector)
    except NotAnEmbedding:
        assert not np.isfinite(vector).all() or not vector.any()
    else:
        assert np.isfinite(vector).all()
        assert np.isfinite(unit_vector).all()
        assert float(np.linalg.norm(unit_vector)) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_component_is_enough(bad: float) -> None:
    vector = np.ones(32, np.float32)
    vector[17] = bad
    with pytest.raises(NotAnEmbedding, match="not finite"):
        normalised(vector)


# Stages ----------------------------------------------------------------------------------
def test_a_stage_is_the_median_of_its_newest_runs() -> None:
    clock = HandClock()
    stages = Stages(clock)
    for seconds in (*[9.0] * REMEMBERED, *[0.002] * REMEMBERED):
        with stages.timed("embed"):
            clock.advance(seconds)
    with stages.timed("align"):
        clock.advance(0.0005)
    assert stages.median_us == {"embed": 2000, "align": 500}
    stages.reset()
    assert stages.median_us == {}


def test_a_run_that_failed_is_not_timed() -> None:
    stages = Stages(HandClock())
    with pytest.raises(KeyError), stages.timed("embed"):
        raise KeyError
    assert stages.median_us == {}
