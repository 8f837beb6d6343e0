"""The verbs of the demo: people walk up, hold cards, take friends along; somebody pulls a cable.

Every verb plays something to the simulated parts, waits for what the pins show, and says in a few words what happened
and how many milliseconds it took from the intent (or the card) to the relay (or the refusal).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from edge.core.lane import Sign
from edge.demo.drawing import View
from edge.demo.house import House
from edge.errors import ShownOtherwise
from edge.ports import Clock
from edge.sim.stage import Moved, Person, Scene

OUTCOME_WITHIN_S = 12.0
WALK_S = 0.7
"""How long somebody is in the arms; only so that one can watch."""
FRIEND_LEFT, FRIEND_RIGHT = 0.33, 0.67
OPEN, SHUT = "open", "shut"


@dataclass(frozen=True, slots=True)
class Happened:
    """What came of one step, in words, and how long it took."""

    words: str
    ms: float


@dataclass
class DemoLane:
    """One lane, seen from outside. `picture` is what the terminal draws."""

    house: House
    clock: Clock
    pause: Callable[[float], None]
    simulated: bool = True
    picture: View = field(default_factory=View)

    # People ----------------------------------------------------------------------------------
    def approach(self, *faces: str) -> Happened:
        """One or two people step in front of the camera; whoever is let through walks through."""
        self.stand(*faces)
        self._draw(people=faces, place="before", words="")
        began = self.clock.now()
        self.house.director.sense(presence=True)
        happened = self._outcome(began)
        self.house.director.sense(presence=False)
        self.stand()
        self._draw(people=(), place="away")
        return happened

    def hold_card(self, number: str) -> Happened:
        """Somebody holds a card to the reader."""
        self._draw(people=("card",), place="before", card=True, words="")
        began = self.clock.now()
        self.house.director.card(number)
        happened = self._outcome(began)
        self._draw(people=(), place="away", card=False)
        return happened

    def title(self, text: str) -> View:
        """The picture with another title."""
        return replace(self.picture, title=text)

    # Cables ----------------------------------------------------------------------------------
    def pull_camera(self) -> Happened:
        """Pull the camera's cable, and wait until the lane says so."""
        return self._camera(plugged=False, until=Sign.CARD_ONLY, words="faces off, cards on")

    def plug_camera(self) -> Happened:
        """Plug it in again, and wait until the lane uses faces again."""
        return self._camera(plugged=True, until=Sign.READY, words="faces on again")

    def _camera(self, *, plugged: bool, until: Sign, words: str) -> Happened:
        began = self.clock.now()
        self.house.director.scene(Scene(plugged=plugged))
        self._draw(plugged=plugged, words="")
        moved = self._wait(lambda m: m.sign == until.value)
        return Happened(words, 1000 * (max(moved.at, began) - began))

    # Watching ----------------------------------------------------------------------------------
    def _outcome(self, began: float) -> Happened:
        moved = self._wait(lambda m: m.at >= began and (m.relay or bool(m.refusal)))
        ms = 1000 * (moved.at - began)
        if not moved.relay:
            why = f"{moved.refusal} ({moved.detail})" if moved.detail else moved.refusal
            self.pause(WALK_S)
            return Happened(f"{SHUT}: {why}", ms)
        self._draw(place="between")
        self.house.director.sense(passage=True)
        self.pause(WALK_S)
        self._draw(place="through")
        self.house.director.sense(passage=False)
        self._wait(lambda m: m.at >= began and not m.relay)
        self.pause(WALK_S)
        return Happened(OPEN, ms)

    def _wait(self, predicate: Callable[[Moved], bool]) -> Moved:
        def watched(moved: Moved) -> bool:
            self._show(moved)
            return predicate(moved)

        try:
            return self.house.director.wait_for(watched, OUTCOME_WITHIN_S)
        except ShownOtherwise as error:
            raise self.house.failed(error.message) from None

    def stand(self, *faces: str) -> None:
        """Put people in front of the simulated camera (nobody, one in the middle, or two side by side)."""
        if not self.simulated:
            return
        places = (0.5,) if len(faces) == 1 else (FRIEND_LEFT, FRIEND_RIGHT)
        people = tuple(Person(face=face, x=x) for face, x in zip(faces, places, strict=False))
        self.house.director.scene(Scene(people=people))

    # Drawing ----------------------------------------------------------------------------------
    def _show(self, moved: Moved) -> None:
        words = moved.refusal + (f" ({moved.detail})" if moved.detail else "")
        if moved.other_ways:
            words += " - or use your " + " or ".join(moved.other_ways)
        self._draw(free=moved.relay, sign=moved.sign, words=words)

    def _draw(self, **changes: object) -> None:
        self.picture = replace(self.picture, **changes)  # type: ignore[arg-type]
