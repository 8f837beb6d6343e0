"""The loop over the children: start, watch, restart, stop.

Rule 1.  Whoever ends is started again, after a pause (`edge.supervise.backoff`), and the others go on meanwhile.
Rule 2.  An exit code of `FINAL` is not answered by a restart: a refusal would only be repeated. If the child is
         essential, everything stops and its code is ours.
Rule 3.  Stopping: first all that are not essential (SIGTERM, and SIGKILL after `grace_s`), then, when they are gone,
         the essential ones: the gate locks the lane when nobody asks it any more. A second stop kills, if it comes
         `again_s` after the first: timeout(1) and some shells send the same signal twice.
Rule 4.  One thread, one `select`: a signal, a line and the end of a process are all descriptors. Nothing polls.
Rule 5.  However the loop ends, no child is left.
"""

from __future__ import annotations

import select
import selectors
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from edge.core.values import Instant
from edge.ports import Clock
from edge.supervise.backoff import Backoff
from edge.supervise.child import Child, Spec

FINAL = frozenset({2, 3, 5})
"""Exit codes (`edge.errors`) that a restart cannot change: usage, configuration, refused by a rule."""
GRACE_S = 5.0
AGAIN_S = 0.5
"""A person who means it needs longer for a second Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Said:
    """A child printed a line."""

    name: str
    line: str


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of a child: "running", "restarts in 0.5 s (exit 6)", "stopped"."""

    states: dict[str, str]


Report = Callable[[Said | Changed], None]


@dataclass(slots=True)
class _Place:
    """One child's place: there is a process in it, or a time to start one, or neither any more."""

    spec: Spec
    child: Child | None = None
    start_at: Instant | None = None
    kill_at: Instant | None = None
    failures: int = 0
    state: str = "not started"


class Supervisor:
    """`run` returns when everything has stopped; `stop` may be called from any thread or signal handler."""

    def __init__(
        self,
        specs: Sequence[Spec],
        *,
        clock: Clock,
        report: Report,
        backoff: Backoff | None = None,
        grace_s: float = GRACE_S,
        again_s: float = AGAIN_S,
    ) -> None:
        self._clock, self._report, self._grace_s, self._again_s = clock, report, grace_s, again_s
        self._backoff = backoff or Backoff()
        self._places = {spec.name: _Place(spec) for spec in specs}
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = socket.socketpair()
        self._wake.settimeout(0)  # a signal handler must not wait
        self._stopping_since: Instant | None = None
        self._kill = False
        self._code = 0

    def run(self) -> int:
        """Start everything, and keep it running until `stop`. Returns 0, or the code of rule 2."""
        self._selector.register(self._woken, selectors.EVENT_READ)
        with self._nobody_left():
            for place in self._places.values():
                self._start(place)
            self._tell()
            while any(place.child or place.start_at is not None for place in self._places.values()):
                self._turn()
        return self._code

    def stop(self) -> None:
        """Ask for an orderly end; asked twice, kill."""
        with suppress(OSError):  # full: it is awake already; closed: it has ended
            self._wake.send(b".")

    def pids(self) -> dict[str, int]:
        """The processes that run at this moment."""
        return {child.spec.name: child.pid for _, child in self._running()}

    def _turn(self) -> None:
        now = self._clock.now()
        due = [at for place in self._places.values() for at in (place.start_at, place.kill_at) if at is not None]
        ready = self._selector.select(max(0.0, min(due) - now) if due else None)
        for key, _ in ready:
            if key.fileobj is self._woken:
                self._woken.recv(64)
                self._asked_to_stop()
                continue
            place: _Place = key.data
            if place.child is not None and key.fd == place.child.output:
                self._pass_on(place.child)
            elif place.child is not None and key.fd == place.child.pidfd:
                self._ended(place, place.child)
        self._what_is_due(self._clock.now())

    def _what_is_due(self, now: Instant) -> None:
        for place in self._places.values():
            if place.start_at is not None and now >= place.start_at:
                self._start(place)
                self._tell()
            if place.kill_at is not None and now >= place.kill_at and place.child is not None:
                place.kill_at = None
                place.child.send(signal.SIGKILL)

    def _start(self, place: _Place) -> None:
        child = Child(place.spec, self._clock.now())
        place.child, place.start_at, place.state = child, None, "running"
        self._selector.register(child.output, selectors.EVENT_READ, place)
        self._selector.register(child.pidfd, selectors.EVENT_READ, place)

    def _pass_on(self, child: Child) -> None:
        for line in child.lines():
            self._report(Said(child.spec.name, line))
        if child.silent and child.output in self._selector.get_map():
            self._selector.unregister(child.output)

    def _ended(self, place: _Place, child: Child) -> None:
        self._pass_on(child)
        for fd in (child.output, child.pidfd):
            if fd in self._selector.get_map():
                self._selector.unregister(fd)
        code = child.reap()
        place.child = place.kill_at = None
        how = f"signal {-code}" if code < 0 else f"exit {code}"
        if self._stopping_since is not None:
            place.state = "stopped"
        elif code in FINAL:
            place.state = f"ended ({how}), not started again"
            if place.spec.essential:
                self._code = code
                self._asked_to_stop()
        else:
            now = self._clock.now()
            place.failures = self._backoff.failures(place.failures, now - child.started)
            pause_s = self._backoff.wait_s(place.failures)
            place.start_at, place.state = now + pause_s, f"restarts in {pause_s:g} s ({how})"
        self._tell()
        if self._stopping_since is not None:
            self._stop_the_next()

    def _asked_to_stop(self) -> None:
        now = self._clock.now()
        if self._stopping_since is None:
            self._stopping_since = now
        elif now - self._stopping_since >= self._again_s:
            self._kill = True
        for place in self._places.values():
            if place.start_at is not None:
                place.start_at, place.state = None, "stopped"
        self._stop_the_next()

    def _stop_the_next(self) -> None:
        """Signal those whose turn it is (rule 3)."""
        running = self._running()
        turn = [(place, child) for place, child in running if not child.spec.essential] or running
        for place, child in running if self._kill else turn:
            if self._kill:
                child.send(signal.SIGKILL)
            elif place.kill_at is None:
                place.kill_at = self._clock.now() + self._grace_s
                child.send(signal.SIGTERM)

    def _running(self) -> list[tuple[_Place, Child]]:
        # `pids` may be asked in another thread: each place is read once.
        return [(place, child) for place in self._places.values() if (child := place.child) is not None]

    def _tell(self) -> None:
        self._report(Changed({name: place.state for name, place in self._places.items()}))

    @contextmanager
    def _nobody_left(self) -> Iterator[None]:
        try:
            yield
        finally:
            left = self._running()
            for _, child in left:  # only after an exception: the orderly way leaves none
                child.send(signal.SIGTERM if child.spec.essential else signal.SIGKILL)
            for place, child in left:
                select.select([child.pidfd], [], [], self._grace_s)
                child.send(signal.SIGKILL)
                child.reap()
                place.child = None
            self._selector.close()
            self._woken.close()
            self._wake.close()
