"""How a simulated part hears its cues: a Unix datagram socket that only its own user may write to.

Rule 1.  The socket file is made with mode 0600 in a folder of mode 0700: whoever can play the lane is whoever runs it.
Rule 2.  What does not parse is dropped and counted; a bad cue never stops a part.
Rule 3.  A file left by a dead process is replaced; the socket of a living one is not taken over.
"""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.errors import InputError, PartFailed
from edge.sim.stage import MAX_CUE_BYTES, AnyCue, decode_cue

MAX_PATH_BYTES = 107
"""sun_path holds 108 bytes with its final zero (unix(7))."""


class BoundSocket:
    """A datagram socket with a name in the file system; leaving the `with` block removes both."""

    def __init__(self, path: Path) -> None:
        if len(os.fsencode(path)) > MAX_PATH_BYTES:
            raise PartFailed(
                f"the path of the stage is above {MAX_PATH_BYTES} bytes: {path}", hint="choose a shorter paths.runtime"
            )
        self.path = path
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _remove_the_dead(path)
            # Not fchmod: `vision` may change no modes. What another thread makes meanwhile is narrower, not wider.
            before = os.umask(0o177)
            try:
                self._sock.bind(str(path))
            finally:
                os.umask(before)
        except OSError as error:
            self._sock.close()
            raise PartFailed(
                f"cannot listen at {path}: {error.strerror}",
                hint="another lane may use the same paths.runtime; else check the folder and its owner",
            ) from None

    def receive_bytes(self, timeout_s: float) -> bytes | None:
        """One datagram, cut after `MAX_CUE_BYTES` + 1; None when none came in time. Raises `PartFailed` once closed."""
        try:
            self._sock.settimeout(timeout_s)
            data = self._sock.recv(MAX_CUE_BYTES + 1)
        except (TimeoutError, BlockingIOError):
            return None
        except OSError:
            raise self._closed() from None
        if not data and self._sock.fileno() < 0:
            raise self._closed()
        return data

    def close(self) -> None:
        """Close, wake a `receive` in another thread, and remove the file. Closing twice is no error."""
        if self._sock.fileno() < 0:
            return
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _closed(self) -> PartFailed:
        return PartFailed(f"the stage at {self.path} is closed", hint="the process that plays it is stopping")


class CueSocket(BoundSocket):
    """The ear of one simulated part. `poison` counts what was dropped."""

    poison: int = 0

    def receive(self, timeout_s: float) -> AnyCue | None:
        """The next cue; None when none came within `timeout_s` (0: do not wait), or when what came was poison.

        Raises `PartFailed` once the socket is closed.
        """
        data = self.receive_bytes(timeout_s)
        if data is None:
            return None
        try:
            return decode_cue(data)
        except InputError:
            self.poison += 1
            return None


def _remove_the_dead(path: Path) -> None:
    """Unlink a socket that nobody listens to any more. Raises `OSError` if somebody does, or if it is no socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            if not path.is_socket():
                raise
            path.unlink(missing_ok=True)
            return
    raise FileExistsError(17, "somebody else listens there", str(path))
