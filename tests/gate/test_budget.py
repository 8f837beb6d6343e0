"""How much a peer may say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.gate.budget import Budget


def test_a_second_of_silence_gives_a_second_of_speech() -> None:
    budget = Budget(10, 0.0)
    assert [budget.spend(0.0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert [budget.spend(1.0) for _ in range(12)] == [True] * 10 + [False] * 2


def test_a_long_silence_saves_nothing_up() -> None:
    budget = Budget(10, 0.0)
    assert sum(budget.spend(3600.0) for _ in range(100)) == 10


def test_a_clock_that_stands_still_or_runs_back_gives_nothing() -> None:
    budget = Budget(3, 100.0)
    assert sum(budget.spend(at) for at in (100.0, 100.0, 100.0, 99.0, 50.0, 100.0)) == 3


@given(st.lists(st.floats(0.0, 0.3), max_size=200), st.integers(1, 50))
def test_no_window_of_a_second_passes_more_than_twice_the_budget(gaps: list[float], per_s: int) -> None:
    budget, at, spent = Budget(per_s, 0.0), 0.0, []
    for gap in gaps:
        at += gap
        if budget.spend(at):
            spent.append(at)
    for begin in spent:
        assert sum(begin <= one < begin + 1.0 for one in spent) <= 2 * per_s
