"""One lane for each way to break a rule: the line as it stands in `step.py`, and the line as it must never stand."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    rule: int
    name: str
    old: str
    new: str


MUTANTS = [
    Mutant(
        1,
        "a healed part releases",
        "return lane, (Show(_sign(lane)),) if isinstance(lane.phase, Idle) else ()",
        'return _release(lane, Way.CARD, CardId("x"), lane.now, LanePolicy())',
    ),
    Mutant(
        1,
        "an unknown card releases",
        "return lane, (Refuse(Way.CARD, Refusal.CARD_UNKNOWN),)",
        'return _release(lane, Way.CARD, CardId("x"), at, policy)',
    ),
    Mutant(2, "the pulse never ends", "due <= lane.now:", "due <= lane.now - 1e9:"),
    Mutant(
        2,
        "a failing part cuts the pulse",
        "return lane, ()  # rule 2: the pulse that runs is left alone",
        'return replace(lane, phase=Idle()), (Lock("failed"),)',
    ),
    Mutant(
        2,
        "a withdrawal locks a person in",
        "            return replace(lane, phase=_against(phase, Refusal.NO_CONSENT, probes=0)), ()\n        case _:\n"
        "            return lane, ()",
        "            return replace(lane, phase=_against(phase, Refusal.NO_CONSENT, probes=0)), ()\n"
        "        case Passing():\n"
        '            return replace(lane, phase=Idle()), (Lock("withdrawn"),)\n        case _:\n'
        "            return lane, ()",
    ),
    Mutant(2, "a second card during a release", "isinstance(lane.phase, Released | Passing | Resting)", "False"),
    Mutant(
        2,
        "a held passage is no alarm",
        'Lock("passage held too long"), Raise(Alarm.HELD), ',
        'Lock("passage held too long"), ',
    ),
    Mutant(2, "the end of a passage leaves the lane free", '(*healed, Lock("passed"))', "healed"),
    Mutant(3, "no rest after a passage", "phase=Resting(at + policy.rest_s)", "phase=Resting(at)"),
    Mutant(3, "no rest after a pulse", "phase=Resting(due + policy.rest_s)", "phase=Resting(due)"),
    Mutant(
        4, "walking away leaves the eye open", "return lane, (CloseEye(attempt), Show(_sign(lane)))", "return lane, ()"
    ),
    Mutant(4, "no bound on comparisons", "if phase.probes >= policy.probes_max:", "if phase.probes >= 10**9:"),
    Mutant(5, "sightings of another attempt count", "or seen.attempt != phase.attempt", ""),
    Mutant(5, "one sighting less", ">= policy.agreeing:", ">= policy.agreeing - 1:"),
    Mutant(5, "one sighting more", ">= policy.agreeing:", "> policy.agreeing:"),
    Mutant(5, "another track counts", " or votes.track != seen.track", ""),
    Mutant(5, "another person counts", "votes.consent != consent or ", ""),
    Mutant(5, "old sightings count", "if seen.captured_at - t <= policy.window_s)", ")"),
    Mutant(5, "the same frame counts twice", "phase.newest < seen.captured_at <= at", "seen.captured_at <= at"),
    Mutant(5, "frames from tomorrow count", "phase.newest < seen.captured_at <= at", "phase.newest < seen.captured_at"),
    Mutant(
        5,
        "stale frames count",
        "if not in_order or at - seen.captured_at > policy.sighting_age_max_s:",
        "if not in_order:",
    ),
    Mutant(5, "an attack is only a hint", "not_live = seen.pad is Pad.ATTACK or (", "not_live = ("),
    Mutant(
        5,
        "liveness is not asked for",
        "(policy.pad_required and seen.pad is not Pad.BONA_FIDE)",
        "False",
    ),
    Mutant(5, "a crowd does not matter", "_against(phase, Refusal.MORE_THAN_ONE, probes=0)", "phase"),
    Mutant(
        5,
        "a stranger between does not matter",
        "phase = _against(phase, Refusal.NOT_RECOGNISED)",
        "phase = replace(phase, probes=phase.probes + 1)",
    ),
    Mutant(
        6,
        "a camera fault takes the cards",
        "    if lane.shut_down:\n        return lane, (Refuse(Way.CARD",
        "    if lane.shut_down or lane.face_off:\n        return lane, (Refuse(Way.CARD",
    ),
    Mutant(
        7,
        "endless guessing",
        "lane = replace(lane, phase=Idle(), step_away=lane.present)\n    return lane, (*closing",
        "lane = replace(lane, phase=Idle())\n    return lane, (*closing",
    ),
    Mutant(
        7,
        "stay in view, let friends in",
        "spent = ConsentId(who) if way is Way.FACE and lane.present else None",
        "spent = None",
    ),
    Mutant(
        8,
        "consent is not asked for",
        "if consent not in lane.live:",
        "if False:",
    ),
    Mutant(
        8,
        "votes survive a withdrawal",
        "        case Looking(votes=Votes(consent=consent)) as phase if consent not in live:",
        "        case Looking(votes=Votes(consent=consent)) as phase if False:",
    ),
    Mutant(
        9,
        "the eye opens on a broken camera",
        "if lane.shut_down or lane.face_off:\n        return replace",
        "if lane.shut_down:\n        return replace",
    ),
    Mutant(9, "a broken camera keeps looking", "return _end_attempt(lane, _broken(lane))", "return lane, ()"),
    Mutant(
        9,
        "a broken lane opens for cards",
        "    if lane.shut_down:\n        return lane, (Refuse(Way.CARD",
        "    if False:\n        return lane, (Refuse(Way.CARD",
    ),
    Mutant(10, "time runs backwards", "at = max(event.at, lane.now)", "at = event.at"),
    Mutant(
        10,
        "late is never noticed",
        "lane, due = _settle(replace(lane, now=at), policy)",
        "lane, due = replace(lane, now=at), ()",
    ),
]
