"""When to try again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.sync.retry import Retry

RETRY = Retry(first_s=0.5, most_s=30.0, healthy_s=60.0)
DRAWN = st.floats(0, 1, exclude_max=True)


@given(failures=st.integers(1, 10_000), drawn=DRAWN)
def test_a_pause_lies_between_the_first_and_the_longest(failures: int, drawn: float) -> None:
    assert RETRY.first_s <= RETRY.pause_s(failures, drawn) <= RETRY.most_s


@given(failures=st.integers(1, 4), drawn=DRAWN)
def test_the_longest_pause_doubles(failures: int, drawn: float) -> None:
    assert RETRY.pause_s(failures + 1, 1.0) == 2 * RETRY.pause_s(failures, 1.0)
    assert RETRY.pause_s(failures, drawn) <= RETRY.pause_s(failures + 1, drawn)


def test_gates_of_a_site_do_not_come_back_at_once() -> None:
    pauses = {RETRY.pause_s(6, number / 1000) for number in range(1000)}
    assert len(pauses) == 1000
    assert max(pauses) - min(pauses) > 25.0


def test_what_held_is_forgiven_and_what_did_not_is_not() -> None:
    assert RETRY.failures(7, 60.0) == 1
    assert RETRY.failures(7, 59.9) == 8
