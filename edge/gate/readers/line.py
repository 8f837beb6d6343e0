"""Cards that are typed: by a person, or by a reader that sends lines to a tty or to standard input.

Rule 1.  A line is a card number and nothing else. It reaches no database, shell or log; the vault hashes it, and a
         quote, a semicolon or a terminal code in it makes it one more number that nobody has (threats, 1 and 2).
Rule 2.  A line above `MAX_LINE_BYTES` is no card, whatever it begins with: it is reported as the empty number, which no
         card has. An empty line is nothing.
Rule 3.  A device that goes away is opened again every `RETRY_S`; standard input that ends has ended. Both are logged.
Rule 4.  The device is a tty or a pipe. A plain file would present its cards again and again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import stat
import threading
from collections.abc import Callable

from edge.errors import PartFailed

MAX_LINE_BYTES = 64
RETRY_S = 2.0
STANDARD_INPUT = "-"
NO_CARD = ""
_CHUNK_BYTES = 4096
_JOIN_S = 2.0
_log = logging.getLogger(__name__)


class Lines:
    """Cuts bytes into card numbers (rules 1 and 2), however they are split on their way."""

    def __init__(self) -> None:
        self._begun = b""
        self._too_long = False

    def feed(self, data: bytes) -> list[str]:
        """The numbers that `data` completes."""
        numbers = []
        for piece in data.replace(b"\r", b"\n").splitlines(keepends=True):
            ended = piece.endswith(b"\n")
            self._begun += piece.rstrip(b"\n")
            if len(self._begun) > MAX_LINE_BYTES:
                self._begun, self._too_long = b"", True
            if ended:
                number = NO_CARD if self._too_long else self._begun.decode("ascii", "replace").strip()
                if number or self._too_long:
                    numbers.append(number)
                self._begun, self._too_long = b"", False
        return numbers


class LineReader:
    """See `edge.ports.CardReader`. `device` is the path of a tty, or "-" for standard input."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._fd = self._open()
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC)
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def simulated(self) -> bool:
        """False: somebody typed it."""
        return False

    def listen(self, read: Callable[[str], None]) -> None:
        """See the port."""
        self._thread = threading.Thread(target=self._run, args=(read,), name="edge-cards", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """See the port. Closing twice is no error."""
        if self._closed:
            return
        self._closed = True
        os.write(self._waker, b"\0")
        if self._thread is not None:
            self._thread.join(_JOIN_S)
        self._let_go()
        os.close(self._wake)
        os.close(self._waker)

    def _run(self, read: Callable[[str], None]) -> None:
        while not self._closed:
            lines = Lines()
            while data := self._some():
                for number in lines.feed(data):
                    read(number)
            if self._closed or self._device == STANDARD_INPUT:
                break
            self._reopen()
        if not self._closed:
            _log.warning("no more cards can be typed: standard input has ended")

    def _some(self) -> bytes:
        """The next bytes; none at the end, when the device is gone, or when the reader is closed."""
        while True:
            ready, _, _ = select.select([self._fd, self._wake], [], [])
            if self._wake in ready:
                return b""
            try:
                return os.read(self._fd, _CHUNK_BYTES)
            except BlockingIOError:
                continue
            except OSError:  # an unplugged tty
                return b""

    def _reopen(self) -> None:
        _log.warning("the card reader at %s is gone; it is opened again every %g s", self._device, RETRY_S)
        self._let_go()
        while not select.select([self._wake], [], [], RETRY_S)[0]:
            try:
                self._fd = self._open()
            except PartFailed:
                continue
            _log.info("the card reader at %s is back", self._device)
            return

    def _open(self) -> int:
        if self._device == STANDARD_INPUT:
            return os.dup(0)
        hint = 'set cards.device to the path of its tty, or to "-" for standard input'
        try:
            fd = os.open(self._device, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise PartFailed(
                f"the card reader at {self._device} cannot be opened: {error.strerror}", hint=hint
            ) from None
        kind = os.fstat(fd).st_mode
        if not (stat.S_ISCHR(kind) or stat.S_ISFIFO(kind)):
            os.close(fd)
            raise PartFailed(f"the card reader at {self._device} is neither a tty nor a pipe", hint=hint)
        return fd

    def _let_go(self) -> None:
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1
