"""Presence, button and passage over gpiozero, without the bouncing of their contacts.

Rule 1.  The first edge starts a timer of `debounce_s`; when it fires, all inputs are sampled, and only what then
         differs from what was last reported is an event. So no input reports more than once in `debounce_s`, whatever
         its contact does, and the inbox of the decision thread cannot be flooded from here.
Rule 2.  Levels that are active when listening begins are reported first: somebody may already be standing there.
Rule 3.  A press of the button is a moment: only its rising edge is an intent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gpiozero import DigitalInputDevice

from edge.config.schema import Pins
from edge.core.values import Intent
from edge.errors import PartFailed
from edge.gate.pins.oneshot import OneShot, OneShots
from edge.gate.pins.vendor import named


def _nothing() -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class _Input:
    """One wired input, the level reported last, and whom to tell."""

    device: Any
    rose: Callable[[], None] = _nothing
    fell: Callable[[], None] = _nothing
    level: bool = False


class GpiozeroInputs:
    """See `edge.ports.Inputs`. `failed` hears of an input that cannot be read any more."""

    def __init__(
        self,
        factory: Any,  # noqa: ANN401 - gpiozero has no types
        lines: Pins,
        *,
        debounce_s: float,
        oneshots: OneShots,
        failed: Callable[[str], None],
    ) -> None:
        self._debounce_s, self._failed = debounce_s, failed
        self._inputs: dict[str, _Input] = {}
        self._lock = threading.Lock()
        self._settling = False
        self._timer: OneShot | None = None
        try:
            for name, line in (("presence", lines.presence), ("button", lines.button), ("passage", lines.passage)):
                if line is not None:
                    with named(f"the {name} input cannot have line {line}"):
                        device = DigitalInputDevice(line, pull_up=False, pin_factory=factory)
                    self._inputs[name] = _Input(device)
        except PartFailed:
            self._let_go()
            raise
        self._timer = oneshots("edge-inputs", self._sample)

    def listen(
        self,
        *,
        intent_began: Callable[[Intent], None],
        intent_ended: Callable[[], None],
        passage_began: Callable[[], None],
        passage_ended: Callable[[], None],
    ) -> None:
        """See the port."""
        whom: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
            "presence": (lambda: intent_began(Intent.PRESENCE), intent_ended),
            "button": (lambda: intent_began(Intent.BUTTON), _nothing),
            "passage": (passage_began, passage_ended),
        }
        for name, one in self._inputs.items():
            one.rose, one.fell = whom[name]
            with named(f"the {name} input cannot be watched"):
                one.device.when_activated = self._edge
                one.device.when_deactivated = self._edge
        self._sample()

    def close(self) -> None:
        """See the port. Closing twice is no error."""
        if self._timer is not None:
            self._timer.close()
        self._let_go()

    def _edge(self) -> None:
        if self._debounce_s == 0.0:
            self._sample()
            return
        with self._lock:
            if self._settling or self._timer is None:
                return
            self._settling = True
            self._timer.start(self._debounce_s)

    def _sample(self) -> None:
        """Report what differs. The lock keeps the reports of one input in order; who is told must only enqueue."""
        problem = ""
        with self._lock:
            self._settling = False
            for name, one in self._inputs.items():
                try:
                    with named(f"the {name} input cannot be read"):
                        level = bool(one.device.is_active)
                except PartFailed as error:
                    problem = error.message
                    continue
                if level != one.level:
                    one.level = level
                    (one.rose if level else one.fell)()
        if problem:
            self._failed(problem)

    def _let_go(self) -> None:
        while self._inputs:
            self._inputs.popitem()[1].device.close()
