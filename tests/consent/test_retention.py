"""When an expired template is destroyed, whatever the clocks say (`edge.core.retention`)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.retention import ERASE_AFTER_S, JUMP_S, Watch, look
from edge.core.values import ConsentId

A, B = ConsentId("a" * 32), ConsentId("b" * 32)
HOUR_S = 3600.0
EXPIRES = 1_000_000.0


def watched(seconds: float) -> Watch:
    return Watch({A: seconds}, (0.0, EXPIRES))


def test_the_moment_of_expiry_begins_the_watch_and_erases_nothing() -> None:
    seen = look(Watch({}), {A: EXPIRES, B: EXPIRES + 1}, now=0.0, wall=EXPIRES)
    assert seen.watch.watched_s == {A: 0.0}
    assert not seen.due


def test_a_day_of_boot_clock_erases() -> None:
    seen = look(watched(0.0), {A: EXPIRES}, now=ERASE_AFTER_S - 1, wall=EXPIRES + ERASE_AFTER_S - 1)
    assert not seen.due
    seen = look(seen.watch, {A: EXPIRES}, now=ERASE_AFTER_S, wall=EXPIRES + ERASE_AFTER_S)
    assert seen.due == {A}
    assert not seen.jumped


def test_a_calendar_that_jumps_forward_erases_nobody() -> None:
    seen = look(Watch({}, (0.0, 0.0)), {A: EXPIRES}, now=1.0, wall=EXPIRES * 10)
    assert seen.jumped
    assert seen.watch.watched_s == {A: 0.0}


def test_a_jump_takes_back_what_was_watched() -> None:
    seen = look(watched(ERASE_AFTER_S - 1), {A: EXPIRES}, now=10.0, wall=EXPIRES + 10 + JUMP_S + 1)
    assert seen.jumped
    assert not seen.due
    assert seen.watch.watched_s == {A: 0.0}


def test_a_calendar_that_falls_back_before_the_expiry_takes_back_everything() -> None:
    seen = look(watched(ERASE_AFTER_S - 1), {A: EXPIRES}, now=10.0, wall=EXPIRES - 1)
    assert seen.watch.watched_s == {}
    seen = look(seen.watch, {A: EXPIRES}, now=20.0, wall=EXPIRES + 9)
    assert seen.watch.watched_s == {A: 0.0}


def test_a_gate_that_is_switched_off_every_night_still_erases() -> None:
    watch, due = Watch({A: 0.0}), frozenset[ConsentId]()
    days = 0
    while not due:
        days += 1
        wall = EXPIRES + days * 24 * HOUR_S
        watch = look(Watch(watch.watched_s), {A: EXPIRES}, now=5.0, wall=wall).watch
        seen = look(watch, {A: EXPIRES}, now=5.0 + 9 * HOUR_S, wall=wall + 9 * HOUR_S)
        watch, due = seen.watch, seen.due
    assert days == 3


def test_seconds_of_two_boots_are_never_subtracted() -> None:
    seen = look(Watch({A: 100.0}), {A: EXPIRES}, now=1e9, wall=EXPIRES + 10)
    assert seen.watch.watched_s == {A: 100.0}
    assert not seen.jumped


def test_what_is_no_longer_held_is_no_longer_watched() -> None:
    assert look(watched(50.0), {}, now=1.0, wall=EXPIRES + 1).watch.watched_s == {}


def test_a_clock_that_is_no_number_counts_nothing() -> None:
    seen = look(watched(ERASE_AFTER_S * 2), {A: EXPIRES}, now=1.0, wall=float("nan"))
    assert seen.jumped
    assert not seen.due


# Whole seconds: their sums are exact, so that a drift of exactly an hour is one to the oracle and to the rule.
_hours = st.integers(-1, 1) | st.integers(-30, 30)
looks = st.lists(
    st.tuples(
        st.integers(0, 10 * 3600).map(float),
        (st.integers(-3600, 3600) | st.integers(-30 * 3600, 30 * 3600) | _hours.map(lambda h: h * 3600)).map(float),
    ),
    max_size=40,
)


@given(looks)
def test_nothing_is_erased_before_a_day_of_boot_clock_past_its_expiry(steps: list[tuple[float, float]]) -> None:
    """Against a plain oracle: the seconds since the last look that saw the calendar before the expiry, or jump."""
    watch, now, wall, since = Watch({}), 0.0, EXPIRES - HOUR_S, None
    for boot_s, drift_s in steps:
        now, before, wall = now + boot_s, wall, wall + boot_s + drift_s
        jumped = watch.at is not None and abs((wall - before) - boot_s) > JUMP_S
        seen = look(watch, {A: EXPIRES}, now=now, wall=wall)
        watch = seen.watch
        assert seen.jumped == jumped
        if wall < EXPIRES:
            since = None
        elif since is None or jumped:
            since = now
        longest = 0.0 if since is None else now - since
        assert watch.watched_s.get(A, 0.0) == pytest.approx(longest)
        assert (A in seen.due) == (longest >= ERASE_AFTER_S) or abs(longest - ERASE_AFTER_S) < 1e-3
