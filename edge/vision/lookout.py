"""The camera, opened only when there is a reason, and its health.

Rule 1.  Closed is the normal state. A closed camera is only asked, once a second, whether it is there.
Rule 2.  A failure has to be seen to heal: `PROBE_EVERY_S` after one, the camera is opened for `PROBE_S`, and nothing
         but the brightness of its frames is looked at. No face is searched for, nothing is embedded.
Rule 3.  A camera that is covered, or stands in a lane without light, is a fault (`CameraWatch`: below 10 of 255 grey
         levels). A face in too little light in a lane that is lit is no fault but an unfit capture, and said to the
         person: *too dark*.
Rule 4.  Closing zeroes the camera's buffers (`edge.ports.Camera`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.errors import PartFailed
from edge.vision.cameras.watch import POLL_MAX_S, CameraWatch, Health, mean_luma

if TYPE_CHECKING:
    from edge.core.values import Instant
    from edge.ports import Camera, Clock, Frame

PROBE_EVERY_S = 2.0
PROBE_S = 0.9
"""Longer than the watch's time to heal and than its time to call darkness dark."""


class Lookout:
    """One camera over the life of the process; connections to the gate come and go."""

    def __init__(self, camera: Camera, clock: Clock, fps: int) -> None:
        self._camera, self._clock = camera, clock
        self._watch = CameraWatch(fps)
        self._open = False
        self._detail = ""
        self._probe_at: Instant = float("-inf")
        self._probe_until: Instant | None = None

    @property
    def fault(self) -> str | None:
        """Why the camera has failed, for the operator; None while it works."""
        match self._watch.health:
            case Health.OK:
                return None
            case Health.GONE:
                return self._detail or Health.GONE.value
            case health:
                return health.value

    @property
    def lost(self) -> bool:
        """Whether the device is gone: to wait for its next frame is in vain."""
        return self._watch.health is Health.GONE and not self._open

    @property
    def probing(self) -> bool:
        """Whether the camera is open only to see whether it has healed."""
        return self._probe_until is not None

    def frame(self) -> Frame | None:
        """The newest frame, opening the camera if need be; None if none came within `POLL_MAX_S`, or it has failed."""
        self._probe_until = None
        return self._newest()

    def rest(self) -> None:
        """Nobody wants to see any more: close. Resting twice is no error."""
        self._probe_until = None
        self._close()

    def check(self) -> None:
        """Once a second while nobody wants to see: is it there, and is it time to probe?"""
        if not self._camera.present():
            self._fail("")
        elif self.fault is not None and not self.probing and self._clock.now() >= self._probe_at:
            self._probe_until = self._clock.now() + PROBE_S

    def probe(self) -> None:
        """One step of a probe (rule 2): a glance at the brightness of the newest frame."""
        self._newest()
        if self._probe_until is not None and (self.fault is None or self._clock.now() >= self._probe_until):
            self._probe_at = self._clock.now() + PROBE_EVERY_S
            self.rest()

    def _newest(self) -> Frame | None:
        try:
            if not self._open:
                self._camera.open()
                self._open = True
                self._watch.opened(self._clock.now())
            frame = self._camera.newest(POLL_MAX_S)
        except PartFailed as error:
            self._fail(error.message)
            return None
        if frame is None:
            self._watch.nothing(self._clock.now())
        else:
            self._watch.saw(frame.captured_at, mean_luma(frame.image))
        return frame

    def _fail(self, detail: str) -> None:
        self._watch.gone(self._clock.now())
        self._detail = detail
        self._probe_at = self._clock.now() + PROBE_EVERY_S
        self.rest()

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._camera.close()
