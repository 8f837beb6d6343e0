"""The lines of a gpiochip of this board, through lgpio.

Rule 1.  The chip is found by its label, because numbers change between kernels (on some Pi 5 the header is chip 4).
Rule 2.  gpiozero's own factory ignores which chip it is given, and its pins are claimed as floating inputs before they
         become outputs, become outputs at level 0 before they get their level, and float again when closed. Here a line
         is claimed once, in the direction and at the level that it is to have, and is given back without another claim.
         What it does after that is the kernel's and the resistor's business (measured facts).
Rule 3.  A line that somebody else holds is an error that names who; it is never shared.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.config.schema import Pins
from edge.errors import PartFailed
from edge.gate.pins.gpiozero_inputs import GpiozeroInputs
from edge.gate.pins.gpiozero_turnstile import GpiozeroTurnstile
from edge.gate.pins.lines import Lines
from edge.gate.pins.oneshot import OneShots
from edge.gate.pins.vendor import named
from edge.ports import Clock

try:
    import lgpio
    from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin
    from gpiozero.pins.local import LocalPiPin
    from gpiozero.pins.pi import PiFactory
except ImportError:
    raise PartFailed(
        'pins.kind = "gpio" needs lgpio, which is not installed',
        hint="install edge-gate with its extra for this board: `pip install edge-gate[pi]` or `[jetson]`",
    ) from None

DEV = Path("/dev")


class SteadyPin(LGPIOPin):  # type: ignore[misc]  # gpiozero has no types
    """See rule 2."""

    def __init__(self, factory: Any, info: Any) -> None:  # noqa: ANN401
        LocalPiPin.__init__(self, factory, info)  # not LGPIOPin's, which claims the line as a floating input
        self._pwm = self._bounce = self._callback = None
        self._edges = lgpio.BOTH_EDGES
        self._claimed = False

    def output_with_state(self, state: bool) -> None:  # noqa: FBT001 - gpiozero's signature
        """Direction and level in one call to the kernel."""
        self._refuse_taken()
        lgpio.gpio_claim_output(self.factory._handle, self._number, int(state))  # noqa: SLF001 - as LGPIOPin does
        self._claimed = True

    def _set_function(self, value: str) -> None:
        if not self._claimed:
            self._refuse_taken()
        super()._set_function(value)
        self._claimed = True

    def close(self) -> None:
        """Give the line back as it is."""
        self.when_changed = None
        if self._claimed and self.factory._handle is not None:  # noqa: SLF001
            self._claimed = False
            lgpio.gpio_free(self.factory._handle, self._number)  # noqa: SLF001

    def _refuse_taken(self) -> None:
        _, _, flags, _, user = lgpio.gpio_get_line_info(self.factory._handle, self._number)  # noqa: SLF001
        if flags & self.GPIO_IS_KERNEL:
            raise PartFailed(
                f"line {self._number} of {self.factory.label} is taken by {user or 'the kernel'}",
                hint="remove the overlay or stop the program that uses it, or name another line in [pins]",
            )


class ChipFactory(LGPIOFactory):  # type: ignore[misc]  # gpiozero has no types
    """gpiozero's factory for the chip with this label, on any board."""

    def __init__(self, label: str) -> None:
        # Not LGPIOFactory's, which opens a chip of its own choice, nor LocalPiFactory's, which shares pins and
        # reservations with every factory of the process, those of a failed start included.
        PiFactory.__init__(self)
        self.label = label
        self._chip, self._handle = open_chip(label)
        self.pin_class = SteadyPin

    def _get_board_info(self) -> Lines:
        return Lines()


def open_chip(label: str) -> tuple[int, int]:
    """Number and handle of the chip with this label. Raises `PartFailed` that names the chips which are there."""
    seen = []
    for number in sorted(_numbers()):
        with named(f"gpiochip{number} cannot be opened", hint="the gate's user has to be in the group `gpio`"):
            handle = lgpio.gpiochip_open(number)
        _, _, _, found = lgpio.gpio_get_chip_info(handle)
        if found == label:
            return number, handle
        lgpio.gpiochip_close(handle)
        seen.append(f'"{found}"')
    raise PartFailed(
        f'no gpiochip of this board is called "{label}"',
        hint=f"set pins.chip to one of: {', '.join(seen)}" if seen else "this board has no gpiochip at all",
    )


def open_gpio(
    lines: Pins, clock: Clock, failed: Callable[[str], None], oneshots: OneShots
) -> tuple[GpiozeroTurnstile, GpiozeroInputs, Callable[[], None]]:
    """Turnstile, inputs, and what gives the chip back after both are closed. Raises `PartFailed`."""
    factory = ChipFactory(lines.chip)
    try:
        turnstile = GpiozeroTurnstile(factory, lines, clock, simulated=False, oneshots=oneshots, failed=failed)
    except PartFailed:
        factory.close()
        raise
    try:
        inputs = GpiozeroInputs(factory, lines, debounce_s=lines.debounce_s, oneshots=oneshots, failed=failed)
    except PartFailed:
        turnstile.close()
        factory.close()
        raise
    return turnstile, inputs, factory.close


def _numbers() -> list[int]:
    return [int(path.name.removeprefix("gpiochip")) for path in DEV.glob("gpiochip[0-9]*")]
