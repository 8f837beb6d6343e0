from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.core.values import AttemptId, Pad, Unfit
from edge.ports import Frame
from edge.vision.embed import NotAnEmbedding
from edge.vision.eye import RESCAN_S, Eye
from edge.vision.fuse import FRAMES
from edge.vision.quality import reference_limits
from edge.wire.messages import Probe, Sighting
from tests.vision.people import Image, Person, dimmed, lane, noisy, stand

FRAME_S = 1 / 30
MakeEye = Callable[..., Eye]


class Lane:
    """Hands frames to an eye, one every thirtieth of a second."""

    def __init__(self, eye: Eye) -> None:
        self.eye, self.number, self.now = eye, 0, 100.0

    def see(self, image: Image, *, after_s: float = FRAME_S) -> Sighting:
        self.number += 1
        self.now += after_s
        return self.eye.see(Frame(self.number, self.now, noisy(image, 2.0, seed=self.number)))


def embedding(sighting: Sighting) -> np.ndarray:
    assert sighting.probe is not None
    return np.frombuffer(sighting.probe.embedding, "<f4")


def track(sighting: Sighting) -> int:
    assert sighting.probe is not None
    return sighting.probe.track


@pytest.fixture
def resident(grace: Person) -> Image:
    return stand(lane(), grace, face_px=150)


@pytest.fixture
def stranger(astronaut: Person) -> Image:
    return stand(lane(), astronaut, face_px=150)


@pytest.fixture
def at_gate(make_eye: MakeEye) -> Lane:
    gate = Lane(make_eye())
    gate.eye.begin(AttemptId(1))
    return gate


def test_one_face_becomes_one_probe_and_further_frames_fuse_into_it(at_gate: Lane, resident: Image) -> None:
    before = at_gate.eye.embeddings
    seen = [at_gate.see(resident) for _ in range(FRAMES + 2)]
    assert at_gate.eye.embeddings == before + FRAMES + 2
    assert all(one.candidates == 1 and one.unfit is None and one.attempt == 1 for one in seen)
    assert [one.probe.frames for one in seen if one.probe] == [1, 2, 3, 4, 5, 5, 5]
    assert len({track(one) for one in seen}) == 1
    first, last = seen[0].probe, seen[-1].probe
    assert first is not None
    assert last is not None
    assert first.pad is Pad.NOT_DONE
    assert 0.5 < last.quality <= 1.0
    assert last.face_px == pytest.approx(150, rel=0.1)
    assert np.linalg.norm(embedding(seen[-1])) == pytest.approx(1.0, abs=1e-5)
    assert float(embedding(seen[0]) @ embedding(seen[-1])) > 0.97


def test_two_people_are_two_candidates_and_neither_is_embedded(at_gate: Lane, grace: Person, astronaut: Person) -> None:
    frame = stand(stand(lane(), grace, face_px=110, x=0.35), astronaut, face_px=100, x=0.65)
    before = at_gate.eye.embeddings
    sighting = at_gate.see(frame)
    assert (sighting.candidates, sighting.probe, sighting.unfit) == (2, None, None)
    assert at_gate.eye.embeddings == before


def test_a_second_person_who_joins_is_seen_within_the_rescan(at_gate: Lane, resident: Image, astronaut: Person) -> None:
    joined = stand(resident, astronaut, face_px=70, x=0.82, y=0.4)
    at_gate.see(resident)
    since, seen = at_gate.now, at_gate.see(joined)
    while seen.candidates == 1:
        seen = at_gate.see(joined)
    assert seen.candidates == 2
    assert at_gate.now - since <= 0.1 + FRAME_S + 1e-9


def test_after_a_crowd_nothing_of_the_track_before_counts(at_gate: Lane, resident: Image, astronaut: Person) -> None:
    before = at_gate.see(resident)
    at_gate.see(stand(resident, astronaut, face_px=90, x=0.8), after_s=2 * RESCAN_S)
    after = at_gate.see(resident)
    assert track(after) != track(before)
    assert after.probe is not None
    assert after.probe.frames == 1


def test_a_background_face_beside_the_zone_is_nobody(at_gate: Lane, resident: Image, astronaut: Person) -> None:
    assert at_gate.see(stand(resident, astronaut, face_px=62, x=0.08, y=0.3)).candidates == 1


def test_a_face_exchanged_in_place_begins_a_new_track(at_gate: Lane, resident: Image, stranger: Image) -> None:
    before = [at_gate.see(resident) for _ in range(3)]
    after = [at_gate.see(stranger) for _ in range(3)]
    assert len({track(one) for one in before}) == 1
    assert track(after[0]) != track(before[0])
    assert len({track(one) for one in after}) == 1
    # Nothing of the resident is left in what the stranger is compared by.
    alone = after[0].probe
    assert alone is not None
    assert alone.frames == 1
    assert float(embedding(after[-1]) @ embedding(before[-1])) < 0.92


def test_a_face_that_jumps_is_another_track_also_if_it_is_the_same_face(at_gate: Lane, grace: Person) -> None:
    before = [at_gate.see(stand(lane(), grace, face_px=120, x=0.35)) for _ in range(3)][-1]
    after = at_gate.see(stand(lane(), grace, face_px=120, x=0.65))
    assert track(after) != track(before)
    assert after.probe is not None
    assert after.probe.frames == 1


def test_nothing_is_fused_across_attempts(at_gate: Lane, resident: Image) -> None:
    before = [at_gate.see(resident) for _ in range(3)][-1]
    at_gate.eye.begin(AttemptId(2))
    after = at_gate.see(resident)
    assert after.attempt == 2
    assert track(after) != track(before)
    assert after.probe is not None
    assert after.probe.frames == 1


@pytest.mark.parametrize(
    ("scene", "reason"),
    [
        (lambda grace: lane(), Unfit.NO_FACE),
        (lambda grace: dimmed(lane(), 0.15), Unfit.TOO_DARK),
        (lambda grace: dimmed(lane(), 4.0), Unfit.TOO_BRIGHT),
        (lambda grace: stand(lane(), grace, face_px=150, x=0.1), Unfit.OFF_ZONE),
        (lambda grace: stand(lane(), grace, face_px=64), Unfit.TOO_SMALL),
        (lambda grace: stand(lane(), grace, face_px=450, y=0.5), Unfit.TOO_NEAR),
        (lambda grace: dimmed(stand(lane(), grace, face_px=150), 0.1), Unfit.TOO_DARK),
    ],
)
def test_an_unfit_frame_says_why_and_is_not_embedded(
    at_gate: Lane, grace: Person, scene: Callable[[Person], Image], reason: Unfit
) -> None:
    before = at_gate.eye.embeddings
    sighting = at_gate.see(scene(grace))
    assert sighting.unfit is reason
    assert sighting.probe is None
    assert sighting.candidates == (1 if reason in {Unfit.TOO_SMALL, Unfit.TOO_NEAR} or sighting.candidates else 0)
    assert at_gate.eye.embeddings == before


def test_simulated_pad_says_so_in_every_probe(make_eye: MakeEye, resident: Image) -> None:
    gate = Lane(make_eye(pad="simulated"))
    gate.eye.begin(AttemptId(1))
    probe = gate.see(resident).probe
    assert probe is not None
    assert probe.pad is Pad.BONA_FIDE


def test_forgetting_leaves_no_pixel_and_no_embedding(at_gate: Lane, resident: Image) -> None:
    for _ in range(3):
        at_gate.see(resident)
    face = at_gate.eye._face
    assert face is not None
    kept = (at_gate.eye._finder, at_gate.eye._embedder.model, at_gate.eye._meter, at_gate.eye._fusion)
    assert all(any(buffer.any() for buffer in part.buffers) for part in kept)
    at_gate.eye.forget()
    assert not any(buffer.any() for buffer in at_gate.eye.buffers)
    assert not face.points.any()


def test_forgetting_overwrites_what_the_runtime_keeps(at_gate: Lane, resident: Image) -> None:
    at_gate.see(resident)
    at_gate.eye.forget()
    for model in (*at_gate.eye._finder._models, at_gate.eye._embedder.model):
        api = model._run._api
        kept = api.get_tensor(api.get_input_details()[0]["index"])
        assert len(np.unique(kept)) == 1  # black, whatever black is for this model


def test_buffers_are_made_once(at_gate: Lane, resident: Image) -> None:
    at_gate.see(resident)
    before = [buffer.ctypes.data for buffer in at_gate.eye.buffers]
    at_gate.eye.forget()
    at_gate.eye.begin(AttemptId(2))
    for _ in range(3):
        at_gate.see(resident)
    assert [buffer.ctypes.data for buffer in at_gate.eye.buffers] == before


def test_a_model_that_gives_nan_is_refused(at_gate: Lane, resident: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    model = at_gate.eye._embedder.model
    nothing = np.zeros((1, 128), np.float32)
    nothing[0, 5] = np.nan
    monkeypatch.setattr(model, "_run", lambda _: [nothing])
    with pytest.raises(NotAnEmbedding):
        at_gate.see(resident)
    with pytest.raises(NotAnEmbedding):
        at_gate.eye.self_test()


def test_a_mesh_that_gives_nan_sees_nobody(at_gate: Lane, resident: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = at_gate.eye._finder._models[1]
    monkeypatch.setattr(
        mesh, "_run", lambda _: [np.full((1, 1, 1, 1404), np.nan, "f4"), np.full((1, 1, 1, 1), 9, "f4")]
    )
    assert at_gate.see(resident).unfit is Unfit.NO_FACE


def test_a_self_test_embeds_nobody(at_gate: Lane) -> None:
    before = (at_gate.eye.frames, at_gate.eye.embeddings)
    at_gate.eye.self_test()
    assert (at_gate.eye.frames, at_gate.eye.embeddings) == before


def test_every_stage_is_timed(at_gate: Lane, resident: Image) -> None:
    at_gate.see(resident)
    stages = at_gate.eye.stage_us
    assert {"detect", "second-look", "mesh", "quality", "align", "embed", "fuse"} <= stages.keys()
    assert all(isinstance(us, int) and us >= 0 for us in stages.values())


def test_nothing_of_a_face_is_in_a_repr(at_gate: Lane, resident: Image) -> None:
    sighting = at_gate.see(resident)
    said = repr(sighting) + repr(at_gate.eye._face)
    assert "hidden" in said
    assert "array" not in said
    assert "\\x" not in said


# References ------------------------------------------------------------------------------
LIMITS = reference_limits(80)


def test_a_good_picture_of_one_person_is_a_reference(make_eye: MakeEye, grace: Person, astronaut: Person) -> None:
    eye = make_eye()
    found = [eye.examine(one.image, LIMITS) for one in (grace, astronaut)]
    assert all(isinstance(one, Probe) and one.frames == 1 for one in found)
    tracks = {one.track for one in found if isinstance(one, Probe)}
    assert len(tracks) == 2


def test_a_picture_of_two_is_no_reference(make_eye: MakeEye, resident: Image, astronaut: Person) -> None:
    said = make_eye().examine(stand(resident, astronaut, face_px=70, x=0.06), LIMITS)
    assert isinstance(said, str)
    assert said.startswith("2 faces")


def test_an_unfit_picture_says_why(make_eye: MakeEye, grace: Person) -> None:
    eye = make_eye()
    assert eye.examine(lane(), LIMITS) == Unfit.NO_FACE.value
    assert eye.examine(stand(lane(), grace, face_px=60), LIMITS) == Unfit.TOO_SMALL.value
    assert eye.examine(dimmed(stand(lane(), grace, face_px=160), 0.2), LIMITS) == Unfit.TOO_DARK.value
