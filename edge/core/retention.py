"""When a template whose consent has run out is destroyed, although any clock may lie.

Rule 1.  The calendar alone only suspends (`edge.core.consent.live`): what a wrong clock hides comes back when the clock
         is mended, what it erased would not.
Rule 2.  Erasing needs `ERASE_AFTER_S` of boot clock, during all of which the calendar stood past the expiry. The boot
         clock cannot be set, so a lying calendar must lie for a day, and raise rule 4's alarm, before it destroys.
Rule 3.  A calendar that falls back before the expiry takes back all the time that was watched for it.
Rule 4.  A calendar that moved more than `JUMP_S` against the boot clock since the last look has *jumped*: that is an
         alarm, and everything is watched anew from there.
Rule 5.  Boot clocks of two boots cannot be compared, so a watch begins again after a reboot, with the seconds that were
         noted before it: a gate that is switched off every night still erases.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from edge.core.values import ConsentId, Instant, WallTime

ERASE_AFTER_S = 24 * 3600.0
JUMP_S = 3600.0


@dataclass(frozen=True, slots=True)
class Watch:
    """Seconds of boot clock for which each consent was seen past its expiry; `at` is the last look of this boot."""

    watched_s: Mapping[ConsentId, float]
    at: tuple[Instant, WallTime] | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The watch as it goes on, the consents whose references must be erased now, and whether the calendar jumped."""

    watch: Watch
    due: frozenset[ConsentId]
    jumped: bool


def look(watch: Watch, expires: Mapping[ConsentId, WallTime], *, now: Instant, wall: WallTime) -> Look:
    """Count the time since the last look. `expires` are the consents that hold references here."""
    if not (math.isfinite(now) and math.isfinite(wall)):
        return Look(watch, frozenset(), jumped=True)
    elapsed_s, jumped = 0.0, False
    if watch.at is not None:
        elapsed_s = max(0.0, now - watch.at[0])
        jumped = abs((wall - watch.at[1]) - elapsed_s) > JUMP_S
    past = [consent for consent, until in expires.items() if wall >= until]
    if jumped:
        watched = dict.fromkeys(past, 0.0)
    else:
        watched = {c: watch.watched_s[c] + elapsed_s if c in watch.watched_s else 0.0 for c in past}
    due = frozenset(consent for consent, seconds in watched.items() if seconds >= ERASE_AFTER_S)
    return Look(Watch(watched, (now, wall)), due, jumped)
