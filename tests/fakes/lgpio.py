"""A gpiochip in place of the module `lgpio`: lines that remember what was done to them, and who holds them.

Only what gpiozero's `pins.lgpio` and our `ChipFactory` call. Behaviour after lgpio's documentation, not after a board.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType

USED, OUTPUT, PULL_UP, PULL_DOWN, NO_PULL = 1 << 0, 1 << 1, 1 << 5, 1 << 6, 1 << 7
RISING_EDGE, FALLING_EDGE, BOTH_EDGES = 1, 2, 3


class error(Exception):  # noqa: N801 - lgpio's name
    """lgpio's only exception."""


@dataclass
class Line:
    """`history` holds every level that the line was driven to, beginning with the level of its claim."""

    user: str = ""
    output: bool = False
    level: int = 0
    pull: int = 0
    history: list[int] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    watchers: list[Callable[[int, int, int, int], None]] = field(default_factory=list)


class Watching:
    """What `callback` returns."""

    def __init__(self, line: Line, tell: Callable[[int, int, int, int], None]) -> None:
        self._line, self._tell = line, tell
        line.watchers.append(tell)

    def cancel(self) -> None:
        if self._tell in self._line.watchers:
            self._line.watchers.remove(self._tell)


class Chips:
    """Chips by number; each a label and 32 lines."""

    def __init__(self, labels: dict[int, str]) -> None:
        self.labels = labels
        self.lines = {number: [Line() for _ in range(32)] for number in labels}
        self.open: list[int] = []
        self.dead = False

    def drive(self, chip: int, line: int, level: int) -> None:
        """Somebody outside changes an input."""
        found = self.lines[chip][line]
        assert not found.output
        if found.level != level:
            found.level = level
            for tell in tuple(found.watchers):
                tell(chip, line, level, 0)

    def module(self) -> ModuleType:
        """What `import lgpio` gives."""
        module = ModuleType("lgpio")
        names = {
            "SET_PULL_UP": PULL_UP,
            "SET_PULL_DOWN": PULL_DOWN,
            "SET_PULL_NONE": NO_PULL,
            "RISING_EDGE": RISING_EDGE,
            "FALLING_EDGE": FALLING_EDGE,
            "BOTH_EDGES": BOTH_EDGES,
            "error": error,
        }
        calls = {name: getattr(self, f"_{name}") for name in _CALLS}
        for name, value in (names | calls).items():
            setattr(module, name, value)
        return module

    def _line(self, handle: int, line: int) -> Line:
        if self.dead:
            raise error("unknown handle")
        assert handle in self.open, "the chip is not open"
        return self.lines[handle][line]

    def _claim(self, handle: int, number: int, call: str) -> Line:
        line = self._line(handle, number)
        if line.user not in {"", "us"}:
            raise error("GPIO busy")
        line.user = "us"
        line.calls.append(call)
        return line

    def _gpiochip_open(self, number: int) -> int:
        if number not in self.labels:
            raise error("can not open gpiochip")
        self.open.append(number)
        return number

    def _gpiochip_close(self, handle: int) -> None:
        self.open.remove(handle)
        for line in self.lines[handle]:
            if line.user == "us":
                line.user = ""

    def _gpio_get_chip_info(self, handle: int) -> list[object]:
        return [0, 32, f"gpiochip{handle}", self.labels[handle]]

    def _gpio_get_line_info(self, handle: int, number: int) -> list[object]:
        line = self._line(handle, number)
        return [0, number, USED if line.user else 0, f"GPIO{number}", line.user]

    def _gpio_get_mode(self, handle: int, number: int) -> int:
        line = self._line(handle, number)
        return (USED if line.user else 0) | (OUTPUT if line.output else 0) | line.pull

    def _gpio_claim_input(self, handle: int, number: int, flags: int = 0) -> None:
        line = self._claim(handle, number, "claim_input")
        line.output = False
        if not line.pull:  # gpiozero: claiming again does not change the flags
            line.pull = flags

    def _gpio_claim_output(self, handle: int, number: int, level: int = 0, flags: int = 0) -> None:
        line = self._claim(handle, number, f"claim_output {level}")
        line.output, line.level = True, level
        line.history.append(level)

    def _gpio_claim_alert(self, handle: int, number: int, edges: int, flags: int = 0) -> None:
        self._claim(handle, number, "claim_alert")

    def _gpio_free(self, handle: int, number: int) -> None:
        line = self._line(handle, number)
        assert line.user == "us", "freed twice"
        line.calls.append("free")
        line.user, line.output, line.pull = "", False, 0

    def _gpio_read(self, handle: int, number: int) -> int:
        return self._line(handle, number).level

    def _gpio_write(self, handle: int, number: int, level: bool) -> None:
        line = self._line(handle, number)
        assert line.output, "written, but not claimed as output"
        line.level = int(level)
        line.history.append(line.level)

    def _gpio_set_debounce_micros(self, handle: int, number: int, micros: int) -> None:
        self._line(handle, number)

    def _callback(self, handle: int, number: int, edges: int, tell: Callable[[int, int, int, int], None]) -> Watching:
        return Watching(self._line(handle, number), tell)


_CALLS = (
    "gpiochip_open",
    "gpiochip_close",
    "gpio_get_chip_info",
    "gpio_get_line_info",
    "gpio_get_mode",
    "gpio_claim_input",
    "gpio_claim_output",
    "gpio_claim_alert",
    "gpio_free",
    "gpio_read",
    "gpio_write",
    "gpio_set_debounce_micros",
    "callback",
)
