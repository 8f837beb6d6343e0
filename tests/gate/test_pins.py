"""Relay, lamps and inputs: what goes wrong, what bounces, and who chooses the adapter."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from gpiozero import Device

from edge.config.schema import Camera as CameraSettings
from edge.config.schema import Cards, Config, Gate, Paths, Pins, Site
from edge.core.lane import Sign
from edge.core.values import Intent, Refusal, Way
from edge.errors import ConfigError, EdgeError, PartFailed
from edge.gate.pins import open_pins
from edge.gate.pins.gpiozero_inputs import GpiozeroInputs
from edge.gate.pins.gpiozero_turnstile import RETRY_S, GpiozeroTurnstile
from edge.gate.pins.lamps import REFUSAL_S
from edge.gate.pins.sim import SimFactory
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


@dataclass
class Bench:
    """Driver over mock pins; `problems` is what the driver complained of."""

    lines: Pins = field(default_factory=lambda: Pins(kind="sim"))
    debounce_s: float = DEBOUNCE_S

    def __post_init__(self) -> None:
        self.clock = HandClock()
        self.timers, self.factory = HandTimers(self.clock), SimFactory()
        self.problems: list[str] = []
        self.seen: list[str] = []

    def turnstile(self) -> GpiozeroTurnstile:
        return GpiozeroTurnstile(
            self.factory, self.lines, self.clock, simulated=True, oneshots=self.timers, failed=self.problems.append
        )

    def inputs(self) -> GpiozeroInputs:
        return GpiozeroInputs(
            self.factory, self.lines, debounce_s=self.debounce_s, oneshots=self.timers, failed=self.problems.append
        )

    def listen(self, inputs: GpiozeroInputs) -> None:
        inputs.listen(
            intent_began=lambda source: self.seen.append(f"{source} began"),
            intent_ended=lambda: self.seen.append("intent ended"),
            passage_began=lambda: self.seen.append("passage began"),
            passage_ended=lambda: self.seen.append("passage ended"),
        )

    def drive(self, line: int | None, *levels: bool) -> None:
        for level in levels:
            pin = self.factory.pin(line)
            (pin.drive_high if level else pin.drive_low)()

    def lamps(self) -> tuple[bool, bool]:
        green, red = self.factory.pin(self.lines.lamp_green), self.factory.pin(self.lines.lamp_red)
        return bool(green.state), bool(red.state)


# The relay --------------------------------------------------------------------------------
def test_two_functions_on_one_line_are_refused_by_name_and_the_relay_is_let_go() -> None:
    bench = Bench(Pins(kind="sim", relay=17, lamp_green=17))
    with pytest.raises(PartFailed, match="green lamp cannot have line 17"):
        bench.turnstile()
    bench.lines = Pins(kind="sim", relay=17)
    bench.turnstile().close()


def test_a_line_that_no_chip_has_is_refused_by_number() -> None:
    bench = Bench(Pins(kind="sim", relay=600))
    with pytest.raises(PartFailed, match="relay cannot have line 600"):
        bench.turnstile()


def test_a_line_of_a_board_that_gpiozero_does_not_know_works() -> None:
    bench = Bench(Pins(kind="sim", relay=491))
    turnstile = bench.turnstile()
    turnstile.release(1.0)
    assert bench.factory.pin(491).state
    turnstile.close()


def test_a_relay_that_does_not_let_go_is_tried_again_and_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    turnstile, stuck = bench.turnstile(), [True]
    pin = bench.factory.pin(bench.lines.relay)
    change = pin._change_state

    def sticky(value: bool) -> bool:
        if stuck and not value:
            raise OSError(5, "Input/output error")
        return bool(change(value))

    monkeypatch.setattr(pin, "_change_state", sticky)
    turnstile.release(5.0)
    bench.timers.advance(5.0)
    assert bench.problems == ["the relay cannot be de-energised: [Errno 5] Input/output error"]
    assert pin.state
    with pytest.raises(PartFailed, match="de-energised"):
        turnstile.lock()
    stuck.clear()
    bench.timers.advance(RETRY_S)
    assert not pin.state
    turnstile.close()


def test_a_relay_that_cannot_be_energised_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    turnstile = bench.turnstile()
    pin = bench.factory.pin(bench.lines.relay)

    def dead(value: bool) -> bool:
        raise OSError(19, "No such device")

    monkeypatch.setattr(pin, "_change_state", dead)
    with pytest.raises(PartFailed, match="relay cannot be energised") as caught:
        turnstile.release(5.0)
    assert "wiring" in caught.value.hint


def test_a_timer_that_wakes_too_late_does_not_cut_the_next_release_short() -> None:
    """Its thread had fired already when the relay was released anew."""
    bench = Bench()
    turnstile = bench.turnstile()
    (relay,) = (timer for timer in bench.timers.made if timer.name == "edge-relay")
    turnstile.release(5.0)
    bench.clock.advance(4.0)
    turnstile.release(5.0)
    relay.fire()
    assert bench.factory.pin(bench.lines.relay).state
    turnstile.lock()
    relay.fire()
    turnstile.close()


# The lamps --------------------------------------------------------------------------------
def test_lamps_show_go_no_and_look_here() -> None:
    bench = Bench()
    turnstile = bench.turnstile()
    shown = {}
    for sign in Sign:
        turnstile.show(sign)
        shown[sign] = bench.lamps()
    assert shown[Sign.LOOK_HERE] == (True, True)
    assert shown[Sign.OUT_OF_ORDER] == (False, True)
    assert shown[Sign.CARD_ONLY] == shown[Sign.READY] == (False, False)
    turnstile.close()


def test_green_lasts_as_long_as_the_lane_is_free() -> None:
    bench = Bench()
    turnstile = bench.turnstile()
    turnstile.release(5.0)
    turnstile.granted(Way.CARD)
    bench.timers.advance(4.0)
    assert bench.lamps() == (True, False)
    turnstile.lock()
    assert bench.lamps() == (False, False)
    turnstile.close()


def test_a_refusal_is_red_for_a_moment_and_then_the_sign_comes_back() -> None:
    bench = Bench()
    turnstile = bench.turnstile()
    turnstile.show(Sign.READY)
    turnstile.refuse(Way.FACE, Refusal.NOT_RECOGNISED, "", (Way.CARD,))
    turnstile.show(Sign.LOOK_HERE)
    assert bench.lamps() == (False, True)
    bench.timers.advance(REFUSAL_S)
    assert bench.lamps() == (True, True)
    turnstile.close()
    assert bench.lamps() == (False, False)


def test_a_grant_is_not_covered_by_the_refusal_before_it() -> None:
    bench = Bench()
    turnstile = bench.turnstile()
    turnstile.refuse(Way.FACE, Refusal.NOT_RECOGNISED, "", (Way.CARD,))
    turnstile.granted(Way.CARD)
    bench.timers.advance(2 * REFUSAL_S)
    assert bench.lamps() == (True, False)
    turnstile.close()


def test_a_lane_without_lamps_works() -> None:
    bench = Bench(Pins(kind="sim", lamp_green=None, lamp_red=None))
    turnstile = bench.turnstile()
    turnstile.show(Sign.OUT_OF_ORDER)
    turnstile.granted(Way.CARD)
    turnstile.close()


# The inputs -------------------------------------------------------------------------------
def test_who_already_stands_there_is_reported_first() -> None:
    bench = Bench()
    inputs = bench.inputs()
    bench.drive(bench.lines.presence, True)
    bench.listen(inputs)
    assert bench.seen == ["presence began"]
    inputs.close()


def test_a_bouncing_contact_is_one_event() -> None:
    bench = Bench()
    inputs = bench.inputs()
    bench.listen(inputs)
    bench.drive(bench.lines.passage, True, False, True, False, True)
    assert bench.seen == []
    bench.timers.advance(DEBOUNCE_S)
    assert bench.seen == ["passage began"]
    bench.drive(bench.lines.passage, False, True, False)
    bench.timers.advance(DEBOUNCE_S)
    assert bench.seen == ["passage began", "passage ended"]
    inputs.close()


def test_a_glitch_is_nothing() -> None:
    bench = Bench()
    inputs = bench.inputs()
    bench.listen(inputs)
    bench.drive(bench.lines.presence, True, False)
    bench.timers.advance(DEBOUNCE_S)
    assert bench.seen == []
    inputs.close()


def test_a_contact_that_never_rests_reports_at_most_once_in_a_debounce_time() -> None:
    bench = Bench()
    inputs = bench.inputs()
    bench.listen(inputs)
    for _ in range(1000):
        bench.drive(bench.lines.presence, True, False, True)
        bench.timers.advance(DEBOUNCE_S / 100)
    assert 1 <= len(bench.seen) <= 10
    inputs.close()


def test_the_button_is_a_moment_and_has_no_end() -> None:
    bench = Bench(Pins(kind="sim", button=27))
    inputs = bench.inputs()
    bench.listen(inputs)
    for level in (True, False, True, False):
        bench.drive(27, level)
        bench.timers.advance(DEBOUNCE_S)
    assert bench.seen == [f"{Intent.BUTTON} began"] * 2
    inputs.close()


def test_without_debouncing_every_edge_counts() -> None:
    bench = Bench(debounce_s=0.0)
    inputs = bench.inputs()
    bench.listen(inputs)
    bench.drive(bench.lines.presence, True, False)
    assert bench.seen == ["presence began", "intent ended"]
    inputs.close()


def test_closed_inputs_report_nothing() -> None:
    bench = Bench(debounce_s=0.0)
    inputs = bench.inputs()
    bench.listen(inputs)
    inputs.close()
    bench.drive(bench.lines.presence, True)
    assert bench.seen == []
    inputs.close()


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
