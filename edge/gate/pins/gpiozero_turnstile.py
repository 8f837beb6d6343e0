"""Relay and lamps over gpiozero, whichever factory makes the pins.

Rule 1.  The relay gets its first level in the same call as its direction, and that level is inactive; with an
         active-low relay any other order is a pulse at every start (threats, 11).
Rule 2.  Every energising has an end that a timer of this driver keeps, whatever becomes of the caller. The timer is
         started first, and it cannot fire between the start and the energising, because both hold the same lock.
Rule 3.  A relay that cannot be de-energised is tried again every `RETRY_S` seconds, and whoever asked to hear of it
         (`failed`) hears of it at once.
Rule 4.  `close` de-energises and only then lets go. It is no lock: gpiozero turns a closed pin into an input, so an
         external pull-down has to hold the relay (measured facts: Pi kernels keep the level of a dead process).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from gpiozero import OutputDevice

from edge.config.schema import Pins
from edge.core.lane import Sign
from edge.core.values import Instant, Refusal, Way
from edge.errors import PartFailed
from edge.gate.pins.lamps import Lamps
from edge.gate.pins.oneshot import OneShots
from edge.gate.pins.vendor import named
from edge.ports import Clock

MAX_ENERGISED_S = 60.0
"""No caller can energise the relay for longer; the longest time that a configuration allows for a passage."""
RETRY_S = 0.1


class GpiozeroTurnstile:
    """See `edge.ports.Turnstile`. `release` and `lock` may race with the timer; the later instant wins."""

    def __init__(
        self,
        factory: Any,  # noqa: ANN401 - gpiozero has no types
        lines: Pins,
        clock: Clock,
        *,
        simulated: bool,
        oneshots: OneShots,
        failed: Callable[[str], None],
    ) -> None:
        self._clock, self._simulated, self._failed = clock, simulated, failed
        self._lock = threading.Lock()
        self._until: Instant | None = None
        self._devices: list[Any] = []
        try:
            # The relay first: whatever else fails, it has been driven inactive.
            self._relay = self._output(factory, "relay", lines.relay, active_high=lines.relay_active_high)
            green, red = (
                None if line is None else self._output(factory, name, line, active_high=True)
                for name, line in (("green lamp", lines.lamp_green), ("red lamp", lines.lamp_red))
            )
        except PartFailed:
            self._let_go()
            raise
        self._lamps = Lamps(green, red, oneshots)
        self._end = oneshots("edge-relay", self._time_is_up)

    @property
    def simulated(self) -> bool:
        """See the port."""
        return self._simulated

    def release(self, for_s: float) -> None:
        """See the port. Not a positive number of seconds de-energises; more than `MAX_ENERGISED_S` is cut to it."""
        if not for_s > 0.0:  # NaN too
            self.lock()
            return
        for_s = min(for_s, MAX_ENERGISED_S)
        with self._lock, named("the relay cannot be energised"):
            self._until = self._clock.now() + for_s
            self._end.start(for_s)
            self._relay.on()

    def lock(self) -> None:
        """See the port."""
        with self._lock, named("the relay cannot be de-energised"):
            self._drop()
        with named("the lamps cannot be set"):
            self._lamps.settled()

    def show(self, sign: Sign) -> None:
        """See the port."""
        with named("the lamps cannot be set"):
            self._lamps.show(sign)

    def refuse(self, way: Way, reason: Refusal, detail: str, other_ways: tuple[Way, ...]) -> None:
        """See the port. Two lamps cannot say the reason; they say no."""
        del way, reason, detail, other_ways
        with named("the lamps cannot be set"):
            self._lamps.refuse()

    def granted(self, way: Way) -> None:
        """See the port."""
        del way
        with named("the lamps cannot be set"):
            self._lamps.granted()

    def close(self) -> None:
        """See the port. Closing twice is no error."""
        if not self._devices:
            return
        try:
            self.lock()
        finally:
            self._end.close()
            try:
                with named("the lamps cannot be set"):
                    self._lamps.close()
            finally:
                self._let_go()

    def _drop(self) -> None:
        """De-energise first, and forget the end only when that is done."""
        self._relay.off()
        self._until = None
        self._end.stop()

    def _time_is_up(self) -> None:
        problem = ""
        with self._lock:
            if self._until is None or self._clock.now() < self._until:
                return  # locked, or released anew, while this timer was waking up
            try:
                with named("the relay cannot be de-energised"):
                    self._drop()
            except PartFailed as error:
                problem = error.message
                self._end.start(RETRY_S)
        if problem:
            self._failed(problem)

    def _output(self, factory: Any, name: str, line: int, *, active_high: bool) -> Any:  # noqa: ANN401
        with named(f"the {name} cannot have line {line}"):
            device = OutputDevice(line, active_high=active_high, initial_value=False, pin_factory=factory)
        self._devices.append(device)
        return device

    def _let_go(self) -> None:
        while self._devices:
            self._devices.pop().close()
