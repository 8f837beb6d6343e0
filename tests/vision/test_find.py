from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.detect import INPUT_PX, decode, suppress
from edge.vision.find import FaceFinder, tiles
from edge.vision.landmarks import BROW, CHIN, LEVEL_PITCH_DEG, MIRRORED, pose_of
from tests.vision.people import HEIGHT, WIDTH, Person, dimmed, lane, noisy, stand


@pytest.mark.parametrize(
    ("share", "x"),
    [*((share, x) for share in (0.125, 0.18, 0.25, 0.4, 0.6) for x in (0.3, 0.5, 0.7)), (0.8, 0.5), (1.0, 0.5)],
)
def test_a_face_is_found_from_an_eighth_of_the_frame_to_all_of_it(
    finder: FaceFinder, grace: Person, share: float, x: float
) -> None:
    faces = finder.find(noisy(stand(lane(), grace, face_px=share * HEIGHT, x=x, y=0.5), 3.0))
    assert len(faces) == 1
    assert faces[0].size_px == pytest.approx(share * HEIGHT, rel=0.12)
    assert faces[0].place.x == pytest.approx(x * WIDTH, abs=0.1 * share * HEIGHT)


@pytest.mark.parametrize("roll", [-40, -20, 20, 40])
def test_a_tilted_head_is_found_and_its_tilt_measured(finder: FaceFinder, astronaut: Person, roll: float) -> None:
    upright = finder.find(stand(lane(), astronaut, face_px=120))[0].pose
    tilted = finder.find(stand(lane(), astronaut, face_px=120, roll_deg=roll))[0].pose
    assert tilted.roll_deg - upright.roll_deg == pytest.approx(roll, abs=3.0)
    assert tilted.yaw_deg == pytest.approx(upright.yaw_deg, abs=5.0)


def test_two_people_are_two_faces_on_the_seam_of_tiles_too(
    finder: FaceFinder, grace: Person, astronaut: Person
) -> None:
    for left, right in ((0.2, 0.5), (0.3, 0.7), (0.5, 0.85)):
        frame = stand(stand(lane(), grace, face_px=100, x=left), astronaut, face_px=90, x=right)
        assert len(finder.find(frame)) == 2


@pytest.mark.parametrize("shape", [(250, 250), (480, 640), (640, 480), (720, 1280), (1280, 720), (97, 400)])
def test_every_shape_of_frame_is_searched(finder: FaceFinder, grace: Person, shape: tuple[int, int]) -> None:
    height, width = shape
    face_px = 0.4 * min(shape)
    for place in (0.3, 0.5, 0.7):
        x, y = (place, 0.5) if width >= height else (0.5, place)
        faces = finder.find(stand(lane(width, height), grace, face_px=face_px, x=x, y=y))
        assert len(faces) == 1


@given(st.integers(32, 3000), st.integers(32, 3000))
def test_tiles_stay_inside_and_reach_both_ends(height: int, width: int) -> None:
    found = tiles(height, width)
    short = min(height, width)
    assert all(tile.side_px == short for tile in found)
    along = [(tile.x if width >= height else tile.y) for tile in found]
    assert along[0] == pytest.approx((short - 1) / 2)
    assert along[-1] == pytest.approx(max(height, width) - 1 - (short - 1) / 2)
    if max(height, width) <= 4 * short:
        assert all(after - before <= short / 2 + 1e-6 for before, after in itertools.pairwise(along))


def test_no_face_is_seen_where_there_is_none(finder: FaceFinder) -> None:
    random = np.random.default_rng(3)
    scenes = [lane(seed=seed) for seed in range(6)]
    scenes += [random.integers(0, 256, (480, 640, 3)).astype(np.uint8), np.zeros((480, 640, 3), np.uint8)]
    drawn = lane()
    for number in range(12):  # what a careless detector takes for faces: two dots over a line
        x, y = 60 + 45 * number, 100 + 20 * (number % 5)
        cv2.circle(drawn, (x, y), 18, (180, 200, 230), cv2.FILLED)
        cv2.circle(drawn, (x - 6, y - 4), 3, (20, 20, 20), cv2.FILLED)
        cv2.circle(drawn, (x + 6, y - 4), 3, (20, 20, 20), cv2.FILLED)
        cv2.line(drawn, (x - 6, y + 8), (x + 6, y + 8), (20, 20, 120), 2)
    assert [len(finder.find(scene)) for scene in [*scenes, drawn]] == [0] * (len(scenes) + 1)


def test_a_mirrored_face_looks_the_other_way(finder: FaceFinder, grace: Person) -> None:
    frame = stand(lane(), grace, face_px=160)
    here, there = finder.find(frame)[0].pose, finder.find(np.ascontiguousarray(frame[:, ::-1]))[0].pose
    assert there.yaw_deg == pytest.approx(-here.yaw_deg, abs=2.5)
    assert there.roll_deg == pytest.approx(-here.roll_deg, abs=2.5)
    assert there.pitch_deg == pytest.approx(here.pitch_deg, abs=2.5)


def test_points_lie_on_the_face_to_the_half_pixel(finder: FaceFinder, grace: Person, astronaut: Person) -> None:
    """A convention lost on the way would shift a face and its mirror image to the same side."""
    for who in (grace, astronaut):
        frame = stand(lane(), who, face_px=160)
        here = finder.find(frame)[0].points
        there = finder.find(np.ascontiguousarray(frame[:, ::-1]))[0].points
        assert float(here[:, 0].mean() + there[:, 0].mean()) / 2 == pytest.approx((WIDTH - 1) / 2, abs=0.33)


@given(st.floats(-60, 60), st.floats(-60, 60))
def test_pose_is_the_turn_of_a_rigid_face(yaw: float, pitch: float) -> None:
    face = np.zeros((468, 3))
    for number, (left, right) in enumerate(MIRRORED):
        face[left], face[right] = (-10.0 - number, number, 3.0), (10.0 + number, number, 3.0)
    face[BROW], face[CHIN] = (0.0, -40.0, 0.0), (0.0, 40.0, 0.0)
    p, y = np.radians([pitch, yaw])
    nod = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    # Depth grows away from the camera: a face that turns to the image's right moves its right side away.
    shake = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    assert pose_of(face @ nod.T).pitch_deg == pytest.approx(pitch - LEVEL_PITCH_DEG, abs=0.01)
    assert pose_of(face @ shake.T).yaw_deg == pytest.approx(yaw, abs=0.01)


def test_darkness_and_noise_do_not_hide_a_face(finder: FaceFinder, grace: Person) -> None:
    frame = stand(lane(), grace, face_px=120)
    assert len(finder.find(noisy(dimmed(frame, 0.25), 5.0))) == 1


# The decoder, on numbers made by hand -----------------------------------------------------
def test_an_anchor_s_box_is_its_offset_in_input_pixels() -> None:
    boxes, logits = np.zeros((2, 16), np.float32), np.array([3.0, -3.0], np.float32)
    boxes[0, :4] = (8.0, -4.0, 20.0, 30.0)
    boxes[0, 4:6] = (1.0, 2.0)
    rows = decode(boxes, logits, np.array([[0.5, 0.25], [0.1, 0.1]]), 0.5)
    assert rows.shape == (1, 17)
    assert rows[0, 0] == pytest.approx(1 / (1 + np.exp(-3.0)))
    assert rows[0, 1:7].tolist() == [INPUT_PX / 2 + 8 - 0.5, INPUT_PX / 4 - 4 - 0.5, 20.0, 30.0, 64.5, 33.5]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_no_detection(bad: float) -> None:
    boxes, logits = np.full((3, 16), 10.0, np.float32), np.array([5.0, np.nan, 5.0], np.float32)
    boxes[0, 7] = bad
    boxes[2, 2] = -10.0  # a width below zero
    assert len(decode(boxes, logits, np.zeros((3, 2)), 0.5)) == 0


def test_overlapping_detections_become_their_mean_by_score() -> None:
    rows = np.zeros((3, 17))
    rows[:, 0] = (0.6, 0.9, 0.8)
    rows[:, 1:5] = [(103.0, 100.0, 40.0, 40.0), (100.0, 100.0, 40.0, 40.0), (300.0, 100.0, 40.0, 40.0)]
    one, other = suppress(rows)
    assert one.score == 0.9
    assert one.x == pytest.approx((0.6 * 103 + 0.9 * 100) / 1.5)
    assert other.x == 300.0
