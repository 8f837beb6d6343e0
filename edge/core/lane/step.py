"""The lane's only rule book: what we knew, plus what happened, gives what to do.

 1. The lane is shut unless it was released. Only a card or a face releases it; no message, time or healed part does.
 2. A release is one bounded pulse for one passage. It ends with the passage or with its time, whichever is first, and
    nothing else shortens it: neither a withdrawal nor a failing part ever locks a person in the arms. Whoever is in
    them when they started in time has `passage_max_s` to leave; a passage longer than that is an alarm and a fault.
 3. After a release the lane rests, so that one decision is never two passages.
 4. The eye opens on an intent and for one attempt only. It closes on a release, on a refusal, when the person walks
    away, when time is up, after `probes_max` comparisons, or when a part fails. What was seen in one attempt is worth
    nothing in the next.
 5. A face releases the lane when `agreeing` sightings of one track, in order, fresh, and within `window_s`, name the
    same consent, that consent is live at this instant, and no sighting of an attack, of a second person, of somebody
    else or of nobody known came between them. Presentation attack detection is a condition on top, never an
    alternative.
 6. A card is the equal of a face: it works while the camera, the vault or the model has failed, and while somebody
    is being looked at.
 7. A refused person steps away before the next attempt (no endless guessing). After a passage the next person may
    already be standing there, so the eye opens again by itself, but not for the consent that was just released: to
    stay in view does not hold the gate open for friends.
 8. A withdrawal counts from its event on: votes for that consent are gone, and the next release is refused.
 9. A failed part takes away what depends on it and nothing more: a face part leaves cards, a lane part leaves egress
    (which never depended on us). When it heals the lane goes on shut.
10. Time never runs backwards here, and what is due happens before the event that shows us how late it is.

`step` is total: what no rule names changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from edge.core.lane.effects import CloseEye, Effect, Hold, Lock, OpenEye, Raise, Refuse, Release, Show, Sign
from edge.core.lane.events import (
    Ambiguous,
    CardRead,
    ConsentChanged,
    Crowded,
    Event,
    FaceSeen,
    Failed,
    Healed,
    IntentBegan,
    IntentEnded,
    NotFit,
    NotRecognised,
    PassageBegan,
    PassageEnded,
    Recognised,
    Tick,
)
from edge.core.lane.policy import LanePolicy
from edge.core.lane.state import Idle, Lane, Looking, Passing, Released, Resting, Votes
from edge.core.values import (
    Alarm,
    AttemptId,
    CardId,
    ConsentId,
    Instant,
    Intent,
    Pad,
    Part,
    Refusal,
    Way,
)

Outcome = tuple[Lane, tuple[Effect, ...]]


def step(lane: Lane, event: Event, policy: LanePolicy) -> Outcome:
    """Return the lane after `event`, and what the shell must do, in this order. Pure and total."""
    at = max(event.at, lane.now)  # rule 10
    lane, due = _settle(replace(lane, now=at), policy)
    lane, then = _react(lane, event, at, policy)
    return lane, due + then


def deadline(lane: Lane) -> Instant | None:
    """The instant at which the lane wants a `Tick` if nothing else happens, or None."""
    return None if isinstance(lane.phase, Idle) else lane.phase.until


# Time ------------------------------------------------------------------------------------
def _settle(lane: Lane, policy: LanePolicy) -> Outcome:
    """Do what has fallen due, one phase after the other, each from its own deadline."""
    effects: tuple[Effect, ...] = ()
    while (due := deadline(lane)) is not None and due <= lane.now:
        lane, more = _expire(lane, due, policy)
        effects += more
    return lane, effects


def _expire(lane: Lane, due: Instant, policy: LanePolicy) -> Outcome:
    match lane.phase:
        case Looking(why=why, detail=detail):
            return _end_attempt(lane, why, detail)
        case Released():
            # Nobody came. Who stands there was let in once and did not go: they step away first.
            lane = replace(lane, phase=Resting(due + policy.rest_s), step_away=lane.present)
            return lane, (Lock("nobody passed"),)
        case Passing():
            lane = replace(lane, phase=Idle(), faults=lane.faults | {Part.PASSAGE}, step_away=lane.present)
            return lane, (Lock("passage held too long"), Raise(Alarm.HELD), Show(_sign(lane)))
        case Resting():
            lane = replace(lane, phase=Idle())
            if lane.present and not lane.step_away and not lane.face_off and not lane.shut_down:
                return _look(lane, due, Intent.PRESENCE, policy)  # rule 7: the next in the queue
            return lane, (Show(_sign(lane)),)
        case Idle():
            return lane, ()
        case _ as unreachable:
            assert_never(unreachable)


# Events ----------------------------------------------------------------------------------
def _react(lane: Lane, event: Event, at: Instant, policy: LanePolicy) -> Outcome:
    match event:
        case FaceSeen():
            return _face(lane, event, at, policy)
        case CardRead(card=card):
            return _card(lane, card, at, policy)
        case IntentBegan(source=source):
            return _intent(lane, source, at, policy)
        case IntentEnded():
            return _left(lane)
        case PassageBegan():
            return _entered(lane, at, policy)
        case PassageEnded():
            return _passed(lane, at, policy)
        case ConsentChanged(live=live):
            return _consent(lane, live)
        case Failed(part=part):
            return _failed(lane, part)
        case Healed(part=part):
            return _healed(lane, part)
        case Tick():
            return lane, ()
        case _ as unreachable:
            assert_never(unreachable)


def _intent(lane: Lane, source: Intent, at: Instant, policy: LanePolicy) -> Outcome:
    if source is Intent.PRESENCE:
        if lane.present:
            return lane, ()
        lane = replace(lane, present=True)
    if not isinstance(lane.phase, Idle):
        return lane, ()
    if lane.shut_down or lane.face_off:
        return replace(lane, step_away=lane.present), (Refuse(Way.FACE, _broken(lane)),)
    if lane.step_away:
        return lane, (Refuse(Way.FACE, Refusal.STEP_AWAY),)
    return _look(lane, at, source, policy)


def _left(lane: Lane) -> Outcome:
    lane = replace(lane, present=False, step_away=False, spent=None)
    match lane.phase:
        case Looking(attempt=attempt, intent=Intent.PRESENCE):
            lane = replace(lane, phase=Idle())
            return lane, (CloseEye(attempt), Show(_sign(lane)))
        case _:
            return lane, ()


def _face(lane: Lane, seen: FaceSeen, at: Instant, policy: LanePolicy) -> Outcome:
    phase = lane.phase
    if not isinstance(phase, Looking) or seen.attempt != phase.attempt:
        return lane, ()
    # A stopped and resumed `vision` would hand in old frames; a lying one the same frame again, or one from tomorrow.
    in_order = phase.newest < seen.captured_at <= at
    if not in_order or at - seen.captured_at > policy.sighting_age_max_s:
        return lane, ()
    phase = replace(phase, newest=seen.captured_at)
    not_live = seen.pad is Pad.ATTACK or (policy.pad_required and seen.pad is not Pad.BONA_FIDE)
    match seen.verdict:
        case NotFit(reason=reason):
            if phase.why is Refusal.NO_USABLE_FACE:
                phase = replace(phase, detail=reason.value)
            return replace(lane, phase=phase), ()
        case Crowded():
            return replace(lane, phase=_against(phase, Refusal.MORE_THAN_ONE, probes=0)), ()
        case _ if not_live:
            phase = _against(phase, Refusal.NOT_LIVE)
        case NotRecognised():
            phase = _against(phase, Refusal.NOT_RECOGNISED)
        case Ambiguous():
            phase = _against(phase, Refusal.AMBIGUOUS)
        case Recognised(consent=consent) if consent not in lane.live:
            phase = _against(phase, Refusal.NO_CONSENT)
        case Recognised(consent=consent) if consent == lane.spent:
            phase = _against(phase, Refusal.STEP_AWAY)
        case Recognised(consent=consent):
            votes = _vote(phase.votes, consent, seen, policy)
            if len(votes.captured) >= policy.agreeing:
                return _release(lane, Way.FACE, consent, at, policy)
            phase = replace(phase, votes=votes, probes=phase.probes + 1)
        case _ as unreachable:
            assert_never(unreachable)
    lane = replace(lane, phase=phase)
    if phase.probes >= policy.probes_max:
        return _end_attempt(lane, phase.why, phase.detail)
    return lane, ()


def _against(phase: Looking, why: Refusal, *, probes: int = 1) -> Looking:
    return replace(phase, votes=None, why=why, detail="", probes=phase.probes + probes)


def _vote(votes: Votes | None, consent: ConsentId, seen: FaceSeen, policy: LanePolicy) -> Votes:
    if votes is None or votes.consent != consent or votes.track != seen.track:
        return Votes(consent, seen.track, (seen.captured_at,))
    recent = tuple(t for t in votes.captured if seen.captured_at - t <= policy.window_s)
    return replace(votes, captured=(*recent, seen.captured_at))


def _card(lane: Lane, card: CardId | None, at: Instant, policy: LanePolicy) -> Outcome:
    if lane.shut_down:
        return lane, (Refuse(Way.CARD, Refusal.LANE_FAULT),)
    if isinstance(lane.phase, Released | Passing | Resting):
        return lane, (Refuse(Way.CARD, Refusal.BUSY),)
    if card is None:
        return lane, (Refuse(Way.CARD, Refusal.CARD_UNKNOWN),)
    return _release(lane, Way.CARD, card, at, policy)


def _entered(lane: Lane, at: Instant, policy: LanePolicy) -> Outcome:
    match lane.phase:
        case Released():
            until = at + policy.passage_max_s
            return replace(lane, phase=Passing(until)), (Hold(until),)
        case Passing():
            return lane, ()
        case _:
            return lane, (Raise(Alarm.FORCED),)


def _passed(lane: Lane, at: Instant, policy: LanePolicy) -> Outcome:
    lane, healed = _healed(lane, Part.PASSAGE)
    if isinstance(lane.phase, Passing):
        return replace(lane, phase=Resting(at + policy.rest_s)), (*healed, Lock("passed"))
    return lane, healed


def _consent(lane: Lane, live: frozenset[ConsentId]) -> Outcome:
    lane = replace(lane, live=live)
    match lane.phase:
        case Looking(votes=Votes(consent=consent)) as phase if consent not in live:
            return replace(lane, phase=_against(phase, Refusal.NO_CONSENT, probes=0)), ()
        case _:
            return lane, ()


def _failed(lane: Lane, part: Part) -> Outcome:
    if part in lane.faults:
        return lane, ()
    lane = replace(lane, faults=lane.faults | {part})
    match lane.phase:
        case Looking():
            return _end_attempt(lane, _broken(lane))
        case Idle():
            return lane, (Show(_sign(lane)),)
        case _:
            return lane, ()  # rule 2: the pulse that runs is left alone


def _healed(lane: Lane, part: Part) -> Outcome:
    if part not in lane.faults:
        return lane, ()
    lane = replace(lane, faults=lane.faults - {part})
    return lane, (Show(_sign(lane)),) if isinstance(lane.phase, Idle) else ()


# Moves -----------------------------------------------------------------------------------
def _look(lane: Lane, at: Instant, intent: Intent, policy: LanePolicy) -> Outcome:
    attempt = AttemptId(lane.attempts + 1)
    until = at + policy.attempt_s
    lane = replace(lane, attempts=attempt, phase=Looking(attempt, until, intent))
    return lane, (Show(Sign.LOOK_HERE), OpenEye(attempt, until, intent))


def _end_attempt(lane: Lane, why: Refusal, detail: str = "") -> Outcome:
    closing = _close_eye(lane)
    lane = replace(lane, phase=Idle(), step_away=lane.present)
    return lane, (*closing, Show(_sign(lane)), Refuse(Way.FACE, why, detail))


def _release(lane: Lane, way: Way, who: ConsentId | CardId, at: Instant, policy: LanePolicy) -> Outcome:
    closing = _close_eye(lane)
    until = at + policy.release_s
    spent = ConsentId(who) if way is Way.FACE and lane.present else None
    lane = replace(lane, phase=Released(way, who, until), spent=spent)
    return lane, (*closing, Release(way, who, until))


def _close_eye(lane: Lane) -> tuple[Effect, ...]:
    return (CloseEye(lane.phase.attempt),) if isinstance(lane.phase, Looking) else ()


def _broken(lane: Lane) -> Refusal:
    return Refusal.LANE_FAULT if lane.shut_down else Refusal.FACE_OFF


def _sign(lane: Lane) -> Sign:
    if lane.shut_down:
        return Sign.OUT_OF_ORDER
    return Sign.CARD_ONLY if lane.face_off else Sign.READY
