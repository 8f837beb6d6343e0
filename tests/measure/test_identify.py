"""Open-set identification against a plain loop over the same draws."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import ConfigError
from edge.measure import identify
from edge.measure.bootstrap import SEED
from edge.measure.identify import fnir_at, fnir_intervals, search_all, threshold_for
from edge.measure.scores import Samples

IMAGES_OF = [4, 3, 3, 2, 4, 1, 1, 1, 1, 3, 2, 1]


def samples(noise: float = 0.7) -> Samples:
    rng = np.random.default_rng(11)
    people = np.repeat(np.arange(len(IMAGES_OF)), IMAGES_OF)
    vectors = rng.standard_normal((len(IMAGES_OF), 8))[people] + noise * rng.standard_normal((len(people), 8))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return Samples(unit.astype(np.float32), people.astype(np.int32))


def plain(all_of: Samples, references: int, gallery: int) -> tuple[list[float], list[float]]:
    """Mated and non-mated outcomes, one search after the other."""
    rng = np.random.default_rng(SEED)
    able = np.array([person for person, count in enumerate(IMAGES_OF) if count > references])
    mated, non_mated = [], []
    for _ in range(identify.DRAWS):
        enrolled = sorted(int(p) for p in rng.choice(able, gallery, replace=False))
        held = {
            p: [int(r) for r in rng.choice(np.flatnonzero(all_of.people == p), references, replace=False)]
            for p in enrolled
        }
        used = {row for rows in held.values() for row in rows}
        for row in range(len(all_of)):
            if row in used:
                continue
            best = {
                p: max(float(all_of.embeddings[row] @ all_of.embeddings[r]) for r in rows) for p, rows in held.items()
            }
            found = max(best, key=lambda p: best[p])
            if all_of.people[row] not in held:
                non_mated.append(best[found])
            else:
                mated.append(best[found] if found == all_of.people[row] else -np.inf)
    return mated, non_mated


@pytest.mark.parametrize(("references", "gallery"), [(1, 7), (1, 3), (2, 5), (3, 2), (1, 1)])
def test_searches_agree_with_a_plain_loop(references: int, gallery: int) -> None:
    found = search_all(samples(), references=references, gallery=gallery)
    mated, non_mated = plain(samples(), references, gallery)
    np.testing.assert_allclose(found.mated, mated, atol=1e-6)
    np.testing.assert_allclose(found.non_mated, non_mated, atol=1e-6)
    for fpir in (0.05, 0.2):
        bar = threshold_for(found, fpir)
        beyond = bar + 1e-6  # the loop's scores may differ in the last bit
        assert np.mean(np.array(non_mated) >= beyond) <= fpir
        assert fnir_at(found, bar) == pytest.approx(np.mean(np.array(mated) < beyond))


def test_somebody_else_on_top_is_a_miss_at_every_threshold() -> None:
    vectors = np.eye(3, dtype=np.float32)[[0, 1, 1, 0]]  # the second image of person 0 looks like person 1
    confused = Samples(vectors, np.array([0, 0, 1, 1], np.int32))
    found = search_all(confused, references=1, gallery=2)
    assert fnir_at(found, -1.0) > 0


def test_without_a_gallery_size_everybody_with_enough_images_is_enrolled() -> None:
    assert search_all(samples(), references=2, gallery=None).gallery == 5


def test_people_with_one_image_search_as_strangers_and_are_never_enrolled() -> None:
    found = search_all(samples(), references=1, gallery=None)
    singles = {person for person, count in enumerate(IMAGES_OF) if count == 1}
    assert set(found.non_mated_by.tolist()) == singles
    assert not singles & set(found.mated_by.tolist())


@pytest.mark.parametrize(("references", "gallery"), [(3, 3), (4, None), (1, 8)])
def test_a_gallery_that_cannot_be_filled_is_refused(references: int, gallery: int | None) -> None:
    with pytest.raises(ConfigError, match="usable images"):
        search_all(samples(), references=references, gallery=gallery)


def test_bounds_hold_the_value_and_are_the_same_twice() -> None:
    found = search_all(samples(1.2), references=1, gallery=None)
    value = fnir_at(found, threshold_for(found, 0.2))
    (bounds,) = fnir_intervals(found, [0.2])
    assert bounds is not None
    assert 0.0 <= bounds[0] <= value <= bounds[1] <= 1.0
    assert fnir_intervals(found, [0.2]) == [bounds]
