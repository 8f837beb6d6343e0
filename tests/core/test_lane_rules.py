"""The rules of the lane hold on any day, and a lane that breaks one of them is caught."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.lane import step
from tests.core.monitor import RuleBroken
from tests.core.mutants import MUTANTS, Mutant
from tests.core.play import Step, play_a_day

SOURCE = Path(str(sys.modules["edge.core.lane.step"].__file__)).read_text(encoding="utf-8")
DAYS_FOR_A_MUTANT = 4000


@given(st.integers(min_value=0, max_value=2**48))
def test_every_rule_holds_on_any_day(seed: int) -> None:
    play_a_day(step, seed)


def test_the_days_are_not_empty() -> None:
    """A generator that never reaches a release would prove nothing."""
    days = [play_a_day(step, seed) for seed in range(300)]
    assert sum(days) > 300
    assert sum(1 for d in days if d == 0) < 100


@pytest.fixture
def mutate() -> Iterator[object]:
    names: list[str] = []

    def build(mutant: Mutant) -> ModuleType:
        assert SOURCE.count(mutant.old) == 1, f"the line for {mutant.name!r} stands {SOURCE.count(mutant.old)} times"
        name = f"edge_core_lane_mutant_{len(names)}"
        spec = importlib.util.spec_from_loader(name, loader=None)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        names.append(name)
        exec(compile(SOURCE.replace(mutant.old, mutant.new), name, "exec"), module.__dict__)
        return module

    yield build
    for name in names:
        del sys.modules[name]


def first_broken_rule(step: Step) -> int | None:
    for seed in range(DAYS_FOR_A_MUTANT):
        try:
            play_a_day(step, seed)
        except RuleBroken as broken:
            return broken.rule
    return None


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"rule {m.rule}: {m.name}")
def test_a_lane_that_breaks_a_rule_is_caught(mutant: Mutant, mutate: object) -> None:
    module = mutate(mutant)  # type: ignore[operator]
    assert first_broken_rule(module.step) is not None


def test_every_rule_has_a_mutant() -> None:
    assert {m.rule for m in MUTANTS} == set(range(1, 11))
