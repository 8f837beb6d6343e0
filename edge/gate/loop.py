"""The decision thread: events go in, effects come out, and only this thread may touch the door.

Rule 1.  One turn does, in this order: everything that waits and is no sighting, each at the instant at which it was
         learned; what has fallen due; one sighting. So what is due never waits behind more than `MAX_OTHERS` events and
         one comparison, and a flood of sightings cannot hold the door.
Rule 2.  Effects are performed in the order in which `step` gives them. A port that fails becomes a fault of its part,
         whatever it raised, and the effects behind it are still performed: a dead eye must not keep a card out.
Rule 3.  Pins that failed are tried again every `MEND_S` seconds, but never while somebody may be in the arms: the trial
         is a lock.
Rule 4.  A card counts if it is known at the instant of the decision, a face if its consent is live at that instant, by
         the calendar too. Time alone never adds a consent to the living.
Rule 5.  However the thread ends, it ends locked.
Rule 6.  Nothing is written down about who passed or was refused; counters are. Faults and alarms are logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, assert_never

from edge.core.lane import (
    CloseEye,
    ConsentChanged,
    Effect,
    Event,
    FaceSeen,
    Failed,
    Healed,
    Hold,
    Lane,
    LanePolicy,
    Lock,
    Looking,
    OpenEye,
    Passing,
    Raise,
    Refuse,
    Release,
    Released,
    Show,
    Sign,
    Tick,
    deadline,
    step,
)
from edge.core.values import AttemptId, Instant, Intent, Pad, Part, TrackId, Way
from edge.errors import EdgeError, InputError
from edge.gate.compare import Yardstick, judge
from edge.gate.holdings import Holdings
from edge.gate.inbox import Fault, Inbox, Item, Mended, Seen, Swap
from edge.ports import Clock, Turnstile

TURN_S = 1.0
"""A turn is taken at least this often: the watchdog and the calendar look here."""
MEND_S = 2.0
_log = logging.getLogger(__name__)


class Eye(Protocol):
    """What the decision thread needs of the link to `vision`. None of it waits."""

    def look(self, attempt: AttemptId, until: Instant, intent: Intent) -> None:
        """Open the eye. Raises `PartFailed`."""
        ...

    def blind(self, attempt: AttemptId) -> None:
        """Close the eye. Raises `PartFailed`."""
        ...

    def disown(self, why: str) -> None:
        """End this connection: the eye sent something that no honest eye sends."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """What `status` may know of the lane: enums, counters, and why parts are out."""

    phase: str = "idle"
    faults: tuple[tuple[Part, str], ...] = ()
    releases: int = 0
    refusals: int = 0
    alarms: int = 0
    probes: int = 0


class Loop:
    """Owns the lane. `turn` and `run` belong to one thread; `report` may be read by any."""

    def __init__(
        self,
        turnstile: Turnstile,
        eye: Eye,
        inbox: Inbox,
        clock: Clock,
        policy: LanePolicy,
        yardstick: Yardstick,
        holdings: Holdings,
        ways: tuple[Way, ...],
    ) -> None:
        self._turnstile, self._eye, self._inbox, self._clock = turnstile, eye, inbox, clock
        self._policy, self._yardstick, self._holdings, self._ways = policy, yardstick, holdings, ways
        # Shut for faces until both have spoken up; cards go in front (rule 9 of the lane).
        self._why: dict[Part, str] = {Part.VISION: "not connected yet", Part.VAULT: "not loaded yet"}
        self._lane = Lane(now=clock.now(), faults=frozenset(self._why))
        self._mend_at: Instant = 0.0
        self._next_expiry = holdings.next_expiry(clock.wall())
        self._releases = self._refusals = self._alarms = self._probes = 0
        self.report = self._summary()

    def run(self, fed: Callable[[Instant], None] = lambda _: None) -> None:
        """Turn until the inbox is closed; `fed` is told the instant of every turn, for a watchdog."""
        try:
            self.begin()
            while not self._inbox.closed:
                now = self._clock.now()
                fed(now)
                self.turn(now)
                self._inbox.wait(self.idle_s(self._clock.now()))
        finally:
            self._turnstile.lock()

    def begin(self) -> None:
        """Lock, and show what we are."""
        self._perform((Lock("starting"), Show(Sign.CARD_ONLY)))

    def turn(self, now: Instant) -> None:
        """Do what rule 1 says."""
        for item in self._inbox.take_others():
            self._take(item, now)
        self._expire(now)
        self._mend(now)
        due = deadline(self._lane)
        if due is not None and due <= now:
            self._step(Tick(now))
        seen = self._inbox.take_sighting()
        if seen is not None:
            self._see(seen, now)
        self.report = self._summary()

    def idle_s(self, now: Instant) -> float:
        """Seconds for which nothing needs to be done unless something comes in."""
        due = deadline(self._lane)
        return TURN_S if due is None else min(TURN_S, max(0.0, due - now))

    # What comes in ------------------------------------------------------------------------
    def _take(self, item: Item, now: Instant) -> None:
        match item:
            case Fault(part=part, why=why):
                self._fail(part, why, now)
            case Mended(part=part):
                self._heal(part, now)
            case Swap(holdings=holdings, taken=taken):
                self._holdings = holdings
                wall = self._clock.wall()
                self._next_expiry = holdings.next_expiry(wall)
                self._step(ConsentChanged(now, holdings.live_at(wall)))
                taken.set()
            case _:
                self._step(item)

    def _see(self, seen: Seen, now: Instant) -> None:
        """Compare and vote. The instant is ours and is read now: a sighting that waited too long has to look old."""
        sighting, probe = seen.sighting, seen.sighting.probe
        if not self._looking(sighting.attempt):
            return
        try:
            verdict = judge(seen, self._holdings, self._yardstick)
        except InputError as error:
            self._eye.disown(error.message)
            self._fail(Part.VISION, error.message, now)
            return
        self._probes += probe is not None
        self._step(
            FaceSeen(
                at=self._clock.now(),
                attempt=AttemptId(sighting.attempt),
                track=TrackId(probe.track if probe else 0),
                captured_at=sighting.captured_at,
                verdict=verdict,
                pad=probe.pad if probe else Pad.NOT_DONE,
            )
        )

    def _looking(self, attempt: int) -> bool:
        return isinstance(self._lane.phase, Looking) and self._lane.phase.attempt == attempt

    def _expire(self, now: Instant) -> None:
        """Rule 4: consents end by the calendar, without waiting for the disk. The next expiry only moves forward, so a
        calendar that falls back gives nothing back.
        """
        wall = self._clock.wall()
        if wall >= self._next_expiry:
            self._next_expiry = self._holdings.next_expiry(wall)
            self._step(ConsentChanged(now, self._holdings.live_at(wall)))

    def _mend(self, now: Instant) -> None:
        """Rule 3."""
        if Part.PINS not in self._lane.faults or now < self._mend_at:
            return
        if isinstance(self._lane.phase, Released | Passing):
            return
        self._mend_at = now + MEND_S
        if self._attempted(Lock("trying the pins again")) is None:
            self._heal(Part.PINS, now)

    # Parts --------------------------------------------------------------------------------
    def _fail(self, part: Part, why: str, now: Instant) -> None:
        if self._why.get(part) != why:
            _log.warning("%s: %s", part.value, why)
        self._why[part] = why
        self._mend_at = max(self._mend_at, now + MEND_S)
        self._step(Failed(now, part))

    def _heal(self, part: Part, now: Instant) -> None:
        if self._why.pop(part, None) is not None:
            _log.info("%s: works", part.value)
        self._step(Healed(now, part))

    # What goes out ------------------------------------------------------------------------
    def _step(self, event: Event) -> None:
        self._lane, effects = step(self._lane, event, self._policy)
        self._perform(effects)

    def _perform(self, effects: tuple[Effect, ...]) -> None:
        """Rule 2. The faults come after all effects; each part fails once, so this ends."""
        failures = [failure for effect in effects if (failure := self._attempted(effect)) is not None]
        for part, why in failures:
            if part not in self._lane.faults:
                self._fail(part, why, self._clock.now())

    def _attempted(self, effect: Effect) -> tuple[Part, str] | None:
        """Perform one effect; what failed instead, and why."""
        try:
            self._do(effect)
        except EdgeError as error:
            return _part_of(effect), error.message
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, the door goes on
            return _part_of(effect), f"{type(effect).__name__} failed: {type(error).__name__}"
        return None

    def _do(self, effect: Effect) -> None:
        match effect:
            case Release(way=way, until=until):
                self._turnstile.release(until - self._clock.now())
                self._releases += 1
                self._turnstile.granted(way)
            case Hold(until=until):
                self._turnstile.release(until - self._clock.now())
            case Lock():
                self._turnstile.lock()
            case Show(sign=sign):
                self._turnstile.show(sign)
            case Refuse(way=way, reason=reason, detail=detail):
                self._refusals += 1
                self._turnstile.refuse(way, reason, detail, tuple(other for other in self._ways if other is not way))
            case OpenEye(attempt=attempt, until=until, intent=intent):
                self._eye.look(attempt, until, intent)
            case CloseEye(attempt=attempt):
                self._eye.blind(attempt)
            case Raise(alarm=alarm):
                self._alarms += 1
                _log.warning("alarm: %s", alarm.value)
            case _ as unreachable:
                assert_never(unreachable)

    def _summary(self) -> Report:
        faults = sorted(self._lane.faults)
        return Report(
            phase=type(self._lane.phase).__name__.lower(),
            faults=tuple((part, self._why.get(part, _OWN_FAULTS.get(part, "failed"))) for part in faults),
            releases=self._releases,
            refusals=self._refusals,
            alarms=self._alarms,
            probes=self._probes,
        )


_OWN_FAULTS = {Part.PASSAGE: "the arms did not come back to rest in time"}
"""Faults that the lane finds out by itself."""


def _part_of(effect: Effect) -> Part:
    return Part.VISION if isinstance(effect, OpenEye | CloseEye) else Part.PINS
