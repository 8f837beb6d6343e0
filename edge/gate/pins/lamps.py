"""Two lamps, for a lane without a screen: green means go, red means no, both mean "look here".

What a lamp shows for good is the sign; over it lies, for a moment, a grant or a refusal. Without lamps nothing is shown
and nothing fails.
"""

from __future__ import annotations

import threading
from typing import Protocol

from edge.core.lane import Sign
from edge.gate.pins.oneshot import OneShots

REFUSAL_S = 2.0
"""How long a refusal is shown."""

GREEN_RED: dict[Sign, tuple[bool, bool]] = {
    Sign.READY: (False, False),
    Sign.CARD_ONLY: (False, False),  # red would send away the people with cards
    Sign.LOOK_HERE: (True, True),
    Sign.OUT_OF_ORDER: (False, True),
}
_GO = (True, False)
_NO = (False, True)


class Lamp(Protocol):
    """What we need of a lamp; gpiozero's `OutputDevice` is one."""

    def on(self) -> None:
        """Light it."""
        ...

    def off(self) -> None:
        """Darken it."""
        ...


class Lamps:
    """A lamp that is None is not wired."""

    def __init__(self, green: Lamp | None, red: Lamp | None, oneshots: OneShots) -> None:
        self._green, self._red = green, red
        self._sign, self._over = GREEN_RED[Sign.READY], GREEN_RED[Sign.READY]
        self._covered = False
        self._lock = threading.Lock()
        self._moment = oneshots("edge-lamps", self._moment_over)

    def show(self, sign: Sign) -> None:
        """From now on show `sign`, or when the moment is over."""
        with self._lock:
            self._sign = GREEN_RED[sign]
            self._light()

    def refuse(self) -> None:
        """Show red for `REFUSAL_S` seconds."""
        with self._lock:
            self._covered, self._over = True, _NO
            self._moment.start(REFUSAL_S)
            self._light()

    def granted(self) -> None:
        """Show green until `settled`."""
        with self._lock:
            self._covered, self._over = True, _GO
            self._light()

    def settled(self) -> None:
        """The lane is shut again: a grant is over. A refusal keeps its moment."""
        with self._lock:
            if self._covered and self._over == _GO:
                self._covered = False
                self._light()

    def close(self) -> None:
        """Darken both."""
        self._moment.close()
        with self._lock:
            self._covered, self._sign = False, (False, False)
            self._light()

    def _moment_over(self) -> None:
        with self._lock:
            if self._over == _NO:
                self._covered = False
                self._light()

    def _light(self) -> None:
        for lamp, lit in zip((self._green, self._red), self._over if self._covered else self._sign, strict=True):
            if lamp is not None:
                (lamp.on if lit else lamp.off)()
