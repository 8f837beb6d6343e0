"""Bounds: a replicate by weights must be the replicate that one would make by copying people."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.measure import bootstrap
from edge.measure.bootstrap import Weighed, estimate, interval, replicates, verification_intervals, weighed_share_above
from edge.measure.rates import accepted, threshold_at
from edge.measure.scores import Comparisons, Samples

scores = st.lists(st.sampled_from([i / 8 for i in range(9)]), min_size=1, max_size=12)
weights = st.lists(st.integers(0, 3), min_size=12, max_size=12)


@given(scores, scores, weights, weights, st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]))
def test_weights_do_what_copies_would(
    wanted: list[float], errors: list[float], w: list[int], e: list[int], rate: float
) -> None:
    people = np.array(w + e)
    order_w, order_e = np.argsort([-s for s in wanted]), np.argsort([-s for s in errors])
    weighed_w = Weighed(np.array(wanted, np.float32)[order_w], (order_w.astype(np.int32),))
    weighed_e = Weighed(np.array(errors, np.float32)[order_e], ((order_e + 12).astype(np.int32),))
    copies_w = np.sort(np.repeat(np.array(wanted, np.float32), w[: len(wanted)]))
    copies_e = np.sort(np.repeat(np.array(errors, np.float32), e[: len(errors)]))
    shares = weighed_share_above(weighed_w, weighed_e, people, [rate], len(copies_e))
    if not len(copies_w) or not len(copies_e):
        assert shares is None
    else:
        assert shares is not None
        assert shares[0] == pytest.approx(accepted(copies_w, threshold_at(copies_e, rate)))


def test_a_replicate_that_needs_more_of_the_tail_than_was_kept_errs_against_us() -> None:
    wanted = Weighed(np.array([0.9, 0.6], np.float32), (np.zeros(2, np.int32),))
    kept = Weighed(np.array([0.8], np.float32), (np.zeros(1, np.int32),), floor=0.8)
    assert weighed_share_above(wanted, kept, np.array([1]), [0.5], 10) == [0.5]


def copied(samples: Samples, drawn: np.ndarray) -> tuple[list[float], list[float]]:
    """Genuine and impostor scores of a replicate, made by copying people (bootstrap, rule 3)."""
    seats = [person for person, times in enumerate(drawn) for _ in range(times)]
    rows = [
        (seat, person, row) for seat, person in enumerate(seats) for row in np.flatnonzero(samples.people == person)
    ]
    genuine, impostor = [], []
    for at, (seat, person, row) in enumerate(rows):
        for other_seat, other, other_row in rows[at + 1 :]:
            score = float(samples.embeddings[row] @ samples.embeddings[other_row])
            if seat == other_seat:
                genuine.append(score)
            elif person != other:
                impostor.append(score)
    return genuine, impostor


def test_intervals_are_those_of_replicates_made_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "REPLICATES", 25)
    monkeypatch.setattr(bootstrap, "_TAIL", 1_000)
    rng = np.random.default_rng(5)
    people = np.repeat(np.arange(8), [3, 1, 2, 4, 1, 2, 3, 1]).astype(np.int32)
    vectors = rng.standard_normal((8, 6))[people] + rng.standard_normal((len(people), 6))
    samples = Samples((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), people)
    by_hand = []
    for drawn in replicates(8):
        genuine, impostor = copied(samples, drawn)
        if genuine and impostor:
            at = threshold_at(np.sort(np.array(impostor, np.float32)), 0.1)
            by_hand.append(accepted(np.sort(np.array(genuine, np.float32)), at))
    (found,) = verification_intervals(Comparisons(samples), [0.1])
    assert found == pytest.approx(interval(by_hand), abs=1e-6)


def test_two_runs_print_the_same_bounds() -> None:
    assert [a.tolist() for a in replicates(5)] == [b.tolist() for b in replicates(5)]


def test_as_many_people_are_drawn_as_there_are() -> None:
    drawn = list(replicates(7))
    assert {int(times.sum()) for times in drawn} == {7}
    assert np.mean(drawn) == pytest.approx(1.0)


def test_bounds_of_a_known_proportion_are_near_those_of_the_binomial() -> None:
    # 400 people with one mated search each, a fifth of whom miss; strangers never interfere.
    hits = np.where(np.arange(400) % 5 == 0, -1.0, 1.0).astype(np.float32)
    order = np.argsort(-hits, kind="stable")
    mated = Weighed(hits[order], (order.astype(np.int32),))
    strangers = Weighed(np.zeros(400, np.float32), (np.arange(400, dtype=np.int32),))
    shares = [weighed_share_above(mated, strangers, w, [0.01], 400) or [math.nan] for w in replicates(400)]
    low, high = interval([s[0] for s in shares]) or (0.0, 0.0)
    spread = 1.96 * math.sqrt(0.8 * 0.2 / 400)
    assert (low, high) == pytest.approx((0.8 - spread, 0.8 + spread), abs=0.01)


def test_no_error_in_twenty_people_is_not_zero() -> None:
    perfect = estimate(1.0, (1.0, 1.0), 20)
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx(0.832, abs=0.001)
    never = estimate(0.0, (0.0, 0.0), 20)
    assert never.high == pytest.approx(0.168, abs=0.001)


def test_without_a_usable_replicate_there_are_no_bounds_but_a_reason() -> None:
    found = estimate(0.5, interval([]), 1)
    assert (found.low, found.high, found.why) == (None, None, "too few people for bounds")
