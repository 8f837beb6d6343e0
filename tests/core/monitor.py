"""A witness who watches the lane from outside and knows the rules of `edge.core.lane.step`, not its code.

It sees only events and effects, keeps its own books, and raises `RuleBroken` with the number of the rule. The same
witness judges the real `step` and every mutant of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.core.lane import (
    CardRead,
    CloseEye,
    ConsentChanged,
    Crowded,
    Effect,
    Event,
    FaceSeen,
    Failed,
    Healed,
    Hold,
    IntentBegan,
    IntentEnded,
    LanePolicy,
    Lock,
    NotFit,
    OpenEye,
    PassageBegan,
    PassageEnded,
    Raise,
    Recognised,
    Refuse,
    Release,
    Tick,
)
from edge.core.values import FACE_PARTS, LANE_PARTS, Alarm, Intent, Pad, Part, Way


class RuleBroken(AssertionError):
    def __init__(self, rule: int, what: str) -> None:
        super().__init__(f"rule {rule}: {what}")
        self.rule = rule


def demand(rule: int, holds: bool, what: str) -> None:
    if not holds:
        raise RuleBroken(rule, what)


@dataclass
class Attempt:
    number: int
    began: float
    intent: Intent
    until: float
    compared: int = 0
    newest: float = float("-inf")
    votes: list[tuple[str, int, float]] = field(default_factory=list)


@dataclass
class Witness:
    policy: LanePolicy
    now: float = float("-inf")
    relay_until: float | None = None
    in_arms: bool = False
    locked_at: float = float("-inf")
    attempt: Attempt | None = None
    attempts: int = 0
    live: frozenset[str] = frozenset()
    faults: set[Part] = field(default_factory=set)
    broken_before: bool = False
    booked_refusal: bool = False
    present: bool = False
    must_step_away: bool = False
    spent: str | None = None
    releases: int = 0

    # One step ------------------------------------------------------------------------
    def saw(self, event: Event, effects: tuple[Effect, ...]) -> None:
        self.now = max(self.now, event.at)
        relay_before = self.relay_until
        self._due(event, effects)
        wanted = self._expected_release(event)
        self.broken_before = bool(self.faults & (FACE_PARTS | LANE_PARTS))
        self._learn(event)
        for effect in effects:
            self._did(event, effect)
        released = any(isinstance(e, Release) for e in effects)
        if wanted is not None:
            demand(wanted, released, "a rightful release did not come")
        elif isinstance(event, FaceSeen):
            demand(5, not released, "a face released the lane without enough agreeing sightings")
        if isinstance(event, Tick | Healed | ConsentChanged | Failed | IntentBegan | IntentEnded):
            demand(1, not released, f"{type(event).__name__} released the lane")
        if self.relay_until is not None:
            demand(2, self.now < self.relay_until, "the pulse has no end")
        if self.attempt is not None:
            demand(4, self.now < self.attempt.until, "the eye stayed open past its deadline")
            demand(4, self.attempt.compared < self.policy.probes_max, "too many comparisons in one attempt")
            demand(9, not self.faults & FACE_PARTS, "the eye is open while a face part is broken")
        if isinstance(event, PassageEnded) and relay_before is not None and self.now < relay_before and self.in_arms:
            demand(2, self.relay_until is None, "the passage is over and the lane is still free")
            self.in_arms = False
        if isinstance(event, IntentEnded) and self.attempt is not None:
            demand(4, self.attempt.intent is not Intent.PRESENCE, "the person left and the eye is still open")

    # What time alone must have done -----------------------------------------------------
    def _due(self, event: Event, effects: tuple[Effect, ...]) -> None:
        if self.relay_until is not None and self.now >= self.relay_until:
            demand(2, any(isinstance(e, Lock) for e in effects), "the pulse was not ended in time")
            if self.in_arms:
                demand(2, Raise(Alarm.HELD) in effects, "a held passage raised no alarm")
                self.faults.add(Part.PASSAGE)
                self.locked_at = float("-inf")
            else:
                self.locked_at = self.relay_until
            # The witness notes the due lock here, so that the event itself meets a shut lane.
            self.must_step_away = self.present
            self.relay_until, self.in_arms = None, False
        elif self.attempt is not None and self.now >= self.attempt.until:
            demand(4, CloseEye(self.attempt.number) in effects, "the attempt did not end in time")  # type: ignore[arg-type]
            self.must_step_away = self.present
            self.attempt, self.booked_refusal = None, True

    # What this event entitles to ----------------------------------------------------------
    def _expected_release(self, event: Event) -> int | None:
        """Number of the rule by which this event must release, or None if it must not."""
        resting = self.now < self.locked_at + self.policy.rest_s
        if self.relay_until is not None or resting or self.faults & LANE_PARTS:
            return None
        match event:
            case CardRead(card=str()):
                return 6
            case FaceSeen() if self._entitled(event):
                return 5
            case _:
                return None

    def _entitled(self, seen: FaceSeen) -> bool:
        attempt = self.attempt
        if attempt is None or seen.attempt != attempt.number:
            return False
        fresh = attempt.newest < seen.captured_at <= self.now
        if not fresh or self.now - seen.captured_at > self.policy.sighting_age_max_s:
            return False
        attempt.newest = seen.captured_at
        if isinstance(seen.verdict, NotFit):
            return False
        if isinstance(seen.verdict, Crowded):
            attempt.votes.clear()
            return False
        attempt.compared += 1
        live_face = seen.pad is Pad.BONA_FIDE or (seen.pad is Pad.NOT_DONE and not self.policy.pad_required)
        match seen.verdict:
            case Recognised(consent=consent) if live_face and consent in self.live and consent != self.spent:
                if attempt.votes and attempt.votes[-1][:2] != (consent, seen.track):
                    attempt.votes.clear()
                attempt.votes.append((consent, seen.track, seen.captured_at))
            case _:
                attempt.votes.clear()
        recent = [v for v in attempt.votes if seen.captured_at - v[2] <= self.policy.window_s]
        return len(recent) >= self.policy.agreeing

    # Books ------------------------------------------------------------------------------
    def _learn(self, event: Event) -> None:
        match event:
            case ConsentChanged(live=live):
                self.live = frozenset(live)
                if self.attempt and self.attempt.votes and self.attempt.votes[-1][0] not in live:
                    self.attempt.votes.clear()
            case Failed(part=part):
                self.faults.add(part)
            case Healed(part=part):
                self.faults.discard(part)
            case PassageEnded():
                self.faults.discard(Part.PASSAGE)
            case IntentBegan(source=Intent.PRESENCE):
                self.present = True
            case IntentEnded():
                self.present, self.must_step_away, self.spent = False, False, None
            case _:
                pass

    # Effects ------------------------------------------------------------------------------
    def _did(self, event: Event, effect: Effect) -> None:
        match effect:
            case Release(way=way, who=who, until=until):
                self._released(event, way, who, until)
            case Hold(until=until):
                demand(2, isinstance(event, PassageBegan), "held without a passage")
                demand(2, self.relay_until is not None, "a shut lane was held open")
                demand(2, until == self.now + self.policy.passage_max_s, "the hold has another length")
                self.relay_until, self.in_arms = until, True
            case Lock():
                self._locked(event)
            case OpenEye(attempt=attempt, until=until, intent=intent):
                self._opened(event, int(attempt), until, intent)
            case CloseEye(attempt=attempt):
                if self.attempt is not None:
                    demand(4, self.attempt.number == attempt, "another attempt was closed")
                self.attempt = None
            case Refuse(way=Way.FACE) if self.booked_refusal:
                self.booked_refusal = False  # of the attempt that fell due before this event
            case Refuse(way=Way.FACE):
                self.must_step_away = self.present
            case _:
                pass

    def _released(self, event: Event, way: Way, who: str, until: float) -> None:
        demand(2, self.relay_until is None, "released twice")
        demand(3, self.now >= self.locked_at + self.policy.rest_s, "released before the rest was over")
        demand(9, not self.faults & LANE_PARTS, "released with a broken lane")
        demand(10, until == self.now + self.policy.release_s, "the pulse has another length")
        match event:
            case CardRead(card=card):
                demand(1, way is Way.CARD and card == who, "released for another card")
            case FaceSeen(verdict=Recognised(consent=consent)):
                demand(1, way is Way.FACE and consent == who, "released for another face")
                demand(8, consent in self.live, "released without consent")
                demand(9, not self.faults & FACE_PARTS, "released by face while a face part is broken")
                demand(7, self.spent is None or consent != self.spent, "reopened for whoever stayed in view")
            case _:
                demand(1, False, f"{type(event).__name__} released the lane")
        self.relay_until, self.in_arms = until, False
        self.spent = who if way is Way.FACE and self.present else None
        self.releases += 1

    def _locked(self, event: Event) -> None:
        if self.relay_until is None:  # already booked by `_due`
            return
        ended = isinstance(event, PassageEnded) and self.in_arms
        demand(2, ended, f"{type(event).__name__} locked before the pulse was over")
        self.locked_at, self.relay_until = self.now, None

    def _opened(self, event: Event, attempt: int, until: float, intent: Intent) -> None:
        demand(4, attempt > self.attempts, "an attempt was numbered twice")
        demand(4, self.attempt is None, "two eyes are open")
        demand(4, self.present or isinstance(event, IntentBegan | IntentEnded), "the eye opened without an intent")
        demand(7, not self.must_step_away or not self.present, "the eye opened again before they stepped away")
        demand(9, not self.broken_before, "the eye opened while a part is broken")
        demand(4, until <= self.now + self.policy.attempt_s, "the attempt is too long")
        demand(2, self.relay_until is None, "the eye opened while the lane was free")
        self.attempts = attempt
        self.attempt = Attempt(attempt, self.now, intent, until)
        if self.now >= until:
            self.attempt = None
