"""One connection to `gate`: orders in, sightings and health out.

Rule 1.  The eye opens for a `Look` or an `Examine` only, and closes at `Blind`, at the order's deadline, at the loss of
         the camera, or with the connection, whichever is first. Closing overwrites what was seen.
Rule 2.  Orders are read before every frame, and there is no queue of frames: what is looked at is the newest one.
Rule 3.  An examination for a reference goes before an attempt: the person who enrols stands in front of the presence
         sensor. The attempt goes on when it is done, if its time is not up.
Rule 4.  A frame that cannot be analysed is dropped, whatever was raised; `BROKEN_AFTER` of them in a row mean that the
         model is broken. It has healed when it passes its self-test, which needs no camera.
Rule 5.  What failed is said once, and once when it works again; the gate hears once a second that we live.
Rule 6.  No text that we send holds anything of a frame: of an unforeseen error only its type is said.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from edge.core.values import AttemptId, Instant, Part
from edge.errors import EdgeError, InputError, PartFailed
from edge.vision.eye import NO_ATTEMPT
from edge.vision.images import decode_image
from edge.wire.link import Link
from edge.wire.messages import (
    MAX_TEXT,
    PROTOCOL,
    Blind,
    Examine,
    Examined,
    GateHello,
    Look,
    Message,
    PartState,
    Probe,
    Sighting,
    VisionCounters,
    VisionHello,
    decode_to_vision,
    encode,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.ports import Clock, Frame
    from edge.vision.eye import Eye
    from edge.vision.lookout import Lookout
    from edge.vision.quality import Limits
    from edge.wire.link import Datagram

    Wait = Callable[[Link, float | None], Datagram | None]
    """How to wait for an order, as `Link.receive` does; tests wait without waiting."""

HELLO_S = 5.0
BEAT_S = 1.0
BROKEN_AFTER = 3
REFERENCE_FRAMES = 5
"""Captures of one track that make one reference from the camera: as many as the eye fuses."""
CROWD = "more than one person"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sight:
    """What the process sees with: it outlives the connections."""

    eye: Eye
    lookout: Lookout
    references: Limits
    """Stricter limits for captures that become references."""


class Session:
    """Run once, on one thread."""

    def __init__(
        self, link: Link, sight: Sight, clock: Clock, hello: VisionHello, *, wait: Wait = Link.receive
    ) -> None:
        self._link, self._clock, self._hello, self._wait = link, clock, hello, wait
        self._eye, self._lookout, self._references = sight.eye, sight.lookout, sight.references
        self._look: Look | None = None
        self._job: Examine | None = None
        self._since: Instant = 0.0
        self._why = ""
        self._beat: Instant = float("-inf")
        self._dropped = 0
        self._broken: str | None = None
        self._said: dict[Part, str] = {}

    def run(self, stopping: Callable[[], bool]) -> None:
        """Obey until the connection ends (`PartFailed`, `InputError`) or `stopping` says so, at most `BEAT_S` later."""
        try:
            self._send(self._hello)
            self._greet()
            while not stopping():
                self._turn()
        finally:
            self._look = self._job = None
            self._close()

    def _greet(self) -> None:
        datagram = self._wait(self._link, HELLO_S)
        if datagram is None:
            raise PartFailed("the gate did not say hello", hint="it hangs; restart it")
        with datagram:
            hello = decode_to_vision(datagram.data)
        if not isinstance(hello, GateHello) or hello.protocol != PROTOCOL:
            raise InputError(
                f"the gate does not speak protocol {PROTOCOL}", hint="restart all three processes after an upgrade"
            )

    def _turn(self) -> None:
        now = self._clock.now()
        self._expire(now)
        if now >= self._beat:
            self._beat = now + BEAT_S
            self._every_second()
        busy = self._wanted or self._lookout.probing
        datagram = self._wait(self._link, 0.0 if busy else max(0.0, self._beat - now))
        if datagram is not None:
            with datagram:
                self._obey(decode_to_vision(datagram.data), datagram.fds)
        elif self._wanted:
            self._watch()
        elif self._lookout.probing:
            self._lookout.probe()
        self._say_health()

    # Orders -------------------------------------------------------------------------------
    def _obey(self, order: GateHello | Look | Blind | Examine, fds: Sequence[int]) -> None:
        match order:
            case Look():
                self._look = order
                if self._job is None:
                    self._begin(AttemptId(order.attempt))
            case Blind():
                self._look = None
                self._rest()
            case Examine(count=0):
                self._job, self._why = order, "nobody came before the camera"
                self._begin(NO_ATTEMPT, self._references)
            case Examine():
                self._send(self._examined(order, fds))
                self._resume()
            case GateHello():
                raise InputError("the gate said hello twice", hint="restart it")
            case _ as unreachable:
                assert_never(unreachable)

    def _begin(self, attempt: AttemptId, limits: Limits | None = None) -> None:
        self._since = self._clock.now()
        self._eye.begin(attempt, limits)

    def _resume(self) -> None:
        """Go on with the attempt, or rest."""
        if self._look is not None and self._job is None:
            self._begin(AttemptId(self._look.attempt))
        else:
            self._rest()

    def _rest(self) -> None:
        if not self._wanted:
            self._close()

    def _close(self) -> None:
        self._lookout.rest()
        self._eye.forget()

    @property
    def _wanted(self) -> bool:
        return self._look is not None or self._job is not None

    def _expire(self, now: Instant) -> None:
        if self._look is not None and now >= self._look.until:
            self._look = None
            self._rest()
        if self._job is not None and now >= self._job.until:
            self._finish(self._job, None)

    # Frames -------------------------------------------------------------------------------
    def _watch(self) -> None:
        frame = self._lookout.frame()
        if frame is not None and frame.captured_at >= self._since:
            self._see(frame)
        elif self._lookout.lost:
            if self._job is not None:
                self._why = f"the camera failed: {self._lookout.fault}"
                self._finish(self._job, None)
            self._look = None
            self._close()

    def _see(self, frame: Frame) -> None:
        try:
            sighting = self._eye.see(frame)
        except Exception as error:  # noqa: BLE001 - rule 4: one bad frame must not blind the lane
            self._drop(error)
            return
        self._dropped = 0
        if self._job is None:
            self._send(sighting)
        else:
            self._collect(self._job, sighting)

    def _drop(self, error: Exception) -> None:
        said = _of(error)
        _log.warning("a frame was dropped: %s", said)
        self._dropped += 1
        if self._dropped >= BROKEN_AFTER:
            self._broken = f"{self._dropped} frames in a row could not be analysed: {said}"

    # References ---------------------------------------------------------------------------
    def _collect(self, job: Examine, sighting: Sighting) -> None:
        probe = sighting.probe
        if sighting.candidates > 1:
            self._why = CROWD
        elif sighting.unfit is not None:
            self._why = sighting.unfit.value
        elif probe is not None and probe.frames >= REFERENCE_FRAMES:
            self._finish(job, probe)

    def _finish(self, job: Examine, probe: Probe | None) -> None:
        probes, unfit = ((probe,), ()) if probe else ((), (self._why[:MAX_TEXT],))
        self._job = None
        self._send(Examined(job=job.job, probes=probes, unfit=unfit))
        self._resume()

    def _examined(self, order: Examine, fds: Sequence[int]) -> Examined:
        if len(fds) != order.count:
            raise InputError(f"{order.count} images were announced, {len(fds)} came", hint="the gate is out of step")
        probes: list[Probe] = []
        unfit: list[str] = []
        for number, fd in enumerate(fds, start=1):
            said = self._of_image(fd, f"image {number}") if self._clock.now() < order.until else "time was up"
            if isinstance(said, Probe):
                probes.append(said)
            else:
                unfit.append(f"image {number}: {said}"[:MAX_TEXT])
            self._count()  # large pictures take their time, and the gate listens for our heart
        return Examined(job=order.job, probes=tuple(probes), unfit=tuple(unfit))

    def _of_image(self, fd: int, name: str) -> Probe | str:
        try:
            image = decode_image(fd, name)
            try:
                return self._eye.examine(image, self._references)
            finally:
                image.fill(0)
        except Exception as error:  # noqa: BLE001 - rules 4 and 6, for pictures
            return _of(error)

    # Health -------------------------------------------------------------------------------
    def _every_second(self) -> None:
        self._count()
        if not self._wanted:
            self._lookout.check()
            if self._broken is not None:
                self._try_model()

    def _try_model(self) -> None:
        try:
            self._eye.self_test()
        except Exception as error:  # noqa: BLE001 - rule 4
            self._broken = f"the models do not pass their self-test: {_of(error)}"
        else:
            self._broken, self._dropped = None, 0

    def _count(self) -> None:
        eye = self._eye
        self._send(VisionCounters(eye.frames, eye.embeddings, self._wanted, eye.stage_us))

    def _say_health(self) -> None:
        for part, why in ((Part.CAMERA, self._lookout.fault), (Part.MODEL, self._broken)):
            if bool(why) != (part in self._said):
                self._send(PartState(part=part, ok=not why, why=(why or "")[:MAX_TEXT]))
                if why:
                    self._said[part] = why
                else:
                    del self._said[part]

    def _send(self, message: Message) -> None:
        self._link.send(encode(message))


def _of(error: Exception) -> str:
    return error.message if isinstance(error, EdgeError) else type(error).__name__
