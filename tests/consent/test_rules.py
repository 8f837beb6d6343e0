"""What a consent allows (`edge.core.consent`), each rule by itself and all of them against any consent."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from edge.core.consent import (
    ACCESS,
    MAX_CONSENT_BYTES,
    MAX_LIFETIME_S,
    MAX_PROBES,
    Attempt,
    Consent,
    Mode,
    Reason,
    contradiction,
    live,
    may_enrol,
)
from edge.wire import admin
from tests.consent.documents import HERE, NOW, YEAR_S, consent, consents

FINE = Attempt("uid 1000", probes=1, used=False, suspended=False)
times = st.floats(NOW - 30, NOW + 30) | st.floats(0, 2.0**33)
Case = tuple[Consent, Attempt, float]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Something that enrols, or the same with a few rules broken; sometimes anything at all."""
    if draw(st.booleans()):
        operator = draw(st.sampled_from(["", " ", "uid 1000"]))
        attempt = Attempt(operator, draw(st.integers(-1, MAX_PROBES + 2)), draw(st.booleans()), draw(st.booleans()))
        return draw(consents()), attempt, draw(times)
    breaks: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
        [
            {"site": "other-court"},
            {"gates": ("east", "south")},
            {"purposes": ("statistics",)},
            {"modes": (Mode.PASS, Mode.VERIFY)},
            {"minor": True},
            {"minor": True, "guardian": "file-17"},
            {"not_before": NOW + 1},
            {"expires": NOW},
        ]
    )
    misses: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
        [{"used": True}, {"suspended": True}, {"operator": "\t"}, {"probes": 0}, {"probes": 9}]
    )
    changed: dict[str, Any] = {}
    attempted: dict[str, Any] = {}
    for each in draw(st.lists(breaks, max_size=2)):
        changed |= each
    for each in draw(st.lists(misses, max_size=1)):
        attempted |= each
    return consent(**changed), dataclasses.replace(FINE, **attempted), NOW


def test_a_consent_for_this_gate_enrols() -> None:
    assert may_enrol(consent(), HERE, FINE, NOW) is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"site": "other-court"}, Reason.OTHER_SITE),
        ({"gates": ("south",)}, Reason.OTHER_GATE),
        ({"gates": ("*",)}, Reason.OTHER_GATE),
        ({"purposes": ("statistics",)}, Reason.WRONG_PURPOSE),
        ({"modes": (Mode.VERIFY,)}, Reason.WRONG_MODE),
        ({"minor": True}, Reason.NO_GUARDIAN),
        ({"minor": True, "guardian": ""}, Reason.NO_GUARDIAN),
        ({"not_before": NOW + 1}, Reason.NOT_YET_VALID),
        ({"expires": NOW}, Reason.EXPIRED),
    ],
)
def test_what_a_consent_does_not_name_it_does_not_allow(changed: dict[str, Any], reason: Reason) -> None:
    assert may_enrol(consent(**changed), HERE, FINE, NOW) is reason


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"used": True}, Reason.ALREADY_USED),
        ({"suspended": True}, Reason.SUSPENDED),
        ({"operator": " "}, Reason.NO_OPERATOR),
        ({"probes": 0}, Reason.NO_PROBES),
        ({"probes": MAX_PROBES + 1}, Reason.TOO_MANY_PROBES),
    ],
)
def test_the_best_consent_needs_a_proper_attempt(changed: dict[str, Any], reason: Reason) -> None:
    assert may_enrol(consent(), HERE, dataclasses.replace(FINE, **changed), NOW) is reason


@given(cases())
def test_the_first_broken_rule_is_the_reason_and_without_one_there_is_none(case: Case) -> None:
    given_consent, attempt, now = case
    kept = {
        Reason.OTHER_SITE: given_consent.site == HERE.site,
        Reason.OTHER_GATE: HERE.gate in given_consent.gates,
        Reason.WRONG_PURPOSE: ACCESS in given_consent.purposes,
        Reason.WRONG_MODE: HERE.mode in given_consent.modes,
        Reason.NO_GUARDIAN: not given_consent.minor or bool(given_consent.guardian),
        Reason.NOT_YET_VALID: now >= given_consent.not_before,
        Reason.EXPIRED: now < given_consent.expires,
        Reason.ALREADY_USED: not attempt.used,
        Reason.SUSPENDED: not attempt.suspended,
        Reason.NO_OPERATOR: bool(attempt.operator.strip()),
        Reason.NO_PROBES: attempt.probes > 0,
        Reason.TOO_MANY_PROBES: attempt.probes <= MAX_PROBES,
    }
    assert list(kept) == list(Reason)
    broken = [reason for reason, holds in kept.items() if not holds]
    assert may_enrol(given_consent, HERE, attempt, now) == (broken[0] if broken else None)
    event(f"{len(broken)} rules broken")


def test_a_consent_lives_from_its_first_second_until_just_before_its_last() -> None:
    short = consent(not_before=NOW, expires=NOW + 10)
    assert [live(short, NOW + second) for second in (-0.1, 0, 9.9, 10, 11)] == [False, True, True, False, False]


@given(consents(), times, st.floats(0, 2.0**33))
def test_an_ended_consent_never_lives_again(given_consent: Consent, now: float, later: float) -> None:
    assume(now >= given_consent.expires)
    assert not live(given_consent, now + later)


@pytest.mark.parametrize("wall", [float("nan"), float("inf"), float("-inf")])
def test_a_clock_that_is_no_time_makes_nothing_live(wall: float) -> None:
    assert not live(consent(), wall)
    assert may_enrol(consent(), HERE, FINE, wall) is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"gates": ("b", "a")},
        {"gates": ("a", "a")},
        {"purposes": ("b", "a")},
        {"modes": (Mode.VERIFY, Mode.IDENTIFY)},
        {"expires": NOW - 60},
        {"expires": NOW - 61},
        {"expires": NOW - 60 + MAX_LIFETIME_S + 1},
    ],
)
def test_a_document_that_contradicts_itself_is_named(changed: dict[str, Any]) -> None:
    assert contradiction(consent(**changed))
    assert contradiction(consent()) is None


@given(consents())
def test_consents_are_values(given_consent: Consent) -> None:
    assert msgspec.json.decode(msgspec.json.encode(given_consent), type=Consent) == given_consent


def test_the_socket_carries_every_consent_and_no_more() -> None:
    assert admin.MAX_CONSENT_BYTES == MAX_CONSENT_BYTES


def test_a_year_is_well_within_what_a_consent_may_last() -> None:
    assert YEAR_S < MAX_LIFETIME_S <= 3 * 366 * 24 * 3600
