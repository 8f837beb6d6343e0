"""From scores to a verdict: thresholds, margins, and numbers that are none."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from edge.core.decide import Candidate, Threshold, decide
from edge.core.lane import Ambiguous, NotRecognised, Recognised
from edge.core.values import ConsentId, SubjectId

T = Threshold(accept=0.8, margin=0.05)
scores = st.floats(-1, 1, width=32)


def candidate(name: str, score: float) -> Candidate:
    return Candidate(SubjectId(name), ConsentId(f"c-{name}"), score)


def test_nobody_is_recognised_in_an_empty_gallery() -> None:
    assert decide([], T) == NotRecognised()


def test_the_threshold_itself_is_enough() -> None:
    assert decide([candidate("ann", 0.8)], T) == Recognised(SubjectId("ann"), ConsentId("c-ann"))


def test_two_subjects_within_the_margin_are_ambiguous_in_any_order() -> None:
    twins = [candidate("ann", 0.91), candidate("bob", 0.87)]
    assert decide(twins, T) == decide(twins[::-1], T) == Ambiguous()


def test_a_second_subject_below_the_threshold_still_needs_the_margin() -> None:
    assert decide([candidate("ann", 0.81), candidate("bob", 0.79)], T) == Ambiguous()


def test_several_references_of_one_subject_are_no_rivals() -> None:
    assert decide([candidate("ann", 0.91), candidate("ann", 0.90)], T) == Recognised(
        SubjectId("ann"), ConsentId("c-ann")
    )


@given(st.lists(scores, min_size=1), st.sampled_from([math.nan, math.inf, -math.inf]), st.data())
def test_a_score_that_is_no_number_recognises_nobody(values: list[float], bad: float, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(values)))
    values.insert(at, bad)
    assert decide([candidate(f"s{i}", v) for i, v in enumerate(values)], T) == NotRecognised()


@given(st.lists(scores, max_size=8))
def test_the_verdict_is_what_a_plain_reading_of_the_rules_says(values: list[float]) -> None:
    people = [candidate(f"s{i}", v) for i, v in enumerate(values)]
    winners = [
        p
        for p in people
        if p.score >= T.accept and all(p.score - o.score >= T.margin for o in people if o.subject != p.subject)
    ]
    verdict = decide(people, T)
    if isinstance(verdict, Recognised):
        assert [w.subject for w in winners] == [verdict.subject]
    else:
        assert not winners
        assert isinstance(verdict, Ambiguous) == any(p.score >= T.accept for p in people)
