"""The simulated lane camera shows what the director says, where and as large as the director says."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.errors import EdgeError, InputError, PartFailed
from edge.sim.director import Director, send
from edge.sim.server import CueSocket
from edge.sim.stage import Person, Scene, Sense
from edge.vision.cameras.faces import MAX_SIDE_PX, read_faces
from edge.vision.cameras.newest import NewestCamera
from edge.vision.cameras.pace import Pace
from edge.vision.cameras.scenery import Scenery, draw_lane
from edge.vision.cameras.sim import SimSource
from edge.vision.cameras.watch import DARK_LUMA, mean_luma
from tests.cameras.drawn import save, settings
from tests.fakes.clock import LOST_S, HandBeat, HandClock

WIDTH, HEIGHT = 640, 480
BOX = (140, 120, 120, 160)


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Two "photographs": a pure green block for the face on a blue ground, and a pure red one without a note."""
    folder = tmp_path / "faces"
    folder.mkdir()
    image = np.full((420, 400, 3), (200, 60, 60), dtype=np.uint8)
    x, y, w, h = BOX
    image[y : y + h, x : x + w] = (0, 255, 0)
    save(folder / "green.png", image)
    (folder / "green.json").write_text(json.dumps({"face": BOX}))
    save(folder / "red.png", np.full((160, 120, 3), (0, 0, 255), dtype=np.uint8))
    return folder


@pytest.fixture
def scenery(faces: Path) -> Scenery:
    return Scenery(WIDTH, HEIGHT, read_faces(faces))


def paint(scenery: Scenery, scene: Scene, at_s: float = 0.0) -> NDArray[np.uint8]:
    image = np.full((HEIGHT, WIDTH, 3), 123, dtype=np.uint8)
    scenery.paint(scene, at_s, image)
    return image


def one(height_px: float = 170.0, **how: float) -> Scene:
    return Scene(people=(Person(face="green", height_px=height_px, sway_px=0.0, **how),), noise=0.0)


def green(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return (image[..., 1] > 150) & (image[..., 0] < 100) & (image[..., 2] < 100)


def extent(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Centre x, centre y, width, height of what is set, in pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        (columns[0] + columns[-1] + 1) / 2,
        (rows[0] + rows[-1] + 1) / 2,
        columns[-1] - columns[0] + 1,
        rows[-1] - rows[0] + 1,
    )


# The picture ------------------------------------------------------------------------------
@pytest.mark.parametrize("height_px", [40, 61, 90, 170, 300])
def test_a_face_is_as_high_as_it_was_asked_to_be_and_keeps_its_proportions(scenery: Scenery, height_px: int) -> None:
    x, y, w, h = extent(green(paint(scenery, one(height_px))))
    assert h == pytest.approx(height_px, abs=1.5)
    assert w == pytest.approx(height_px * BOX[2] / BOX[3], abs=1.5)
    assert [x, y] == pytest.approx([0.5 * WIDTH, 0.45 * HEIGHT], abs=1.0)


@pytest.mark.parametrize("height_px", [20, 40, 90, 170])
def test_a_face_stands_on_the_fraction_of_a_pixel(scenery: Scenery, height_px: int) -> None:
    image = paint(scenery, one(height_px)).astype(float)
    weight = np.clip(image[..., 1] - image[..., 0] - 100, 0, None)  # of the green block, its soft border included
    rows, columns = np.indices(weight.shape) + 0.5
    centre = [(columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()]
    assert centre == pytest.approx([0.5 * WIDTH, 0.45 * HEIGHT], abs=0.1)


@pytest.mark.parametrize(("x", "y"), [(0.2, 0.3), (0.8, 0.6), (0.5, 0.5)])
def test_a_face_stands_where_it_was_asked_to(scenery: Scenery, x: float, y: float) -> None:
    centre = extent(green(paint(scenery, one(90, x=x, y=y))))[:2]
    assert list(centre) == pytest.approx([x * WIDTH, y * HEIGHT], abs=1.0)


@pytest.mark.parametrize("roll_deg", [-30.0, 15.0, 90.0])
def test_a_face_turns_by_its_roll(scenery: Scenery, roll_deg: float) -> None:
    mask = green(paint(scenery, one(170, roll_deg=roll_deg))).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    (x, y), sides, angle = cv2.minAreaRect(max(contours, key=len))
    assert [x, y] == pytest.approx([0.5 * WIDTH, 0.45 * HEIGHT], abs=2)
    assert sorted(sides) == pytest.approx([127.5, 170], abs=4)
    assert min(abs((angle - roll_deg) % 90), 90 - abs((angle - roll_deg) % 90)) < 1.5


def test_an_image_without_a_note_is_all_face(scenery: Scenery) -> None:
    image = paint(scenery, Scene(people=(Person(face="red", height_px=200, sway_px=0),), noise=0.0))
    red = (image[..., 2] > 200) & (image[..., 1] < 60)
    assert extent(red)[3] == pytest.approx(200, abs=20)  # its border fades


def test_the_photograph_fades_into_the_lane_without_a_seam(scenery: Scenery) -> None:
    lane, image = draw_lane(WIDTH, HEIGHT), paint(scenery, one(120))
    changed = np.abs(image.astype(int) - lane).max(axis=2)
    assert changed[:, :60].max() == 0
    outside = ~cv2.dilate(green(image).astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    steps = np.abs(np.diff(changed, axis=1))[outside[:, 1:]]
    assert steps.max() < 40


def test_two_people_stand_side_by_side(scenery: Scenery) -> None:
    people = (
        Person(face="green", x=0.33, height_px=170, sway_px=0),
        Person(face="green", x=0.67, height_px=170, sway_px=0),
    )
    mask = green(paint(scenery, Scene(people=people, noise=0.0)))
    for half, centre in ((mask[:, :320], 0.33 * WIDTH), (mask[:, 320:], 0.67 * WIDTH - 320)):
        assert extent(half)[0] == pytest.approx(centre, abs=3)
        assert extent(half)[2] == pytest.approx(127.5, abs=8)


def test_somebody_may_stand_half_or_wholly_outside(scenery: Scenery) -> None:
    assert green(paint(scenery, one(200, x=0.0))).any()
    for x, y in ((-0.5, 0.5), (1.5, 1.5)):
        assert np.array_equal(paint(scenery, one(60, x=x, y=y)), draw_lane(WIDTH, HEIGHT))


def test_light_is_a_factor_and_night_is_dark(scenery: Scenery) -> None:
    day = paint(scenery, Scene(noise=0.0)).astype(float)
    assert np.abs(paint(scenery, Scene(light=0.5, noise=0.0)) - day / 2).max() <= 1
    assert mean_luma(paint(scenery, Scene(light=0.0))) < DARK_LUMA < mean_luma(paint(scenery, Scene(light=0.3)))
    assert paint(scenery, Scene(light=4.0, noise=0.0)).mean() > 240


def test_noise_has_the_deviation_that_was_asked_for_and_is_new_in_each_frame(scenery: Scenery) -> None:
    clean = paint(scenery, Scene(noise=0.0)).astype(float)
    first, second = (paint(scenery, Scene(noise=6.0)).astype(float) - clean for _ in range(2))
    assert first.std() == pytest.approx(6.0, rel=0.05)
    assert not np.array_equal(first, second)


def test_blur_takes_the_edges(scenery: Scenery) -> None:
    def sharpness(image: NDArray[np.uint8]) -> float:
        return float(cv2.Laplacian(image, cv2.CV_64F).var())

    blurred = Scene(people=one().people, noise=0.0, blur_px=4.0)
    assert sharpness(paint(scenery, blurred)) < 0.1 * sharpness(paint(scenery, one()))


def test_a_person_sways_slowly_and_no_further_than_asked(scenery: Scenery) -> None:
    scene = Scene(people=(Person(face="green", height_px=90, sway_px=10),), noise=0.0)
    track = [extent(green(paint(scenery, scene, at_s=frame / 30)))[0] for frame in range(0, 120, 5)]
    assert max(track) - min(track) == pytest.approx(20, abs=3)
    assert np.abs(np.diff(track)).max() < 6


def test_the_same_day_looks_the_same(faces: Path) -> None:
    days = [Scenery(WIDTH, HEIGHT, read_faces(faces)) for _ in range(2)]
    for frame in range(3):
        first, second = (paint(day, Scene(people=one().people), frame / 30) for day in days)
        assert np.array_equal(first, second)


# The folder -------------------------------------------------------------------------------
def test_faces_are_named_by_stems_and_boxes_come_from_notes(faces: Path) -> None:
    found = read_faces(faces)
    assert sorted(found) == ["green", "red"]
    boxes = {name: face.box for name, face in found.items()}
    assert boxes == {"green": BOX, "red": (0, 0, 120, 160)}
    assert "image" not in repr(found["red"])


def test_a_large_photograph_is_halved_with_its_box(tmp_path: Path) -> None:
    save(tmp_path / "large.jpg", np.zeros((MAX_SIDE_PX + 2, 1000, 3), dtype=np.uint8))
    (tmp_path / "large.json").write_text('{"face": [200, 400, 100, 200]}')
    face = read_faces(tmp_path)["large"]
    assert face.image.shape == (MAX_SIDE_PX // 2 + 1, 500, 3)
    assert face.box == (100, 200, 50, 100)


@pytest.mark.parametrize(
    "note", ["", "{", "[]", '{"face": [1, 2, 3]}', '{"face": [1, 2, 0, 4]}', '{"face": [500, 2, 10, 10]}', '{"f": 1}']
)
def test_a_note_that_says_nothing_useful_is_refused_by_name(faces: Path, note: str) -> None:
    (faces / "green.json").write_text(note)
    with pytest.raises(InputError, match="green"):
        read_faces(faces)


# The camera -------------------------------------------------------------------------------
class Stage:
    """A simulated camera and its director, in one folder."""

    def __init__(self, folder: Path, faces: Path | str) -> None:
        self.clock = HandClock()
        self.beat = HandBeat(self.clock)
        self.cues = CueSocket(folder / "camera.sock")
        pace = Pace(30, self.clock, self.beat)
        sim = settings("sim", faces, width=WIDTH, height=HEIGHT)
        self.camera = NewestCamera(SimSource(sim, pace, self.cues))
        self.director = Director(folder)

    def frame(self) -> NDArray[np.uint8]:
        self.beat.give()
        frame = self.camera.newest(LOST_S)
        assert frame is not None
        return frame.image


@pytest.fixture
def stage(tmp_path: Path, faces: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, faces)
    yield made
    made.camera.close()
    made.cues.close()


def test_a_scene_counts_from_the_next_frame_on(stage: Stage) -> None:
    stage.camera.open()
    assert not green(stage.frame()).any()
    stage.director.scene(one())
    assert green(stage.frame()).any()
    stage.director.scene(Scene())
    assert not green(stage.frame()).any()


def test_the_newest_scene_counts_also_if_it_came_while_the_camera_was_closed(stage: Stage) -> None:
    stage.director.scene(one(60))
    stage.director.scene(one(170))
    stage.camera.open()
    assert extent(green(stage.frame()))[3] == pytest.approx(170, abs=1.5)


def test_a_cue_that_is_poison_or_for_others_changes_nothing(stage: Stage) -> None:
    stage.director.scene(one())
    send(stage.cues.path, Sense(presence=True))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b'{"type": "Scene", "light": 1e999}', str(stage.cues.path))
    stage.camera.open()
    assert green(stage.frame()).any()
    assert stage.cues.poison == 1


def test_a_face_that_is_not_in_the_folder_fails_the_camera_by_name(stage: Stage) -> None:
    stage.camera.open()
    stage.frame()
    stage.director.scene(Scene(people=(Person(face="nobody"),)))
    stage.beat.give_last()
    with pytest.raises(PartFailed, match="asks for nobody"):
        stage.camera.newest(LOST_S)


def test_a_stalled_camera_is_there_and_silent_and_goes_on(stage: Stage) -> None:
    stage.camera.open()
    stage.frame()
    stage.director.scene(Scene(stalled=True))
    stage.beat.give(3)
    assert stage.camera.newest(0.0) is None
    assert stage.camera.present()
    stage.director.scene(Scene())
    stage.frame()


@pytest.mark.parametrize("spoil", ["missing", "damaged"])
def test_faces_that_cannot_be_read_fail_the_opening(tmp_path: Path, faces: Path, spoil: str) -> None:
    (faces / "green.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    made = Stage(tmp_path, tmp_path / "nowhere" if spoil == "missing" else faces)
    with made.cues, pytest.raises(EdgeError) as failed:
        made.camera.open()
    assert isinstance(failed.value, PartFailed)
    assert ("nowhere" if spoil == "missing" else "green.png") in failed.value.message


def test_a_lane_without_faces_is_an_empty_lane(tmp_path: Path) -> None:
    made = Stage(tmp_path, "")
    with made.cues:
        made.camera.open()
        assert made.frame().any()
        made.camera.close()
