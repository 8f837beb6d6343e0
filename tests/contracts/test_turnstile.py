"""What every turnstile promises, whatever drives it (`edge.ports.Turnstile`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.config.schema import Pins
from edge.core.lane import Sign
from edge.core.values import Refusal, Way
from edge.gate.pins.gpiozero_turnstile import MAX_ENERGISED_S, GpiozeroTurnstile
from edge.gate.pins.sim import SimFactory, WatchedPin, open_sim
from edge.ports import Turnstile
from tests.fakes.chip import fake_board
from tests.fakes.clock import HandClock
from tests.fakes.oneshot import HandTimers
from tests.fakes.turnstile import FakeTurnstile

LABEL = "pinctrl-test"


@dataclass
class Lane:
    """One turnstile on the bench, and what its relay's wire shows: now, and since it was made."""

    turnstile: Turnstile
    timers: HandTimers
    energised: Callable[[], bool]
    ever: Callable[[], list[bool]]


def _deaf(why: str) -> None:
    raise AssertionError(why)


class DrivenPin(WatchedPin):
    """Remembers every level that it drove, also for an instant."""

    def __init__(self, factory: Any, info: Any) -> None:
        self.driven: list[bool] = []
        super().__init__(factory, info)

    def _set_function(self, value: str) -> None:
        super()._set_function(value)
        if value == "output":
            self.driven.append(bool(self._state))

    def _change_state(self, value: bool) -> bool:
        if self._function == "output":
            self.driven.append(bool(value))
        return super()._change_state(value)


def over_mock_pins(tmp_path: Path, *, active_high: bool) -> Iterator[Lane]:
    clock = HandClock()
    timers, factory, lines = HandTimers(clock), SimFactory(), Pins(kind="sim", relay_active_high=active_high)
    factory.pin_class = DrivenPin
    turnstile = GpiozeroTurnstile(factory, lines, clock, simulated=True, oneshots=timers, failed=_deaf)
    pin = factory.pin(lines.relay)
    yield Lane(
        turnstile,
        timers,
        lambda: bool(pin.state) == active_high,
        lambda: [level == active_high for level in pin.driven],
    )
    turnstile.close()


def over_the_stage(tmp_path: Path) -> Iterator[Lane]:
    clock = HandClock()
    timers = HandTimers(clock)
    turnstile, inputs, let_go = open_sim(Pins(kind="sim"), tmp_path / "stage", clock, _deaf, timers)
    pin = turnstile.relay
    yield Lane(turnstile, timers, lambda: bool(pin.state), lambda: [bool(state.state) for state in pin.states])
    let_go()
    inputs.close()
    turnstile.close()


def over_a_chip(tmp_path: Path, *, active_high: bool) -> Iterator[Lane]:
    clock = HandClock()
    timers, lines = HandTimers(clock), Pins(kind="gpio", chip=LABEL, relay_active_high=active_high)
    with fake_board(tmp_path, {0: LABEL}) as (chips, gpio):
        turnstile, inputs, let_go = gpio.open_gpio(lines, clock, _deaf, timers)
        relay = chips.lines[0][lines.relay]
        yield Lane(
            turnstile,
            timers,
            lambda: bool(relay.level) == active_high,
            lambda: [bool(level) == active_high for level in relay.history],
        )
        inputs.close()
        turnstile.close()
        let_go()


def over_nothing(tmp_path: Path) -> Iterator[Lane]:
    clock = HandClock()
    timers = HandTimers(clock)
    fake = FakeTurnstile(clock, timers)
    yield Lane(fake, timers, lambda: fake.energised, lambda: [energised for _, energised in fake.states])


MAKERS: dict[str, Callable[[Path], Iterator[Lane]]] = {
    "gpiozero, active high": lambda path: over_mock_pins(path, active_high=True),
    "gpiozero, active low": lambda path: over_mock_pins(path, active_high=False),
    "sim": over_the_stage,
    "gpio, active high": lambda path: over_a_chip(path, active_high=True),
    "gpio, active low": lambda path: over_a_chip(path, active_high=False),
    "fake": over_nothing,
}


@pytest.fixture(params=MAKERS)
def lane(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lane]:
    yield from MAKERS[request.param](tmp_path)


def test_it_begins_locked_and_making_it_is_no_pulse(lane: Lane) -> None:
    """Threat 11: the relay fires at boot."""
    assert not lane.energised()
    assert True not in lane.ever()


def test_a_release_ends_by_itself_when_its_caller_never_comes_back(lane: Lane) -> None:
    lane.turnstile.release(5.0)
    lane.timers.advance(4.9)
    assert lane.energised()
    lane.timers.advance(0.2)
    assert not lane.energised()


@pytest.mark.parametrize("then_s", [1.0, 15.0])
def test_a_later_release_sets_a_new_end(lane: Lane, then_s: float) -> None:
    lane.turnstile.release(5.0)
    lane.timers.advance(2.0)
    lane.turnstile.release(then_s)
    lane.timers.advance(then_s - 0.1)
    assert lane.energised()
    lane.timers.advance(0.2)
    assert not lane.energised()


def test_locking_is_at_once(lane: Lane) -> None:
    lane.turnstile.release(5.0)
    lane.turnstile.lock()
    assert not lane.energised()


def test_locking_what_is_locked_is_no_error(lane: Lane) -> None:
    lane.turnstile.lock()
    lane.turnstile.lock()
    assert not lane.energised()


def test_the_end_of_a_locked_release_does_not_cut_the_next_one_short(lane: Lane) -> None:
    lane.turnstile.release(5.0)
    lane.timers.advance(4.0)
    lane.turnstile.lock()
    lane.turnstile.release(5.0)
    lane.timers.advance(2.0)
    assert lane.energised()


def test_closing_leaves_the_relay_inactive(lane: Lane) -> None:
    lane.turnstile.release(5.0)
    lane.turnstile.close()
    assert not lane.energised()
    lane.turnstile.close()
    lane.timers.advance(10.0)
    assert not lane.energised()


@pytest.mark.parametrize("for_s", [0.0, -1.0, math.nan, -math.inf])
def test_a_release_for_no_time_locks(lane: Lane, for_s: float) -> None:
    lane.turnstile.release(5.0)
    lane.turnstile.release(for_s)
    assert not lane.energised()


def test_no_caller_can_release_for_ever(lane: Lane) -> None:
    lane.turnstile.release(math.inf)
    assert lane.energised()
    lane.timers.advance(MAX_ENERGISED_S + 0.1)
    assert not lane.energised()


def test_what_is_shown_moves_no_relay(lane: Lane) -> None:
    for sign in Sign:
        lane.turnstile.show(sign)
    lane.turnstile.granted(Way.CARD)
    for reason in Refusal:
        lane.turnstile.refuse(Way.FACE, reason, "", (Way.CARD,))
    lane.timers.advance(10.0)
    assert not lane.energised()
    assert True not in lane.ever()
