"""Silence is not consent: what a gate may believe, for how long, whatever the broker does."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core import freshness
from edge.core.freshness import (
    ANSWER_MAX_S,
    BOUND_MAX_S,
    BOUND_MIN_S,
    Answer,
    AnswerRefused,
    Applied,
    Floors,
    Fresh,
    Freshness,
    Head,
    HeadRefused,
    Reason,
    Role,
    Seen,
    SnapshotRef,
    Stale,
    answered,
    asked,
    booted,
    committed,
    heard,
    reading,
    verdict,
)
from edge.errors import ConfigError
from tests.state.freshness_mutants import MUTANTS
from tests.state.freshness_world import Day, RuleBroken, play
from tests.state.mutation import Mutant, mutated

DAYS_FOR_A_MUTANT = 3000
NOW = 1_800_000_000.0
BOUND_S = 3600.0
KEYS = frozenset({"b"})
BEACON = Role(KEYS, 1)
ONE, TWO = SnapshotRef(1, "11"), SnapshotRef(2, "22")
STATE = Applied(ONE, math.inf, BOUND_S)
NONCE = b"n" * 16


def head(version: int = 1, snapshot: SnapshotRef = ONE, at: float = NOW, life: float = BOUND_S) -> Head:
    return Head(version, snapshot, at, at + life, KEYS)


def awake(state: Freshness, snapshot: SnapshotRef = ONE, *, time: float = NOW, at: float = 0.0) -> Freshness:
    return answered(asked(state, NONCE, at), Answer(NONCE, time, snapshot, KEYS), at)


def reason(state: Freshness, at: float) -> Reason | None:
    told = verdict(state, at)
    return told.reason if isinstance(told, Stale) else None


# Any day -----------------------------------------------------------------------------------
@given(st.integers(min_value=0, max_value=2**48))
def test_every_rule_holds_on_any_day(seed: int) -> None:
    play(freshness, seed)


def test_the_days_reach_what_they_should() -> None:
    days = [play(freshness, seed) for seed in range(300)]
    assert sum(day.fresh for day in days) > 5000
    assert set().union(*(day.stale for day in days)) == {r.name for r in Reason} - {"CLOCK"}
    assert sum(day.rotations for day in days) > 30


def first_broken_rule(mutant: Mutant) -> int | None:
    with mutated(freshness, mutant) as rules:
        for seed in range(DAYS_FOR_A_MUTANT):
            try:
                play(rules, seed)
            except RuleBroken as broken:
                return broken.rule
    return None


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"rule {m.rule}: {m.name}")
def test_rules_that_are_broken_are_caught(mutant: Mutant) -> None:
    assert first_broken_rule(mutant) is not None


def test_every_rule_has_a_mutant() -> None:
    assert {m.rule for m in MUTANTS} == set(range(1, 8))


def test_a_day_that_proves_nothing_would_be_noticed() -> None:
    assert play(freshness, 1, steps=0) == Day()


# Examples, in the order of the rules ----------------------------------------------------------
def test_a_head_without_the_state_buys_no_time() -> None:
    state = awake(booted(BEACON, STATE))
    for minute in range(1, 60):
        state = heard(state, head(minute, TWO, NOW + 60 * minute), 60.0 * minute)
        assert verdict(state, 60.0 * minute) == Fresh(3600.0)
    assert reason(state, 3600.0) is Reason.TOO_OLD


def test_a_head_that_came_before_its_state_counts_from_its_own_time() -> None:
    state = heard(awake(booted(BEACON, STATE)), head(5, TWO, NOW + 100), 100.0)
    state = committed(state, replace(STATE, snapshot=TWO), BEACON)
    assert verdict(state, 200.0) == Fresh(3700.0)


def test_an_answer_that_came_before_its_state_counts_when_the_state_is_there() -> None:
    state = awake(booted(BEACON, STATE), TWO)
    assert reason(state, 1.0) is Reason.BEHIND
    assert verdict(committed(state, replace(STATE, snapshot=TWO), BEACON), 1.0) == Fresh(3600.0)


def test_a_second_head_under_the_same_number_is_not_heard() -> None:
    """A beacon cannot say two things under one version (equivocation)."""
    state = heard(awake(booted(BEACON, STATE)), head(7), 0.0)
    assert heard(state, head(7, TWO, NOW + 50), 50.0) == state


def test_the_highest_number_locks_nobody_out_for_ever() -> None:
    state = heard(awake(booted(BEACON, STATE)), head(2**53 - 1), 0.0)
    with pytest.raises(HeadRefused, match="older than head"):
        heard(state, head(2), 1.0)
    state = committed(state, STATE, Role(frozenset({"new"}), 1))
    assert heard(state, replace(head(2), signers=frozenset({"new"})), 1.0).floors.head is not None


def test_a_lie_about_the_year_ends_with_the_key_that_told_it() -> None:
    state = heard(awake(booted(BEACON, replace(STATE, until=NOW + 1e6))), head(9, at=4.1e9), 0.0)
    assert reason(state, 1.0) is Reason.EXPIRED
    renewed = Role(frozenset({"new"}), 1)
    state = committed(state, state.applied, renewed)
    assert (reading(state, 2.0), reason(state, 2.0)) == (0.0, Reason.NOT_ANSWERED)
    answer = Answer(NONCE, NOW + 2, ONE, renewed.keyids)
    assert isinstance(verdict(answered(asked(state, NONCE, 2.0), answer, 2.0), 2.0), Fresh)


def test_one_of_two_keys_that_lied_takes_its_clock_with_it() -> None:
    both = Role(frozenset({"b", "liar"}), 1)
    state = heard(awake(booted(both, STATE)), replace(head(9, at=NOW + 9e8), signers=frozenset({"liar"})), 0.0)
    assert reading(state, 0.0) == NOW + 9e8
    assert reason(committed(state, STATE, BEACON), 0.0) is Reason.NOT_ANSWERED
    assert reading(committed(state, STATE, BEACON), 0.0) == 0.0


def test_a_beacon_whose_clock_was_put_forward_does_not_make_heads_younger() -> None:
    """The head lifts the clock, and from there it runs on: no hour of grace until the old reckoning catches up."""
    state = heard(awake(booted(BEACON, STATE)), head(2, at=NOW + 7200), 10.0)
    assert reading(state, 10.0) == NOW + 7200
    assert reading(state, 20.0) == NOW + 7210
    assert reason(state, 3609.0) is None
    assert reason(state, 3610.0) is Reason.TOO_OLD


def test_recorded_heads_one_per_reboot_keep_nobody_alive() -> None:
    """Whatever the RTC says, and however many genuine heads are let through, one after each boot."""
    floors = Floors()
    for boot in range(1, 50):
        state = heard(booted(BEACON, STATE, floors), head(boot, at=NOW + boot), 5.0)
        assert reason(state, 5.0) is Reason.NOT_ANSWERED
        floors = state.floors
    late = awake(booted(BEACON, STATE, floors), TWO, time=NOW + 9e6)
    assert reason(late, 0.0) is Reason.BEHIND


def test_time_never_runs_below_what_was_signed() -> None:
    state = booted(BEACON, STATE, Floors(seen=Seen(NOW + 500, KEYS)))
    assert reading(state, 10.0) == NOW + 500
    state = awake(state, time=NOW, at=10.0)
    assert reading(state, 10.0) == NOW + 500
    assert reading(state, 11.0) == NOW + 501


def test_an_answer_is_taken_once_and_for_the_last_nonce_only() -> None:
    state = asked(asked(booted(BEACON, STATE), b"first" * 4, 0.0), NONCE, 1.0)
    with pytest.raises(AnswerRefused, match="did not ask"):
        answered(state, Answer(b"first" * 4, NOW, ONE, KEYS), 1.0)
    state = answered(state, Answer(NONCE, NOW, ONE, KEYS), 1.0)
    with pytest.raises(AnswerRefused, match="did not ask"):
        answered(state, Answer(NONCE, NOW, ONE, KEYS), 1.0)


def test_a_delayed_answer_counts_from_the_asking_and_not_for_long() -> None:
    state = asked(booted(BEACON, STATE), NONCE, 100.0)
    answer = Answer(NONCE, NOW, ONE, KEYS)
    assert reading(answered(state, answer, 100.0 + ANSWER_MAX_S), 160.0) == NOW + 60
    for late in (100.0 + ANSWER_MAX_S + 0.01, 99.0):
        with pytest.raises(AnswerRefused, match="it came after"):
            answered(state, answer, late)


def test_an_answer_may_not_name_less_than_a_head_did() -> None:
    state = asked(heard(booted(BEACON, STATE), head(3, TWO), 0.0), NONCE, 0.0)
    with pytest.raises(AnswerRefused, match="older than that of a head"):
        answered(state, Answer(NONCE, NOW, ONE, KEYS), 0.0)


def test_what_expires_first_ends_it() -> None:
    state = awake(booted(BEACON, STATE))
    assert verdict(heard(state, head(2, at=NOW + 10, life=300), 10.0), 10.0) == Fresh(310.0)
    brief = awake(booted(BEACON, replace(STATE, until=NOW + 200)))
    assert verdict(brief, 0.0) == Fresh(200.0)
    assert reason(brief, 200.0) is Reason.EXPIRED


def test_a_boot_clock_that_runs_backwards_is_believed_by_nobody() -> None:
    state = awake(booted(BEACON, STATE), at=50.0)
    assert reason(state, 49.0) is Reason.CLOCK
    assert reason(state, math.nan) is Reason.CLOCK


@pytest.mark.parametrize("life", [0.0, -1.0, BOUND_MAX_S + 1.0, math.inf, math.nan])
def test_a_head_with_an_impossible_life_is_refused(life: float) -> None:
    with pytest.raises(HeadRefused, match="impossible life"):
        heard(booted(BEACON, STATE), head(life=life), 0.0)


@pytest.mark.parametrize("bound", [0.0, BOUND_MIN_S - 1, BOUND_MAX_S + 1, math.inf, math.nan])
def test_a_bound_outside_five_minutes_to_a_day_cannot_be_applied(bound: float) -> None:
    with pytest.raises(ConfigError, match="out of range"):
        Applied(ONE, math.inf, bound)


def test_a_role_without_keys_or_threshold_is_met_by_nobody() -> None:
    assert not Role(frozenset(), 0).met(KEYS)
    assert not Role(KEYS, 0).met(KEYS)
    assert not Role(KEYS | {"c"}, 2).met(frozenset({"b", "mallory"}))
    assert Role(KEYS | {"c"}, 2).met(frozenset({"b", "c"}))


def test_the_reasons_come_in_their_order() -> None:
    state = booted(BEACON)
    assert reason(state, 0.0) is Reason.NOTHING_APPLIED
    state = booted(BEACON, replace(STATE, until=NOW))
    assert reason(state, 0.0) is Reason.NOT_ANSWERED
    state = awake(state, TWO)
    assert reason(state, 0.0) is Reason.BEHIND
    newer = committed(awake(booted(BEACON, STATE)), replace(STATE, snapshot=SnapshotRef(3, "33"), until=NOW), BEACON)
    assert reason(newer, 0.0) is Reason.NO_HEAD
