"""The link to `vision`: orders out, sightings in, and no trust in between (threats, 24).

Rule 1.  An eye is used only after its hello was admitted: our protocol, the model of our references, and on a
         commissioned gate a real camera. Until then, and from the end of its connection on, `vision` is failed.
Rule 2.  It may say `MAX_MESSAGES_PER_S` messages a second; more ends the connection. Of its sightings
         `MAX_SIGHTINGS_PER_S` are looked at; more are dropped and counted. Both are far above what a camera gives.
Rule 3.  It speaks for its own parts (`ITS_PARTS`) and for no other: no eye can say that the pins failed.
Rule 4.  It says once a second that it lives (`VisionCounters`). Silence of `SILENCE_S` is a failure, and ends the
         connection, so that a hung eye does not keep a new one out.
Rule 5.  One examination for an enrolment runs at a time. Descriptors of images pass through unread.
Rule 6.  An order that the eye does not take ends the connection: an eye that does not hear "blind" is not used further.
Rule 7.  Its free texts are cut and stripped of everything that could move a terminal's cursor, and never go to `sync`.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from edge.core.values import AttemptId, Instant, Intent, Part
from edge.errors import InputError, PartFailed, Refused
from edge.gate.budget import Budget
from edge.gate.inbox import Fault, Inbox, Mended, Seen
from edge.gate.one_peer import OnePeer
from edge.ports import Clock
from edge.wire.link import Link, Listener
from edge.wire.messages import (
    Blind,
    Examine,
    Examined,
    GateHello,
    Look,
    Message,
    PartState,
    Sighting,
    VisionCounters,
    VisionHello,
    VisionToGate,
    decode_from_vision,
    encode,
)

HELLO_S = 5.0
SILENCE_S = 3.0
MAX_MESSAGES_PER_S = 300
MAX_SIGHTINGS_PER_S = 60
ITS_PARTS = frozenset({Part.CAMERA, Part.MODEL})
ANSWER_GRACE_S = 1.0
"""How much longer than its own deadline an examination may take to come back."""
_RESTART = "it is restarted by itself; if it stays so, see its messages"


@dataclass(frozen=True, slots=True)
class EyeReport:
    """What `status` may know of the eye. `hello` is None while nobody is admitted."""

    hello: VisionHello | None = None
    frames: int = 0
    embeddings: int = 0
    throttled: int = 0


@dataclass(slots=True)
class _Job:
    number: int
    answer: Examined | None = None
    done: threading.Event = field(default_factory=threading.Event)


class EyeLink:
    """Implements `edge.gate.loop.Eye`. `admit` raises for a hello that must not be used."""

    def __init__(
        self,
        listener: Listener,
        hello: GateHello,
        admit: Callable[[VisionHello], None],
        inbox: Inbox,
        clock: Clock,
        *,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._admit, self._inbox, self._clock, self._silence_s = admit, inbox, clock, silence_s
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._disowned = ""
        self._throttled = 0
        self._numbers = itertools.count(1)
        self._one_job = threading.Lock()
        self._job: _Job | None = None
        self.report = EyeReport()
        self._place = OnePeer("vision", listener, hello, self._session, self._ended)

    def start(self) -> None:
        """Begin to accept."""
        self._place.start()

    def close(self) -> None:
        """End the connection and the socket."""
        self._place.close()
        self._forget()

    # Orders -------------------------------------------------------------------------------
    def look(self, attempt: AttemptId, until: Instant, intent: Intent) -> None:
        """Open the eye. Raises `PartFailed` (rule 6)."""
        self._order(Look(attempt=attempt, until=until, intent=intent))

    def blind(self, attempt: AttemptId) -> None:
        """Close the eye. Raises `PartFailed` (rule 6)."""
        self._order(Blind(attempt=attempt))

    def disown(self, why: str) -> None:
        """End this connection for what the eye said."""
        self._disowned = self._disowned or why  # the first reason is the reason
        self._place.send_away()

    def examine(self, fds: Sequence[int], for_s: float) -> Examined:
        """A reference capture from the open images `fds`, or from the camera if there are none (rule 5).

        Waits for the answer, so never call it from the decision thread. Raises `Refused` while another examination
        runs, `PartFailed` when the eye is gone or does not answer in time, `InputError` for an impossible answer.
        """
        if not self._one_job.acquire(blocking=False):
            raise Refused("an enrolment is already running", hint="wait until it is done, then try again")
        try:
            self._job = job = _Job(next(self._numbers))
            self._order(Examine(job=job.number, count=len(fds), until=self._clock.now() + for_s), fds)
            if not job.done.wait(for_s + ANSWER_GRACE_S):
                raise PartFailed(f"vision gave no reference capture within {for_s:g} s", hint=_RESTART)
            if job.answer is None:
                raise PartFailed("vision was lost in the middle of an enrolment", hint="try again; nothing was kept")
            if fds and len(job.answer.probes) > len(fds):
                raise InputError("vision made more captures than there were images", hint=_RESTART)
            return job.answer
        finally:
            self._job = None
            self._one_job.release()

    def _order(self, order: Message, fds: Sequence[int] = ()) -> None:
        with self._lock:
            if self._link is None:
                raise PartFailed("vision is not connected", hint=_RESTART)
            try:
                self._link.send(encode(order), fds)
            except PartFailed as error:
                failure = error
            else:
                return
        self.disown(failure.message)
        raise failure

    # What comes in ------------------------------------------------------------------------
    def _session(self, link: Link) -> None:
        hello = self._greeting(link)
        self._admit(hello)
        with self._lock:
            self._link, self._disowned = link, ""
        self.report = EyeReport(hello=hello, throttled=self._throttled)
        for part in (Part.VISION, *sorted(ITS_PARTS)):
            self._inbox.put(Mended(part))  # a new eye says anew what ails it
        self._hear_all(link, hello)

    def _greeting(self, link: Link) -> VisionHello:
        datagram = link.receive(HELLO_S)
        if datagram is None:
            raise PartFailed("somebody connected as vision and did not say hello", hint=_RESTART)
        with datagram:
            hello = decode_from_vision(datagram.data)
        if not isinstance(hello, VisionHello):
            raise InputError("vision did not begin with its hello", hint=_RESTART)
        return hello

    def _hear_all(self, link: Link, hello: VisionHello) -> None:
        alive_at = self._clock.now()
        messages = Budget(MAX_MESSAGES_PER_S, alive_at)
        sightings = Budget(MAX_SIGHTINGS_PER_S, alive_at)
        while True:
            datagram = link.receive(max(0.0, alive_at + self._silence_s - self._clock.now()))
            if datagram is None:
                raise PartFailed(f"vision has been silent for {self._silence_s:g} s", hint=_RESTART)
            now = self._clock.now()
            with datagram:
                if not messages.spend(now):
                    raise InputError(f"vision sends more than {MAX_MESSAGES_PER_S} messages a second", hint=_RESTART)
                message = decode_from_vision(datagram.data)
            if isinstance(message, Sighting) and not sightings.spend(now):
                self._throttled += 1
                continue
            if isinstance(message, VisionCounters):
                alive_at = now
            self._hear(message, hello)

    def _hear(self, message: VisionToGate, hello: VisionHello) -> None:
        match message:
            case Sighting():
                self._inbox.offer(Seen(message, hello.embedder_sha256))
            case PartState(part=part, ok=ok, why=why):
                if part not in ITS_PARTS:
                    raise InputError(f"vision speaks for the part {part.value!r}, which is not its own", hint=_RESTART)
                self._inbox.put(Mended(part) if ok else Fault(part, printable(why)))
            case VisionCounters(frames=frames, embeddings=embeddings):
                self.report = EyeReport(hello, frames, embeddings, self._throttled)
            case Examined(job=number):
                job = self._job
                if job is not None and job.number == number:
                    job.answer = message
                    job.done.set()
            case VisionHello():
                raise InputError("vision said hello twice", hint=_RESTART)
            case _ as unreachable:
                assert_never(unreachable)

    def _ended(self, why: str) -> None:
        why = self._disowned or why
        self._forget()
        self._inbox.put(Fault(Part.VISION, why))

    def _forget(self) -> None:
        with self._lock:
            self._link = None
        self.report = EyeReport(throttled=self._throttled)
        job = self._job
        if job is not None:
            job.done.set()


def printable(text: str) -> str:
    """`text` without anything that could move a cursor or fake a line of a log."""
    return "".join(char if char.isprintable() else "?" for char in text)
