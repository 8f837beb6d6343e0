"""Restarts come soon at first, then ever later, up to a cap; who ran well begins anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.supervise.backoff import Backoff

BACKOFF = Backoff(first_s=0.25, most_s=15.0, healthy_s=20.0)


def test_the_first_pauses() -> None:
    assert [BACKOFF.wait_s(failures) for failures in range(1, 9)] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


@given(st.integers(1, 10**9))
def test_no_pause_is_above_the_cap_or_below_the_one_before(failures: int) -> None:
    assert 0.25 <= BACKOFF.wait_s(failures) <= BACKOFF.wait_s(failures + 1) <= 15.0


@given(st.integers(0, 10**6), st.floats(0, 10**6))
def test_failures_are_forgotten_after_a_healthy_run_and_only_then(before: int, ran_s: float) -> None:
    assert BACKOFF.failures(before, ran_s) == (1 if ran_s >= 20.0 else before + 1)
