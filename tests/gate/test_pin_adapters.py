"""Which adapter drives the pins, what it finds on a board, and how it is played on the stage."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest
from gpiozero import Device

from edge.config.schema import Camera as CameraSettings
from edge.config.schema import Cards, Config, Gate, Paths, Pins, Site
from edge.core.lane import Sign
from edge.core.values import Refusal, Way
from edge.errors import ConfigError, EdgeError, PartFailed
from edge.gate.pins import open_pins
from edge.sim.director import Director
from edge.sim.stage import Moved
from tests.fakes.chip import fake_board
from tests.fakes.clock import LOST_S, HandClock
from tests.fakes.lgpio import Chips
from tests.fakes.oneshot import HandTimers

LABEL = "pinctrl-test"
DEBOUNCE_S = 0.02


def settings(tmp_path: Path, pins: Pins) -> Config:
    return Config(
        site=Site(id="s", issuers=("0" * 64,)),
        gate=Gate(id="g"),
        paths=Paths(state=tmp_path / "state", runtime=tmp_path),
        camera=CameraSettings(kind="sim"),
        pins=pins,
        cards=Cards(kind="sim"),
    )


# The adapters -----------------------------------------------------------------------------
def test_no_environment_variable_puts_mock_pins_on_a_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """gpiozero would build its default factory from these; nothing of ours ever asks for a default."""
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    monkeypatch.setenv("GPIOZERO_MOCK_PIN_CLASS", "mockpwmpin")
    monkeypatch.setenv("GPIOZERO_MOCK_REVISION", "no revision")
    with fake_board(tmp_path, {3: LABEL}) as (chips, _):
        pins = open_pins(settings(tmp_path, Pins(kind="gpio", chip=LABEL)), HandClock(), _deaf)
        pins.turnstile.release(1.0)
        assert chips.lines[3][17].level == 1
        assert not pins.turnstile.simulated
        pins.close()
    pins = open_pins(settings(tmp_path, Pins(kind="sim")), HandClock(), _deaf)
    assert pins.turnstile.simulated
    pins.close()
    assert Device.pin_factory is None


def _deaf(why: str) -> None:
    raise AssertionError(why)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Chips]:
    with fake_board(tmp_path, {0: "raspberrypi-exp-gpio", 4: LABEL}) as (chips, _):
        yield chips


def open_gpio(tmp_path: Path, lines: Pins) -> None:
    """Open and close again."""
    open_pins(settings(tmp_path, lines), HandClock(), _deaf).close()


def test_the_chip_is_found_by_its_label_wherever_the_kernel_put_it(tmp_path: Path, board: Chips) -> None:
    open_gpio(tmp_path, Pins(kind="gpio", chip=LABEL))
    assert board.lines[4][17].calls
    assert not board.lines[0][17].calls
    assert board.open == []


def test_a_missing_chip_is_an_error_that_names_those_that_are_there(tmp_path: Path, board: Chips) -> None:
    with pytest.raises(PartFailed, match='called "pinctrl-bcm2711"') as caught:
        open_gpio(tmp_path, Pins(kind="gpio", chip="pinctrl-bcm2711"))
    assert f'"{LABEL}"' in caught.value.hint
    assert board.open == []


def test_a_board_without_any_chip_says_so(tmp_path: Path) -> None:
    with fake_board(tmp_path, {}), pytest.raises(PartFailed) as caught:
        open_gpio(tmp_path, Pins(kind="gpio", chip=LABEL))
    assert "no gpiochip at all" in caught.value.hint


def test_a_chip_without_a_label_in_the_configuration_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="names no gpiochip"):
        open_gpio(tmp_path, Pins(kind="gpio"))


@pytest.mark.parametrize(("function", "line"), [("relay", 17), ("passage input", 23), ("red lamp", 25)])
def test_a_taken_line_is_named_with_who_has_it(tmp_path: Path, board: Chips, function: str, line: int) -> None:
    board.lines[4][line].user = "spi0 CS1"
    with pytest.raises(EdgeError, match=f"line {line} of {LABEL} is taken by spi0 CS1") as caught:
        open_gpio(tmp_path, Pins(kind="gpio", chip=LABEL))
    assert "overlay" in caught.value.hint
    assert board.open == []
    board.lines[4][line].user = ""
    open_gpio(tmp_path, Pins(kind="gpio", chip=LABEL))  # nothing of the failed start is still reserved


@pytest.mark.parametrize("active_high", [True, False])
def test_the_relay_is_claimed_once_at_its_level_and_given_back_as_it_is(
    tmp_path: Path, board: Chips, active_high: bool
) -> None:
    open_gpio(tmp_path, Pins(kind="gpio", chip=LABEL, relay_active_high=active_high))
    relay = board.lines[4][17]
    assert relay.calls == [f"claim_output {int(not active_high)}", "free"]
    assert set(relay.history) == {int(not active_high)}


def test_inputs_are_pulled_down_and_watched(tmp_path: Path, board: Chips) -> None:
    clock = HandClock()
    timers = HandTimers(clock)
    pins = open_pins(settings(tmp_path, Pins(kind="gpio", chip=LABEL)), clock, _deaf, timers)
    seen: list[str] = []
    pins.inputs.listen(
        intent_began=lambda source: seen.append(f"{source} began"),
        intent_ended=lambda: seen.append("ended"),
        passage_began=lambda: seen.append("passage began"),
        passage_ended=lambda: seen.append("passage ended"),
    )
    for level in (1, 0):
        board.drive(4, 22, level)
        timers.advance(DEBOUNCE_S)
    assert seen == ["presence began", "ended"]
    pins.close()


def test_an_input_that_cannot_be_read_any_more_is_reported(tmp_path: Path, board: Chips) -> None:
    clock, problems = HandClock(), list[str]()
    timers = HandTimers(clock)
    pins = open_pins(settings(tmp_path, Pins(kind="gpio", chip=LABEL)), clock, problems.append, timers)
    pins.inputs.listen(
        intent_began=lambda source: None,
        intent_ended=lambda: None,
        passage_began=lambda: None,
        passage_ended=lambda: None,
    )
    board.drive(4, 23, 1)
    board.dead = True
    timers.advance(DEBOUNCE_S)
    assert problems == ["the passage input cannot be read: unknown handle"]
    board.dead = False
    pins.close()


# The stage --------------------------------------------------------------------------------
def test_the_stage_moves_the_inputs_and_is_told_what_the_relay_did(tmp_path: Path) -> None:
    clock = HandClock()
    timers = HandTimers(clock)
    config = settings(tmp_path, Pins(kind="sim"))
    pins = open_pins(config, clock, _deaf, timers)
    seen: queue.SimpleQueue[str] = queue.SimpleQueue()
    pins.inputs.listen(
        intent_began=lambda source: seen.put(f"{source} began"),
        intent_ended=lambda: seen.put("intent ended"),
        passage_began=lambda: seen.put("passage began"),
        passage_ended=lambda: seen.put("passage ended"),
    )
    with Director(config.stage_socket) as director:
        director.sense(presence=True)
        director.sense(presence=False, passage=True)
        assert [seen.get(timeout=LOST_S) for _ in range(3)] == ["presence began", "intent ended", "passage began"]
        pins.turnstile.show(Sign.READY)
        pins.turnstile.refuse(Way.FACE, Refusal.NOT_LIVE, "detail", (Way.CARD,))
        refused = director.wait_for(lambda moved: bool(moved.refusal), LOST_S)
        assert (refused.sign, refused.refusal, refused.detail) == ("ready", Refusal.NOT_LIVE.value, "detail")
        assert refused.other_ways == ("card",)
        pins.turnstile.release(5.0)
        opened = director.wait_for(lambda moved: moved.relay, LOST_S)
        assert opened.refusal == ""
        timers.advance(5.0)
        assert not director.wait_for(lambda moved: not moved.relay and moved.at > opened.at, LOST_S).relay
    pins.close()


def test_a_spectator_who_left_is_forgotten_and_the_lane_goes_on(tmp_path: Path) -> None:
    config = settings(tmp_path, Pins(kind="sim"))
    pins = open_pins(config, HandClock(), _deaf)
    with Director(config.stage_socket) as director:
        director.wait_for(lambda moved: isinstance(moved, Moved), LOST_S)
    pins.turnstile.release(5.0)
    pins.turnstile.lock()
    pins.close()
