"""The vectorised search against a plain loop, and the rules of `edge.gate.match` one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from edge.core.decide import Candidate
from edge.core.quantise import Quantised, cosine, quantise, scale_of
from edge.core.values import ConsentId, SubjectId
from edge.errors import InputError
from edge.gate.match import Gallery, Owner

DIMENSIONS = 16


def owner(number: int) -> Owner:
    return Owner(SubjectId(f"subject-{number}"), ConsentId(f"consent-{number}"))


def plain_search(
    rows: list[NDArray[np.int8]], owners: list[Owner], probe: NDArray[np.float32]
) -> tuple[Candidate, ...]:
    """What `Gallery.search` has to answer, as one would write it on a blackboard."""
    asked = quantise(probe)
    scored = []
    for row, whose in zip(rows, owners, strict=True):
        score = max(-1.0, min(1.0, cosine(Quantised(row, scale_of(row)), asked)))
        scored.append(Candidate(whose.subject, whose.consent, score))
    ranked = sorted(scored, key=lambda c: -c.score)  # stable: of equal scores the one given first stays in front
    best: dict[SubjectId, Candidate] = {}
    for candidate in ranked:
        best.setdefault(candidate.subject, candidate)
    return tuple(best.values())[:2]


# Small components make ties: many rows are then multiples or copies of one another.
components = st.integers(-127, 127) | st.integers(-1, 1)
row_vectors = arrays.arrays(np.int8, DIMENSIONS, elements=components).filter(lambda row: bool(row.any()))
probes = arrays.arrays(
    np.float32, DIMENSIONS, elements=st.floats(-1e3, 1e3, width=32) | st.sampled_from([-1.0, 0.0, 1.0])
).filter(lambda probe: bool(probe.any()))
enrolled = st.lists(st.tuples(row_vectors, st.integers(0, 4), st.integers(0, 2)), max_size=12)


@given(enrolled, probes)
def test_search_agrees_with_a_plain_loop(
    references: list[tuple[NDArray[np.int8], int, int]], probe: NDArray[np.float32]
) -> None:
    rows = [row for row, _, _ in references]
    owners = [Owner(SubjectId(f"s{s}"), ConsentId(f"s{s}-c{c}")) for _, s, c in references]
    gallery = Gallery(np.array(rows, np.int8).reshape(len(rows), DIMENSIONS), owners)
    assert gallery.search(probe) == plain_search(rows, owners, probe)


@given(enrolled, probes, st.data())
def test_after_a_rebuild_without_a_subject_nobody_answers_to_that_name(
    references: list[tuple[NDArray[np.int8], int, int]], probe: NDArray[np.float32], data: st.DataObject
) -> None:
    gone = data.draw(st.integers(0, 4))
    kept = [(row, s) for row, s, _ in references if s != gone]
    matrix = np.array([row for row, _ in kept], np.int8).reshape(len(kept), DIMENSIONS)
    found = Gallery(matrix, [owner(s) for _, s in kept]).search(probe)
    assert owner(gone).subject not in {c.subject for c in found}
    assert found == plain_search([row for row, _ in kept], [owner(s) for _, s in kept], probe)


def test_a_large_gallery_agrees_with_a_plain_loop() -> None:
    rng = np.random.default_rng(3)
    for dimensions in (128, 256, 512):
        matrix = rng.integers(-127, 128, (2_000, dimensions), dtype=np.int8)
        owners = [owner(int(number)) for number in rng.integers(0, 300, 2_000)]
        gallery = Gallery(matrix, owners)
        for _ in range(3):
            probe = rng.standard_normal(dimensions).astype(np.float32)
            assert gallery.search(probe) == plain_search(list(matrix), owners, probe)


def test_the_extreme_dot_product_is_exact() -> None:
    matrix = np.full((3, 1024), 127, np.int8)
    matrix[1] = -127
    matrix[2, 0] = 126
    gallery = Gallery(matrix, [owner(n) for n in range(3)])
    best, second = gallery.search(np.ones(1024, np.float32))
    assert (best.subject, second.subject) == ("subject-0", "subject-2")
    assert second.score == pytest.approx((1023 * 127 + 126) / math.sqrt(1024 * (1023 * 127**2 + 126**2)), abs=1e-6)


def test_scores_are_those_of_the_embeddings_but_for_quantisation() -> None:
    rng = np.random.default_rng(4)
    vectors = rng.standard_normal((50, 128)).astype(np.float32)
    gallery = Gallery(np.array([quantise(v).vector for v in vectors]), [owner(n) for n in range(50)])
    probe = vectors[7] + 0.5 * rng.standard_normal(128).astype(np.float32)
    best = gallery.search(probe)[0]
    truth = float(vectors[7] @ probe / np.linalg.norm(vectors[7]) / np.linalg.norm(probe))
    assert best.subject == "subject-7"
    assert best.score == pytest.approx(truth, abs=0.004)


def test_several_references_of_a_subject_are_one_candidate_under_the_consent_of_the_best() -> None:
    matrix = np.zeros((3, DIMENSIONS), np.int8)
    matrix[0, 0], matrix[1, :2], matrix[2, 1] = 127, 127, 127
    old, new = Owner(SubjectId("a"), ConsentId("old")), Owner(SubjectId("a"), ConsentId("new"))
    gallery = Gallery(matrix, [old, new, owner(1)])
    probe = np.zeros(DIMENSIONS, np.float32)
    probe[:2] = 1.0
    found = gallery.search(probe)
    assert [(c.subject, c.consent) for c in found] == [("a", "new"), ("subject-1", "consent-1")]


def test_equal_scores_go_to_the_reference_given_first() -> None:
    matrix = np.ones((4, DIMENSIONS), np.int8)
    matrix[3] = 127  # another length, the same direction
    for order in ([0, 1, 2, 3], [2, 3, 0, 1]):
        found = Gallery(matrix, [owner(n) for n in order]).search(np.ones(DIMENSIONS, np.float32))
        assert [c.subject for c in found] == [owner(n).subject for n in order[:2]]


def test_an_empty_gallery_knows_nobody() -> None:
    assert Gallery(np.empty((0, 128), np.int8), []).search(np.ones(128, np.float32)) == ()


def test_one_subject_alone_has_no_second_best() -> None:
    gallery = Gallery(np.ones((3, DIMENSIONS), np.int8), [owner(1)] * 3)
    assert [c.subject for c in gallery.search(np.ones(DIMENSIONS, np.float32))] == ["subject-1"]


@pytest.mark.parametrize("rows", [0, 3])
@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
def test_a_probe_that_is_not_finite_is_refused(rows: int, poison: float) -> None:
    probe = np.ones(DIMENSIONS, np.float32)
    probe[5] = poison
    gallery = Gallery(np.ones((rows, DIMENSIONS), np.int8), [owner(n) for n in range(rows)])
    with pytest.raises(InputError, match="not finite"):
        gallery.search(probe)


def test_a_probe_without_direction_is_refused() -> None:
    with pytest.raises(InputError, match="all zero"):
        Gallery(np.ones((1, DIMENSIONS), np.int8), [owner(1)]).search(np.zeros(DIMENSIONS, np.float32))


def test_a_probe_of_another_model_is_refused() -> None:
    gallery = Gallery(np.ones((1, DIMENSIONS), np.int8), [owner(1)])
    with pytest.raises(InputError, match="17 dimensions, the references have 16"):
        gallery.search(np.ones(DIMENSIONS + 1, np.float32))


def test_templates_that_no_quantiser_makes_are_refused() -> None:
    matrix = np.ones((2, DIMENSIONS), np.int8)
    with pytest.raises(InputError, match="2 templates have 1 owners"):
        Gallery(matrix, [owner(1)])
    with pytest.raises(InputError, match="no row-wise int8 matrix"):
        Gallery(np.asfortranarray(matrix), [owner(1), owner(2)])
    with pytest.raises(InputError, match="no row-wise int8 matrix"):
        Gallery(matrix.astype(np.uint8), [owner(1), owner(2)])
    with pytest.raises(InputError, match="-128"):
        Gallery(np.where(np.eye(2, DIMENSIONS, dtype=bool), np.int8(-128), matrix), [owner(1), owner(2)])
    with pytest.raises(InputError, match="all zero"):
        Gallery(np.zeros((2, DIMENSIONS), np.int8), [owner(1), owner(2)])


def test_a_gallery_borrows_its_matrix_so_that_wiping_it_wipes_all() -> None:
    matrix = np.ones((2, DIMENSIONS), np.int8)
    gallery = Gallery(matrix, [owner(1), owner(2)])
    held = [value for value in vars(gallery).values() if isinstance(value, np.ndarray) and value.dtype == np.int8]
    assert all(np.shares_memory(array, matrix) for array in held)


def test_repr_hides_templates() -> None:
    matrix = np.full((1, DIMENSIONS), 77, np.int8)
    assert "77" not in repr(Gallery(matrix, [owner(1)]))
