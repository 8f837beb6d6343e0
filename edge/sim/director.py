"""Plays a lane from outside: says what the camera sees and who stands where, and reads what the pins did.

Rule 1.  The director knows the lane only through the simulated parts; what it learns is what a passer-by would see.
Rule 2.  Reports are read as they come, by a thread, because a Unix socket holds only about ten of them
         (net.unix.max_dgram_qlen) and the pins wait for nobody.
Rule 3.  `wait_for` looks at the report that stood when the last cue was given, and at all that came after it. Who wants
         only what is new compares `Moved.at` with an instant of their own.
"""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.errors import InputError, NotRunning, PartFailed, ShownOtherwise
from edge.sim.server import BoundSocket
from edge.sim.stage import (
    CAMERA_SOCKET,
    CARDS_SOCKET,
    PINS_SOCKET,
    Cue,
    Moved,
    PresentCard,
    Scene,
    Sense,
    Watch,
    decode_moved,
    encode,
)

SEND_WAIT_S = 2.0
"""How long a part may take to read its cues before it counts as hanging."""
MAX_REPORTS = 10_000
"""Remembered for `wait_for`; older ones are forgotten."""
_CLOSE_WAIT_S = 2.0
_numbers = itertools.count()


class Director:
    """A context manager. Methods may be called from several threads."""

    def __init__(self, stage: Path) -> None:
        self._stage = stage
        self._audience: _Audience | None = None
        self._lock = threading.Lock()

    def scene(self, scene: Scene) -> None:
        """Let the camera see this from its next frame on. Raises `NotRunning`, `PartFailed`."""
        self._cue(CAMERA_SOCKET, scene)

    def sense(self, *, presence: bool | None = None, button: bool | None = None, passage: bool | None = None) -> None:
        """Set the levels of inputs; None leaves one as it is. Raises `NotRunning`, `PartFailed`."""
        self._cue(PINS_SOCKET, Sense(presence=presence, button=button, passage=passage))

    def card(self, number: str) -> None:
        """Hold a card to the reader. Raises `NotRunning`, `PartFailed`."""
        self._cue(CARDS_SOCKET, PresentCard(number=number))

    def watch(self) -> Iterator[Moved]:
        """What the pins show, beginning with the present state, until the director is closed.

        The pins report from this call on, not from the first `next`. Call it again after the gate was restarted.
        Raises `NotRunning`, `PartFailed`.
        """
        audience = self._seated()
        reports = audience.reports()
        audience.ask(self._stage / PINS_SOCKET)
        return reports

    def wait_for(self, predicate: Callable[[Moved], bool], timeout_s: float) -> Moved:
        """The first report that satisfies `predicate` (rule 3). A later call without a cue goes on from there.

        Raises `ShownOtherwise` with the last report when none came within `timeout_s`; `NotRunning`, `PartFailed`.
        """
        audience = self._seated()
        if not audience.asked:
            audience.ask(self._stage / PINS_SOCKET)
        return audience.wait_for(predicate, timeout_s)

    def close(self) -> None:
        """Stop to watch. Closing twice is no error."""
        with self._lock:
            audience, self._audience = self._audience, None
        if audience is not None:
            audience.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _cue(self, name: str, cue: Cue) -> None:
        with self._lock:
            if self._audience is not None:
                self._audience.mark()
        send(self._stage / name, cue)

    def _seated(self) -> _Audience:
        with self._lock:
            if self._audience is None:
                self._audience = _Audience(self._stage / f"{os.getpid():x}.{next(_numbers)}")  # short, and one's own
            return self._audience


def send(to: Path, cue: Cue) -> None:
    """Send one cue to the part that listens at `to`. Raises `NotRunning`, `PartFailed`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.settimeout(SEND_WAIT_S)
        try:
            sock.connect(str(to))
            sock.send(encode(cue))
        except TimeoutError:
            raise PartFailed(
                f"the simulated part at {to} does not read its cues", hint="it hangs; restart it"
            ) from None
        except OSError as error:
            raise NotRunning(
                f"no simulated part listens at {to} ({error.strerror})",
                hint='start the gate with `edge-gate run`, and set kind = "sim" for this part',
            ) from None


class _Audience:
    """The reports of the pins, in order, read by a thread of its own (rule 2)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sock = BoundSocket(path)
        self._changed = threading.Condition()
        self._reports: deque[Moved] = deque(maxlen=MAX_REPORTS)
        self._count = 0  # of all reports ever; they are numbered from 0
        self._from = 0  # number of the report that stood at the last cue
        self._closed = False
        self.asked = False
        self._thread = threading.Thread(target=self._read, name="director", daemon=True)
        self._thread.start()

    def ask(self, pins: Path) -> None:
        """Ask the pins to report to us. Raises `NotRunning`, `PartFailed`."""
        send(pins, Watch(path=str(self.path)))
        self.asked = True

    def mark(self) -> None:
        """Remember which report stands now."""
        with self._changed:
            self._from = max(0, self._count - 1)

    def reports(self) -> Iterator[Moved]:
        """All from now on."""
        with self._changed:
            return self._each(self._count)

    def _each(self, number: int) -> Iterator[Moved]:
        while True:
            with self._changed:
                while self._count <= number and not self._closed:
                    self._changed.wait()
                if self._count <= number:
                    return
                number = max(number, self._count - len(self._reports))
                report = self._at(number)
            yield report
            number += 1

    def wait_for(self, predicate: Callable[[Moved], bool], timeout_s: float) -> Moved:
        """See `Director.wait_for`."""
        with self._changed:
            looked = self._from  # each report is looked at once, however often we wake

            def found() -> bool:
                nonlocal looked
                for number in range(max(looked, self._count - len(self._reports)), self._count):
                    looked = number
                    if predicate(self._at(number)):
                        return True
                    looked = number + 1
                return False

            if self._changed.wait_for(found, timeout_s):
                self._from = looked
                return self._at(looked)
            last = self._reports[-1] if self._reports else "nothing"
        raise ShownOtherwise(
            f"the lane did not show what was waited for within {timeout_s:g} s; last it showed {last}",
            hint="`edge-gate status` says which part failed",
        )

    def _at(self, number: int) -> Moved:
        return self._reports[number - self._count]  # counted from the end: the oldest may be forgotten

    def close(self) -> None:
        """Wake everybody who waits."""
        self._sock.close()
        self._thread.join(_CLOSE_WAIT_S)

    def _read(self) -> None:
        while True:
            try:
                data = self._sock.receive_bytes(_CLOSE_WAIT_S)
                report = None if data is None else decode_moved(data)
            except InputError:
                continue
            except PartFailed:
                break
            if report is not None:
                with self._changed:
                    self._reports.append(report)
                    self._count += 1
                    self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
