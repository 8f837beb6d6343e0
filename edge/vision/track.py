"""One face followed through consecutive frames. Pure.

Rule 1.  A face is the same as in the frame before if its box overlaps the old one, the frames are close in time, and
         its embedding is like the track's. Anything else begins a new track with a new number.
Rule 2.  So a face that is exchanged inside a track (a photograph lifted before the face, a second person who steps in)
         never inherits what was counted for the one before: the gate counts agreeing captures by track.
Rule 3.  Numbers are never used twice while the process lives, also not across attempts.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.values import Instant, TrackId

if TYPE_CHECKING:
    from edge.vision.zone import Place

MIN_OVERLAP = 0.35
"""Intersection over union of two boxes in consecutive frames. Somebody who walks at 1.4 m/s towards a camera at ten
frames a second stays above 0.5."""
MAX_GAP_S = 0.5
"""Without a sight of the face for longer, whoever is there now may be somebody else."""


@dataclass(frozen=True, slots=True)
class _Seen:
    place: Place
    at: Instant


class Tracker:
    """Follows the one candidate; a crowd or an empty zone ends the track by time or by `lose`."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._last: _Seen | None = None
        self.track: TrackId | None = None
        """The track of the face that was seen last, or None."""

    def follow(self, place: Place, at: Instant) -> TrackId:
        """The track of a face at `place`, seen at `at`: the present one or a new one."""
        if self._last is None or at - self._last.at > MAX_GAP_S or overlap(self._last.place, place) < MIN_OVERLAP:
            self.track = None
        self._last = _Seen(place, at)
        return self.track if self.track is not None else self.restart()

    def restart(self) -> TrackId:
        """Begin a new track where the present one is: it is another face (rule 2)."""
        self.track = TrackId(next(self._numbers))
        return self.track

    def lose(self) -> None:
        """End the track: a crowd, or the end of the attempt."""
        self._last = self.track = None


def overlap(one: Place, other: Place) -> float:
    """Intersection over union of two squares, upright; 0 for what is not a number."""
    reach = (one.side_px + other.side_px) / 2
    common = 1.0
    for apart in (abs(one.x - other.x), abs(one.y - other.y)):
        common *= max(0.0, min(reach - apart, one.side_px, other.side_px))
    union = one.side_px**2 + other.side_px**2 - common
    return common / union if union > 0 else 0.0
