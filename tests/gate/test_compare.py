"""From a sighting to a verdict, whatever the eye says."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.decide import Threshold
from edge.core.lane import Ambiguous, Crowded, NotFit, NotRecognised, Recognised
from edge.core.values import Pad, SubjectId, Unfit
from edge.errors import InputError
from edge.gate.compare import embedding_of, judge
from edge.gate.inbox import Seen
from edge.wire.messages import Probe, Sighting
from tests.gate.lane import ANN, BOB, DIMENSIONS, FACES, MODEL, OTHER_MODEL, STRANGER, YARDSTICK, holdings, probe

HELD = holdings(ANN, BOB)


def sighting(found: Probe | None = None, *, candidates: int = 1, unfit: Unfit | None = None) -> Sighting:
    return Sighting(attempt=1, captured_at=1.0, candidates=candidates, unfit=unfit, probe=found)


def seen(found: Probe | None = None, *, candidates: int = 1, unfit: Unfit | None = None) -> Seen:
    return Seen(sighting(found, candidates=candidates, unfit=unfit), MODEL)


def test_a_resident_is_recognised() -> None:
    assert judge(seen(probe(FACES[ANN])), HELD, YARDSTICK) == Recognised(SubjectId("ann"), ANN)


def test_a_stranger_is_not() -> None:
    assert judge(seen(probe(STRANGER)), HELD, YARDSTICK) == NotRecognised()


def test_nobody_is_recognised_where_nobody_enrolled() -> None:
    assert judge(seen(probe(FACES[ANN])), holdings(), YARDSTICK) == NotRecognised()


def test_twins_are_ambiguous() -> None:
    twins = replace(YARDSTICK, threshold=Threshold(accept=0.3, margin=0.3))
    between = FACES[ANN] / np.linalg.norm(FACES[ANN]) + FACES[BOB] / np.linalg.norm(FACES[BOB])
    assert judge(seen(probe(between.astype(np.float32))), HELD, twins) == Ambiguous()


@pytest.mark.parametrize("candidates", [2, 3, 64])
def test_a_crowd_is_a_crowd_although_a_resident_is_in_it(candidates: int) -> None:
    """Threat 7: the terminal takes the last of two faces seen."""
    assert judge(seen(probe(FACES[ANN]), candidates=candidates), HELD, YARDSTICK) == Crowded()


@pytest.mark.parametrize("unfit", list(Unfit))
def test_an_unfit_capture_is_unfit_whatever_rides_along(unfit: Unfit) -> None:
    assert judge(seen(probe(FACES[ANN]), unfit=unfit), HELD, YARDSTICK) == NotFit(unfit)


def test_no_probe_is_nobody() -> None:
    assert judge(seen(candidates=0), HELD, YARDSTICK) == NotFit(Unfit.NO_FACE)


def test_a_probe_of_nobody_is_a_lie() -> None:
    with pytest.raises(InputError, match="a probe of nobody"):
        judge(seen(probe(FACES[ANN]), candidates=0), HELD, YARDSTICK)


@pytest.mark.parametrize("wrong", ["eye", "vault", "pack"])
def test_templates_of_different_models_are_never_compared(wrong: str) -> None:
    one = replace(seen(probe(FACES[ANN])), model_sha256=OTHER_MODEL if wrong == "eye" else MODEL)
    held = replace(HELD, model_sha256=OTHER_MODEL) if wrong == "vault" else HELD
    yardstick = replace(YARDSTICK, model_sha256=OTHER_MODEL) if wrong == "pack" else YARDSTICK
    with pytest.raises(InputError, match="model"):
        judge(one, held, yardstick)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_embedding_that_is_not_finite_is_an_error_that_says_so(bad: float) -> None:
    embedding = FACES[ANN].copy()
    embedding[3] = bad
    with pytest.raises(InputError, match="not finite"):
        judge(seen(probe(embedding)), HELD, YARDSTICK)


def test_an_embedding_of_zeros_is_an_error() -> None:
    with pytest.raises(InputError, match="zero"):
        judge(seen(probe(np.zeros(DIMENSIONS, np.float32))), HELD, YARDSTICK)


@given(st.integers(64, 4096).filter(lambda n: n != 4 * DIMENSIONS))
def test_an_embedding_of_another_size_is_an_error(size: int) -> None:
    wrong = msgspec.structs.replace(probe(FACES[ANN]), embedding=b"\x01" * size)
    with pytest.raises(InputError, match="components"):
        embedding_of(wrong, DIMENSIONS)


@given(st.binary(min_size=4 * DIMENSIONS, max_size=4 * DIMENSIONS), st.integers(0, 3), st.sampled_from(list(Pad)))
def test_no_bytes_of_a_liar_are_recognised_unless_they_look_like_a_resident(
    data: bytes, candidates: int, pad: Pad
) -> None:
    """Threat 24: at most a claimed sighting; recognised only by a score above the threshold."""
    found = msgspec.structs.replace(probe(FACES[ANN]), embedding=data, pad=pad)
    try:
        verdict = judge(seen(found, candidates=candidates), HELD, YARDSTICK)
    except InputError:
        return
    if isinstance(verdict, Recognised):
        claimed = np.frombuffer(data, "<f4").astype(np.float64)
        resident = FACES[verdict.consent].astype(np.float64)
        cosine = claimed @ resident / (np.linalg.norm(claimed) * np.linalg.norm(resident))
        assert cosine > YARDSTICK.threshold.accept - 0.05
        assert candidates == 1


@given(scale=st.floats(1e-3, 1e3))
def test_the_length_of_an_embedding_says_nothing(scale: float) -> None:
    scaled = (FACES[BOB] * np.float32(scale)).astype(np.float32)
    assert judge(seen(probe(scaled)), HELD, YARDSTICK) == Recognised(SubjectId("bob"), BOB)
