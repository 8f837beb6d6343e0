"""A board of which we know nothing but that its lines have numbers.

gpiozero wants to know which Raspberry Pi it runs on, and finds pins by their place on its header: a Jetson, a Pi that
it does not know yet, and line 100 of any chip do not exist for it. A gate names lines by the number that their chip
gives them, so this board has every line and no header. On a Pi these numbers are the BCM numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from gpiozero import PinInfo

MAX_LINE = 511
_PREFIX = "GPIO"


class Lines:
    """What gpiozero's factories ask of a `BoardInfo`."""

    def find_pin(self, name: int | str) -> Iterator[tuple[str, PinInfo]]:
        """The line with this number, or with this name ("GPIO17"); nothing for any other name."""
        number = str(name).removeprefix(_PREFIX)
        if number.isdecimal() and int(number) <= MAX_LINE:
            yield "chip", _line(int(number))


def _line(number: int) -> PinInfo:
    name = f"{_PREFIX}{number}"
    return PinInfo(
        number=number,
        name=name,
        names=frozenset({name, number, str(number)}),
        pull="",  # none that we know of
        row=number,
        col=1,
        interfaces=frozenset({"gpio"}),
    )
