"""All pairs as one flat array, against two nested loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.measure import scores as module
from edge.measure.scores import Comparisons, Samples


def unit_samples(people: list[int], seed: int = 0, dimensions: int = 16) -> Samples:
    """One sample a number in `people`; samples of one person are alike."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((max(people, default=0) + 1, dimensions))
    vectors = centres[people] + 0.8 * rng.standard_normal((len(people), dimensions)) if people else np.empty((0, 16))
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return Samples(vectors.astype(np.float32), np.array(people, np.int32))


@given(st.lists(st.integers(0, 5), max_size=30))
def test_every_pair_is_compared_once_and_knows_its_people(people: list[int]) -> None:
    samples = unit_samples(people)
    comparisons = Comparisons(samples)
    pairs = [(i, j) for i in range(len(people)) for j in range(i + 1, len(people))]
    assert len(comparisons.scores) == len(pairs)
    first, second = comparisons.persons(np.arange(len(pairs)))
    for at, (i, j) in enumerate(pairs):
        assert comparisons.scores[at] == pytest.approx(float(samples.embeddings[i] @ samples.embeddings[j]), abs=1e-6)
        assert (first[at], second[at]) == (people[i], people[j])
        assert comparisons.is_genuine[at] == (people[i] == people[j])
    assert len(comparisons.genuine) + len(comparisons.impostor) == len(pairs)
    assert (np.diff(comparisons.genuine) >= 0).all()
    assert (np.diff(comparisons.impostor) >= 0).all()


def test_blocks_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = unit_samples([0, 1, 0, 2, 2, 1, 3, 0, 1])
    whole = Comparisons(samples).scores
    monkeypatch.setattr(module, "_BLOCK_ROWS", 2)
    np.testing.assert_allclose(Comparisons(samples).scores, whole, atol=1e-6)


def test_more_samples_than_memory_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SAMPLES", 3)
    with pytest.raises(InputError, match="4 samples are above the 3"):
        Comparisons(unit_samples([0, 1, 2, 3]))


def test_embeddings_and_people_must_agree() -> None:
    with pytest.raises(InputError, match="differ in number"):
        Samples(np.zeros((2, 16), np.float32), np.zeros(3, np.int32))


def test_repr_hides_embeddings() -> None:
    samples = Samples(np.full((2, 16), 0.25, np.float32), np.zeros(2, np.int32))
    assert "0.25" not in repr(samples) + repr(Comparisons(samples))
