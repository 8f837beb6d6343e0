"""From embedding to int8 template and back to a cosine (`edge.core.quantise`)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import simsimd
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from edge.core.quantise import (
    LARGEST,
    MAX_DIMENSIONS,
    MIN_DIMENSIONS,
    EmbeddingUnusable,
    angle_error_max,
    cosine,
    quantise,
    scale_of,
)

vectors = hnp.arrays(
    np.float32, st.integers(MIN_DIMENSIONS, 64), elements=st.floats(-(2.0**100), 2.0**100, width=32)
).filter(lambda vector: bool(np.abs(vector).max() > 0))


def exact(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    x, y = a.astype(np.float64), b.astype(np.float64)
    return float(x @ y / math.sqrt(float(x @ x)) / math.sqrt(float(y @ y)))


@given(vectors)
def test_a_template_fills_its_range_and_matches_itself(vector: NDArray[np.float32]) -> None:
    made = quantise(vector)
    assert int(np.abs(made.vector.astype(int)).max()) == LARGEST
    assert cosine(made, made) == pytest.approx(1.0, abs=1e-6)
    assert made.scale == scale_of(made.vector)


@given(vectors, st.floats(1e-3, 1e3))
def test_length_does_not_matter(vector: NDArray[np.float32], factor: float) -> None:
    a, b = quantise(vector), quantise((vector.astype(np.float64) * factor).astype(np.float64))
    assert cosine(a, b) > 1 - 1e-4


@given(vectors, st.data())
def test_no_vector_turns_further_than_the_bound(vector: NDArray[np.float32], data: st.DataObject) -> None:
    other = data.draw(hnp.arrays(np.float32, vector.size, elements=st.floats(-1, 1, width=32)))
    if not other.any():
        other = vector
    error = abs(math.acos(_clip(cosine(quantise(vector), quantise(other)))) - math.acos(_clip(exact(vector, other))))
    assert error <= 2 * angle_error_max(vector.size) + 1e-3


@pytest.mark.parametrize("dimensions", [128, 256, 512])
@pytest.mark.parametrize(("shape", "bound"), [("normal", 0.004), ("laplace", 0.004), ("student", 0.008)])
def test_a_cosine_moves_by_a_few_thousandths(dimensions: int, shape: str, bound: float) -> None:
    rng = np.random.default_rng(7)
    draw: dict[str, Callable[[int], NDArray[np.float64]]] = {
        "normal": lambda size: rng.normal(size=size),
        "laplace": lambda size: rng.laplace(size=size),
        "student": lambda size: rng.standard_t(3, size),
    }
    worst = 0.0
    for _ in range(200):
        a = draw[shape](dimensions).astype(np.float32)
        b = (a * rng.uniform(-1, 1) + draw[shape](dimensions)).astype(np.float32)
        worst = max(worst, abs(cosine(quantise(a), quantise(b)) - exact(a, b)))
    assert worst < bound


def test_the_dot_product_of_the_search_library_is_the_one_that_is_scored() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        a, b = (quantise(rng.standard_normal(128).astype(np.float32)) for _ in range(2))
        assert float(np.asarray(simsimd.dot(a.vector, b.vector))) * a.scale * b.scale == cosine(a, b)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_no_embedding(bad: float) -> None:
    vector = np.ones(128, np.float32)
    vector[77] = bad
    with pytest.raises(EmbeddingUnusable, match="not finite"):
        quantise(vector)


def test_zero_is_no_embedding() -> None:
    with pytest.raises(EmbeddingUnusable, match="zero"):
        quantise(np.zeros(128, np.float32))
    with pytest.raises(EmbeddingUnusable, match="zero"):
        scale_of(np.zeros(128, np.int8))


@pytest.mark.parametrize("shape", [(0,), (MIN_DIMENSIONS - 1,), (MAX_DIMENSIONS + 1,), (2, 128), ()])
def test_an_impossible_shape_is_no_embedding(shape: tuple[int, ...]) -> None:
    with pytest.raises(EmbeddingUnusable, match="shape"):
        quantise(np.ones(shape, np.float32))


@pytest.mark.parametrize("value", [np.finfo(np.float32).max, np.finfo(np.float32).tiny, 1e-45])
def test_the_largest_and_the_smallest_numbers_are_numbers(value: float) -> None:
    assert set(quantise(np.full(16, value, np.float32)).vector.tolist()) == {LARGEST}


def test_a_template_hides_in_its_repr() -> None:
    made = quantise(np.arange(1, 129, dtype=np.float32))
    assert "127" not in repr(made)
    assert "vector" not in repr(made)


def _clip(value: float) -> float:
    return min(1.0, max(-1.0, value))
