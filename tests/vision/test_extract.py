from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.core.values import Unfit
from edge.errors import PartFailed
from edge.packs import Pack
from edge.packs.errors import PackDamaged
from edge.vision.extract import Extractor, load_extractor
from edge.vision.model import Model
from edge.vision.quality import Limits
from edge.vision.runtimes import Runtime, load
from tests.vision.people import RUNTIME, Image, Person, dimmed, lane, noisy, stand

ACCEPT = 0.936
"""The shipped pack's threshold at FMR 1e-4."""


def embed(extractor: Extractor, image: Image) -> np.ndarray:
    found = extractor.extract(image)
    assert found.unfit is None
    assert found.embedding is not None
    return found.embedding


def test_one_person_stays_the_same_through_what_a_lane_does_to_a_picture(extractor: Extractor, grace: Person) -> None:
    reference = embed(extractor, grace.image)
    for face_px, roll, light, noise in (
        (90, 0, 1, 3),
        (150, 18, 1, 3),
        (220, -18, 1, 3),
        (150, 0, 0.4, 3),
        (300, 5, 1.3, 6),
    ):
        frame = noisy(dimmed(stand(lane(), grace, face_px=face_px, roll_deg=roll), light), noise)
        assert float(embed(extractor, frame) @ reference) > ACCEPT


def test_another_person_is_another(extractor: Extractor, grace: Person, astronaut: Person) -> None:
    here, there = embed(extractor, grace.image), embed(extractor, astronaut.image)
    assert float(here @ there) < ACCEPT - 0.03


def test_the_main_face_is_the_one_that_the_picture_is_of(
    extractor: Extractor, grace: Person, astronaut: Person
) -> None:
    frame = stand(stand(lane(), grace, face_px=180), astronaut, face_px=80, x=0.88, y=0.3)
    assert float(embed(extractor, frame) @ embed(extractor, grace.image)) > ACCEPT


def test_without_limits_only_no_face_is_refused(pack: Pack, extractor: Extractor, grace: Person) -> None:
    far = stand(lane(), grace, face_px=62)
    assert extractor.extract(far).embedding is not None
    nobody = extractor.extract(lane())
    assert (nobody.embedding, nobody.unfit, nobody.quality, nobody.face_px) == (None, Unfit.NO_FACE, 0.0, 0.0)
    strict = load_extractor(pack, runtime=RUNTIME, limits=Limits()).extract(far)
    assert (strict.embedding, strict.unfit) == (None, Unfit.TOO_SMALL)
    assert strict.face_px == pytest.approx(62, rel=0.12)


def test_grey_pictures_work_too(extractor: Extractor, grace: Person) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(grace.image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    assert float(embed(extractor, np.asarray(grey, np.uint8)) @ embed(extractor, grace.image)) > 0.9


def test_an_extraction_hides_its_embedding(extractor: Extractor, grace: Person) -> None:
    assert "embedding" not in repr(extractor.extract(grace.image))


def test_an_extractor_forgets(extractor: Extractor, grace: Person) -> None:
    extractor.extract(grace.image)
    extractor.forget()
    assert not extractor._embedder.model.picture.any()
    assert not any(buffer.any() for buffer in extractor._finder.buffers)


# Models ----------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["detector", "landmarks", "embedder"])
def test_one_flipped_bit_anywhere_is_not_loaded(pack: Pack, tmp_path: Path, role: str) -> None:
    part = getattr(pack, role)
    content = bytearray(part.path.read_bytes())
    content[len(content) * 2 // 3] ^= 1
    path = tmp_path / part.path.name
    path.write_bytes(content)
    with pytest.raises(PackDamaged, match="damaged") as caught:
        Model(dataclasses.replace(part, folder=tmp_path, path=path), runtime=RUNTIME)
    assert part.path.name in caught.value.message


def test_a_model_that_is_not_what_its_recipe_says_is_not_used(pack: Pack) -> None:
    with pytest.raises(PartFailed, match="its recipe says"):
        Model(dataclasses.replace(pack.landmarks, input=pack.detector.input), runtime=RUNTIME)
    with pytest.raises(PartFailed, match="its recipe says"):
        Model(dataclasses.replace(pack.embedder, output=pack.detector.output), runtime=RUNTIME)


def test_bytes_that_are_no_model_are_refused_by_name() -> None:
    with pytest.raises(PartFailed, match=r"the embedder .* cannot be run"):
        load(RUNTIME, b"\0" * 64, threads=1, what="the embedder of a test")


@pytest.mark.parametrize("runtime", ["litert", "tflite-runtime"])
def test_a_runtime_is_used_or_missed_by_name_and_never_replaced(pack: Pack, runtime: Runtime) -> None:
    module = {"litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}[runtime]
    if importlib.util.find_spec(module) is None:
        with pytest.raises(PartFailed, match=f"the runtime {runtime} cannot be imported"):
            load_extractor(pack, runtime=runtime)
    else:
        model = load_extractor(pack, runtime=runtime)._embedder.model
        assert type(model._run._api).__module__.startswith(module)


def test_a_picture_reaches_the_model_as_its_recipe_says(pack: Pack) -> None:
    model = Model(pack.detector, runtime=RUNTIME)
    model.picture[:] = (255, 128, 0)  # blue, green, red
    seen: list[np.ndarray] = []
    model._run = lambda image: seen.append(image.copy()) or []  # type: ignore[assignment,func-returns-value]
    model()
    assert seen[0].dtype == np.float32
    assert seen[0].shape == (1, 128, 128, 3)
    assert seen[0][0, 0, 0].tolist() == pytest.approx([-1.0, 128 / 127.5 - 1, 1.0], abs=1e-6)
    embedder = Model(pack.embedder, runtime=RUNTIME)
    embedder.picture[:] = (255, 128, 0)
    embedder._run = model._run
    embedder()
    assert seen[1].dtype == np.uint8
    assert seen[1][0, 0, 0].tolist() == [0, 128, 255]
