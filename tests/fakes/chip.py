"""`edge.gate.pins.gpio` on a board that does not exist."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.lgpio import Chips

_AGAIN = ("gpiozero.pins.lgpio", "edge.gate.pins.gpio")
"""What has to meet the fake instead of the module that may be installed."""


@contextmanager
def fake_board(dev: Path, labels: dict[int, str]) -> Iterator[tuple[Chips, Any]]:
    """The chips, and the module `edge.gate.pins.gpio` over them; `dev` plays /dev."""
    chips = Chips(labels)
    before = {name: sys.modules.pop(name, None) for name in ("lgpio", *_AGAIN)}
    sys.modules["lgpio"] = chips.module()
    for number in labels:
        (dev / f"gpiochip{number}").touch()
    try:
        gpio = importlib.import_module("edge.gate.pins.gpio")
        gpio.DEV = dev  # type: ignore[attr-defined]
        yield chips, gpio
    finally:
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
