"""The pins of the lane. Which adapter drives them is said in the configuration, and nowhere else.

There is no fallback: pins that cannot be opened are a `PartFailed`, and no environment variable is read (gpiozero's
`GPIOZERO_PIN_FACTORY` would put mock pins on a door; every device here is handed its factory).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from edge.config.schema import Config
from edge.errors import ConfigError
from edge.gate.pins.oneshot import OneShots, thread_oneshots
from edge.ports import Clock, Inputs, Turnstile


@dataclass(frozen=True, slots=True)
class OpenPins:
    """What `open_pins` opened."""

    turnstile: Turnstile
    inputs: Inputs
    let_go: Callable[[], None]

    def close(self) -> None:
        """Stop to report, de-energise, and give the lines back, whatever fails on the way."""
        with contextlib.ExitStack() as stack:
            stack.callback(self.let_go)
            stack.callback(self.turnstile.close)
            stack.callback(self.inputs.close)


def open_pins(
    config: Config, clock: Clock, failed: Callable[[str], None], oneshots: OneShots | None = None
) -> OpenPins:
    """Open the pins that the configuration names; the relay is driven inactive before this returns.

    `failed` hears, on any thread, why the relay cannot be de-energised or an input not be read. `oneshots` is for
    tests. Raises `PartFailed` that names the line or the chip, `ConfigError` for a gpiochip without a label.
    """
    oneshots = oneshots or thread_oneshots(clock)
    match config.pins.kind:
        case "sim":
            from edge.gate.pins.sim import open_sim  # noqa: PLC0415 - a gate with wires never loads the mock pins

            return OpenPins(*open_sim(config.pins, config.stage_socket, clock, failed, oneshots))
        case "gpio":
            if not config.pins.chip:
                raise ConfigError("pins.chip names no gpiochip", hint="set the label of the chip, see `gpiodetect`")
            with contextlib.chdir(config.paths.runtime):  # lgpio makes a FIFO where it is imported
                from edge.gate.pins.gpio import open_gpio  # noqa: PLC0415 - needs lgpio, which only boards have
            return OpenPins(*open_gpio(config.pins, clock, failed, oneshots))
        case _ as unreachable:
            assert_never(unreachable)
