"""SOCK_SEQPACKET between processes of one board: bounded datagrams, checked peers, descriptors that cannot leak.

Rule 1.  Who connects is known from the kernel (SO_PEERCRED, unix(7)), never from what they say.
Rule 2.  A datagram above `MAX_MESSAGE_BYTES` is refused, whatever it holds: `recvmsg` reports the truncation.
Rule 3.  Descriptors that came along are wrapped at once and closed with the received datagram, whether used or not;
         more than `MAX_FDS`, or a control message that was cut, refuses the datagram.
Rule 4.  Nobody who does not read can make us wait: `send` on a full socket fails, it does not block. So the socket has
         no timeout of its own, under which Python's `sendmsg` would wait; `receive` polls instead.
Rule 5.  A socket file belongs to the process that answers there: a second one is refused, and removes nothing.
"""

from __future__ import annotations

import array
import contextlib
import errno
import os
import select
import socket
import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.errors import InputError, NotRunning, PartFailed
from edge.wire.messages import MAX_FDS, MAX_MESSAGE_BYTES

_UCRED = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))
BACKLOG = 8
CONNECT_S = 5.0
"""How long a full backlog may keep us waiting."""
_TIMEVAL = struct.Struct("ll")
_RESTARTED = "it is restarted by itself"


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, as the kernel knows it (at the time when it connected)."""

    pid: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Datagram:
    """One received message. A context manager: leaving it closes the descriptors."""

    data: bytes
    fds: tuple[int, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for fd in self.fds:
            with contextlib.suppress(OSError):
                os.close(fd)


class Link:
    """One connected peer. `send` may be called from several threads; `receive` from one."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        sock.settimeout(0)  # rule 4: not a timeout, but "do not block"
        self.peer = Peer(*_UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))

    def fileno(self) -> int:
        """The descriptor, for a selector."""
        return self._sock.fileno()

    def send(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Send one datagram. Raises `PartFailed` if the peer is gone or does not read, `InputError` over the limits."""
        if not 0 < len(data) <= MAX_MESSAGE_BYTES or len(fds) > MAX_FDS:
            raise InputError(
                f"a datagram of {len(data)} bytes and {len(fds)} descriptors is outside the limits",
                hint=f"send 1 to {MAX_MESSAGE_BYTES} bytes and at most {MAX_FDS} descriptors; nothing was sent",
            )
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self._sock.sendmsg([data], rights, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except BlockingIOError:
            raise PartFailed("the other process does not read its messages", hint="it hangs; restart it") from None
        except OSError as error:
            raise _gone(error) from None

    def receive(self, timeout_s: float | None) -> Datagram | None:
        """Wait for one datagram; None when nothing came in time. Raises `PartFailed` at the end of the connection,
        `InputError` for an oversized datagram or too many descriptors.
        """
        try:
            if not _readable(self._sock, timeout_s):
                return None
            data, control, flags, _ = self._sock.recvmsg(MAX_MESSAGE_BYTES, socket.CMSG_SPACE(4 * MAX_FDS))
        except BlockingIOError:  # somebody else took it
            return None
        except OSError as error:
            raise _gone(error) from None
        datagram = Datagram(data, _descriptors(control))
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            with datagram:
                raise InputError(
                    f"a datagram above {MAX_MESSAGE_BYTES} bytes or {MAX_FDS} descriptors was refused",
                    hint="the other process breaks the protocol; it is disconnected",
                )
        if not data:  # an empty datagram and the end of the connection look alike; we never send empty ones
            with datagram:
                raise PartFailed("the other process has closed the connection", hint=_RESTARTED)
        return datagram

    def close(self) -> None:
        """Close; wakes a `receive` in another thread."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


class Listener:
    """A socket file of mode 0660 that accepts peers of the allowed users only."""

    def __init__(self, path: Path, *, allowed_uids: frozenset[int], allowed_gids: frozenset[int] = frozenset()) -> None:
        self._path, self._uids, self._gids = path, allowed_uids, allowed_gids
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        self._sock.settimeout(0)
        try:
            self._bind()
        except OSError as error:
            self._sock.close()
            raise PartFailed(
                f"cannot listen at {path}: {error.strerror or error}", hint="check the runtime folder and its owner"
            ) from None
        except PartFailed:
            self._sock.close()
            raise

    def _bind(self) -> None:
        if _answers(self._path):  # rule 5
            raise PartFailed(f"another process listens at {self._path}", hint="stop it first; one gate has one runtime")
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(self._path.lstat().st_mode):  # left by a process that was killed
                self._path.unlink()
        before = os.umask(0o117)
        try:
            self._sock.bind(str(self._path))
        finally:
            os.umask(before)
        self._file = self._path.lstat()
        self._sock.listen(BACKLOG)

    def accept(self, timeout_s: float | None) -> Link | None:
        """The next allowed peer, or None when nobody (or somebody else) came in time."""
        try:
            if not _readable(self._sock, timeout_s):
                return None
            sock, _ = self._sock.accept()
        except BlockingIOError:  # whoever it was is gone again
            return None
        except OSError as error:
            raise PartFailed(f"{self._path} is closed ({error.strerror})", hint="the process is stopping") from None
        link = Link(sock)
        if link.peer.uid in self._uids or link.peer.gid in self._gids:
            return link
        link.close()
        return None

    def close(self) -> None:
        """Close and remove the socket file."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        with contextlib.suppress(OSError):
            if os.path.samestat(self._file, self._path.lstat()):  # rule 5
                self._path.unlink()


def connect(path: Path, who: str, *, wait_s: float = CONNECT_S) -> Link:
    """Connect to the process that listens at `path`. Raises `NotRunning` that names it as `who`.

    `wait_s` (more than 0): how long a full backlog may keep us.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    # Not `settimeout`: with it, a connection to a full backlog fails at once instead of waiting its turn.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIMEVAL.pack(*divmod(int(wait_s * 1_000_000), 1_000_000)))
    try:
        sock.connect(str(path))
    except OSError as error:
        sock.close()
        raise NotRunning(
            f"{who} does not answer at {path} ({error.strerror or error})",
            hint="start it with `edge-gate run`, or name its configuration with --config",
        ) from None
    return Link(sock)


def _gone(error: OSError) -> PartFailed:
    return PartFailed(f"the other process is gone ({error.strerror})", hint=_RESTARTED)


def _readable(sock: socket.socket, timeout_s: float | None) -> bool:
    """Whether there is something to receive, or the end of the connection, within the time."""
    fd = sock.fileno()
    if fd < 0:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if timeout_s is None else max(0.0, timeout_s) * 1000))


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except OSError as error:
            return error.errno == errno.EAGAIN  # its backlog is full
    return True


def _descriptors(control: list[tuple[int, int, bytes]]) -> tuple[int, ...]:
    fds = array.array("i")
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    for fd in fds:
        os.set_inheritable(fd, False)  # noqa: FBT003 - its signature; MSG_CMSG_CLOEXEC, which Python does not pass on
    return tuple(fds)
