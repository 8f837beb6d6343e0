"""A lane without wires: the real driver over gpiozero's mock pins, played and watched through the stage.

`Sense` sets the level of an input; whoever sent a `Watch` is sent a `Moved` after every change, the present state
first.
The mock factory is constructed here, by name, with its revision and its kind of pin: gpiozero would read both from the
environment. Simulated contacts do not bounce, so every cue is an edge.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin

from edge.config.schema import Pins
from edge.core.lane import Sign
from edge.core.values import Refusal, Way
from edge.errors import PartFailed
from edge.gate.pins.gpiozero_inputs import GpiozeroInputs
from edge.gate.pins.gpiozero_turnstile import GpiozeroTurnstile
from edge.gate.pins.lines import Lines
from edge.gate.pins.oneshot import OneShots
from edge.ports import Clock
from edge.sim.server import CueSocket
from edge.sim.stage import PINS_SOCKET, Moved, Sense, Watch, encode

MAX_WATCHERS = 8
_HEAR_S = 0.5
_JOIN_S = 2.0
_log = logging.getLogger(__name__)


class WatchedPin(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """A mock pin that tells of its changes, also of those that a timer makes."""

    changed: Callable[[], None] | None = None

    def output_with_state(self, state: bool) -> None:  # noqa: FBT001 - gpiozero's signature
        """The level first, then the direction: gpiozero's mock would drive its old level for a moment."""
        self._change_state(state)
        self.function = "output"

    def _change_state(self, value: bool) -> bool:  # noqa: FBT001 - gpiozero's signature
        moved = bool(super()._change_state(value))
        if moved and self.changed is not None:
            self.changed()
        return moved


class SimFactory(MockFactory):  # type: ignore[misc]  # gpiozero has no types
    """gpiozero's mock factory, for any line number, and deaf to the environment."""

    def __init__(self) -> None:
        super().__init__(revision="a02082", pin_class=WatchedPin)

    def _get_board_info(self) -> Lines:
        return Lines()


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a passer-by sees beside the relay."""

    sign: Sign = Sign.READY
    refusal: str = ""
    detail: str = ""
    other_ways: tuple[str, ...] = ()


class SimTurnstile:
    """See `edge.ports.Turnstile`: `GpiozeroTurnstile` over mock pins, told to all watchers. `relay` is the mock pin."""

    def __init__(self, driver: GpiozeroTurnstile, relay: WatchedPin, clock: Clock, *, active_high: bool) -> None:
        self._driver, self.relay, self._active_high, self._clock = driver, relay, active_high, clock
        self._shown = _Shown()
        self._watchers: list[str] = []
        self._telling = threading.Lock()
        self._mouth = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._mouth.setblocking(False)  # noqa: FBT003 - its signature
        relay.changed = self._tell

    @property
    def simulated(self) -> bool:
        """True."""
        return self._driver.simulated

    def release(self, for_s: float) -> None:
        """See the port."""
        self._shown = _Shown(self._shown.sign)
        self._driver.release(for_s)

    def lock(self) -> None:
        """See the port."""
        self._driver.lock()

    def show(self, sign: Sign) -> None:
        """See the port."""
        self._driver.show(sign)
        self._shown = _Shown(sign)
        self._tell()

    def refuse(self, way: Way, reason: Refusal, detail: str, other_ways: tuple[Way, ...]) -> None:
        """See the port."""
        self._driver.refuse(way, reason, detail, other_ways)
        self._shown = replace(
            self._shown, refusal=reason.value, detail=detail, other_ways=tuple(other.value for other in other_ways)
        )
        self._tell()

    def granted(self, way: Way) -> None:
        """See the port. Watchers see the relay."""
        self._driver.granted(way)

    def close(self) -> None:
        """See the port."""
        self._driver.close()
        self.relay.changed = None
        self._mouth.close()

    def watch(self, path: str) -> None:
        """Tell the socket at `path` of every change from now on, and of the present state at once."""
        with self._telling:
            self._watchers = [*(other for other in self._watchers if other != path), path][-MAX_WATCHERS:]
        self._tell()

    def _tell(self) -> None:
        with self._telling:
            shown = self._shown
            moved = Moved(
                at=self._clock.now(),
                relay=bool(self.relay.state) == self._active_high,
                sign=shown.sign.value,
                refusal=shown.refusal,
                detail=shown.detail,
                other_ways=shown.other_ways,
            )
            for path in tuple(self._watchers):
                try:
                    self._mouth.sendto(encode(moved), path)
                except BlockingIOError:
                    continue  # the lane waits for no spectator
                except OSError:
                    self._watchers.remove(path)


class SimStage:
    """Hears the cues for the pins on a thread of its own."""

    def __init__(self, folder: Path, turnstile: SimTurnstile, inputs: dict[str, Any]) -> None:
        self._turnstile, self._inputs = turnstile, inputs
        self._ear = CueSocket(folder / PINS_SOCKET)
        self._thread = threading.Thread(target=self._run, name="edge-stage", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop to hear."""
        self._ear.close()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while True:
            try:
                cue = self._ear.receive(_HEAR_S)
            except PartFailed:
                return
            match cue:
                case Sense():
                    for name, level in (("presence", cue.presence), ("button", cue.button), ("passage", cue.passage)):
                        self._set(name, level)
                case Watch(path=path):
                    self._turnstile.watch(path)
                case _:
                    continue

    def _set(self, name: str, level: bool | None) -> None:  # noqa: FBT001 - as the cue has it
        if level is None:
            return
        if name not in self._inputs:
            _log.warning("the stage moves the %s input, which this lane does not have", name)
            return
        pin = self._inputs[name]
        (pin.drive_high if level else pin.drive_low)()


def open_sim(
    lines: Pins, stage: Path, clock: Clock, failed: Callable[[str], None], oneshots: OneShots
) -> tuple[SimTurnstile, GpiozeroInputs, Callable[[], None]]:
    """Turnstile, inputs, and what closes the stage. Raises `PartFailed`."""
    factory = SimFactory()
    driver = GpiozeroTurnstile(factory, lines, clock, simulated=True, oneshots=oneshots, failed=failed)
    turnstile = SimTurnstile(driver, factory.pin(lines.relay), clock, active_high=lines.relay_active_high)
    try:
        inputs = GpiozeroInputs(factory, lines, debounce_s=0.0, oneshots=oneshots, failed=failed)
        wired = {"presence": lines.presence, "button": lines.button, "passage": lines.passage}
        ear = SimStage(stage, turnstile, {name: factory.pin(n) for name, n in wired.items() if n is not None})
    except PartFailed:
        turnstile.close()
        raise
    return turnstile, inputs, ear.close
