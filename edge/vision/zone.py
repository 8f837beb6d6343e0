"""Who stands at the gate: which of the faces in a frame are candidates for a release. Pure.

Rule 1.  A face whose centre lies in the zone is a candidate, however small it is: whoever wants to slip through behind
         somebody stands there.
Rule 2.  A face beside the zone is a candidate too if it is nearly as large as the largest one inside: it is as near,
         and one step away. Only a much smaller one (`BACKGROUND`) is background.
Rule 3.  Without a face in the zone nobody is a candidate.

More than one candidate is a crowd, and a crowd is never embedded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BACKGROUND = 0.6
"""A face beside the zone below this fraction of the largest one inside stands at least 1.7 times as far away."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a face is and how large, in frame pixels."""

    x: float
    y: float
    side_px: float


@dataclass(frozen=True, slots=True)
class Zone:
    """A rectangle in fractions of the frame (`edge.config.schema.Camera.zone`); its borders belong to it."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, place: Place, height: int, width: int) -> bool:
        """Whether the centre of `place` lies inside, for a frame of `height` x `width` pixels."""
        # Pixel centres are whole numbers: pixel 0 spans [-0.5, 0.5] (`edge.vision.geometry`).
        x, y = (place.x + 0.5) / width, (place.y + 0.5) / height
        return self.left <= x <= self.right and self.top <= y <= self.bottom


WHOLE_FRAME = Zone(0.0, 0.0, 1.0, 1.0)


def candidates(faces: Sequence[T], place: Callable[[T], Place], zone: Zone, height: int, width: int) -> tuple[T, ...]:
    """The candidates among `faces`, those inside the zone first, each group in the order given."""
    inside = [face for face in faces if zone.holds(place(face), height, width)]
    largest = max((place(face).side_px for face in inside), default=float("inf"))
    beside = [
        face
        for face in faces
        if not zone.holds(place(face), height, width) and place(face).side_px >= BACKGROUND * largest
    ]
    return (*inside, *beside)
