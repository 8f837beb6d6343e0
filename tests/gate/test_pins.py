"""Relay, lamps and inputs: what goes wrong, what bounces, and who chooses the adapter."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from edge.config.schema import Pins
from edge.core.lane import Sign
from edge.core.values import Intent, Refusal, Way
from edge.errors import PartFailed
from edge.gate.pins.gpiozero_inputs import GpiozeroInputs
from edge.gate.pins.gpiozero_turnstile import RETRY_S, GpiozeroTurnstile
from edge.gate.pins.lamps import REFUSAL_S
from edge.gate.pins.sim import SimFactory
from tests.fakes.clock import HandClock
from tests.fakes.oneshot import HandTimers

LABEL = "pinctrl-test"
DEBOUNCE_S = 0.02


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
