"""Error rates against their definitions, counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.measure.rates import (
    accepted,
    allowed_errors,
    det_curve,
    equal_error_rate,
    threshold_at,
    unsupported,
    zero_error_bound,
)

# Few distinct values, so that ties are the rule and not the exception.
values = st.sampled_from([i / 8 for i in range(-8, 9)])
some = st.lists(values, min_size=1, max_size=40).map(lambda v: np.sort(np.array(v, np.float32)))
rates = st.floats(0.0, 1.0)


def share(scores: NDArray[np.float32], threshold: float) -> float:
    return sum(1 for score in scores if score >= threshold) / len(scores)


@given(some, rates)
def test_a_threshold_never_accepts_more_impostors_than_its_rate_allows(
    impostor: NDArray[np.float32], rate: float
) -> None:
    assert share(impostor, threshold_at(impostor, rate)) <= rate + 1e-8


@given(some, rates)
def test_no_lower_threshold_would_do(impostor: NDArray[np.float32], rate: float) -> None:
    threshold = threshold_at(impostor, rate)
    lower = [float(score) for score in impostor if score < threshold]
    assert all(share(impostor, other) > rate for other in lower)


@given(some, values)
def test_accepted_counts_scores_at_or_above_the_threshold(scores: NDArray[np.float32], threshold: float) -> None:
    assert accepted(scores, threshold) == pytest.approx(share(scores, threshold))


@given(some, some)
def test_the_equal_error_rate_is_where_the_two_rates_are_closest(
    genuine: NDArray[np.float32], impostor: NDArray[np.float32]
) -> None:
    points = [(share(impostor, t), 1.0 - share(genuine, t)) for t in [*genuine.tolist(), *impostor.tolist(), 2.0]]
    closest = min(abs(fmr - fnmr) for fmr, fnmr in points)
    best = [(fmr + fnmr) / 2 for fmr, fnmr in points if abs(fmr - fnmr) <= closest + 1e-12]
    found = equal_error_rate(genuine, impostor)
    assert any(found == pytest.approx(value) for value in best)


def test_without_both_kinds_of_pairs_there_is_no_equal_error_rate() -> None:
    one, none = np.zeros(1, np.float32), np.zeros(0, np.float32)
    assert equal_error_rate(one, none) is None
    assert equal_error_rate(none, one) is None


@given(some, some)
def test_a_det_curve_is_made_of_true_points_and_only_falls(
    genuine: NDArray[np.float32], impostor: NDArray[np.float32]
) -> None:
    det = det_curve(genuine, impostor, trials=len(impostor), points=20)
    assert (np.diff(det.fmr) >= 0).all()
    assert (np.diff(det.fnmr) <= 0).all()
    true_points = {
        (round(share(impostor, t), 9), round(1.0 - share(genuine, t), 9))
        for t in [-1.0, *(np.nextafter(s, np.float32(9)) for s in impostor)]
    }
    assert {(round(x, 9), round(y, 9)) for x, y in zip(det.fmr, det.fnmr, strict=True)} <= true_points


def test_allowed_errors_do_not_lose_one_to_rounding() -> None:
    assert allowed_errors(0.29, 100) == 29
    assert allowed_errors(1e-3, 2_999) == 2


@pytest.mark.parametrize(("trials", "stated"), [(0, False), (299_999, False), (300_000, True), (4_414_391, True)])
def test_a_rate_is_stated_only_by_three_times_as_many_trials_as_it_takes_for_one_error(
    trials: int, stated: bool
) -> None:
    assert (unsupported("1e-5", trials, "impostor pairs") == "") is stated


def test_what_is_missing_is_said_in_numbers() -> None:
    assert unsupported("1e-3", 700, "non-mated searches") == "700 non-mated searches cannot show 1e-3; that takes 3000"
    assert unsupported("1e-3", 0, "impostor pairs") == "there are no impostor pairs"


def test_zero_of_twenty_errors_is_at_most_17_percent() -> None:
    assert zero_error_bound(20) == pytest.approx(0.168, abs=0.001)  # Clopper and Pearson, two-sided 95 %
