"""The local admin socket: who asks is the kernel's word, and nobody who is slow holds up anybody else.

Rule 1.  The operator is the uid at the other end (SO_PEERCRED), by its name in the user database; no request says who
         asks. Root and the gate's own user may ask, and the members of `gate.operator_group`, as they were when the
         gate started.
Rule 2.  One connection is one request and one answer, on a thread of its own. At most `MAX_CLIENTS` are served at once,
         each has `REQUEST_S` to say what it wants, and one more is told so and sent away.
Rule 3.  Whatever goes wrong becomes a `Problem` with a message and a hint, never a traceback and never a dead thread.
         Descriptors that came along are closed, whether they were used or not.
"""

from __future__ import annotations

import contextlib
import grp
import logging
import os
import pwd
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.errors import ConfigError, EdgeError, InputError, PartFailed, Refused
from edge.wire.admin import Answer, Problem, Request, decode_request
from edge.wire.link import Datagram, Link, Listener, Peer
from edge.wire.messages import MAX_TEXT, encode

MAX_CLIENTS = 8
REQUEST_S = 5.0
ROOT_UID = 0
_JOIN_S = 2.0
_log = logging.getLogger(__name__)

Handle = Callable[[Request, Sequence[int], str], Answer]
"""(request, descriptors, operator) -> answer, or any `EdgeError`."""


def listen_for_operators(path: Path, group: str) -> Listener:
    """The socket that rule 1 describes. Raises `ConfigError` for a group that does not exist, `PartFailed`."""
    own = frozenset({ROOT_UID, os.getuid()})
    if not group:
        return Listener(path, allowed_uids=own)
    try:
        entry = grp.getgrnam(group)
    except KeyError:
        raise ConfigError(
            f"gate.operator_group names the group {group!r}, which does not exist",
            hint=f"make it with `groupadd {group}`, or leave the setting out",
        ) from None
    members = set()
    for name in entry.gr_mem:
        with contextlib.suppress(KeyError):  # a member who was deleted
            members.add(pwd.getpwnam(name).pw_uid)
    listener = Listener(path, allowed_uids=own | members, allowed_gids=frozenset({entry.gr_gid}))
    try:
        os.chown(path, -1, entry.gr_gid)
    except OSError as error:
        listener.close()
        raise PartFailed(
            f"{path} cannot be given to the group {group}: {error.strerror}",
            hint=f"run the gate as a member of {group}",
        ) from None
    return listener


def operator_of(peer: Peer) -> str:
    """The name that stands in the journal."""
    try:
        name = pwd.getpwuid(peer.uid).pw_name
    except KeyError:
        name = ""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", name) or f"uid-{peer.uid}"


class OperatorSocket:
    """Answers operators until it is closed."""

    def __init__(self, listener: Listener, handle: Handle) -> None:
        self._listener, self._handle = listener, handle
        self._free = threading.Semaphore(MAX_CLIENTS)
        self._thread = threading.Thread(target=self._run, name="edge-operators", daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    def close(self) -> None:
        """Accept nobody any more. Answers that are on their way are not waited for."""
        self._listener.close()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while True:
            try:
                link = self._listener.accept(None)
            except PartFailed:
                return
            if link is None:
                continue
            if self._free.acquire(blocking=False):
                threading.Thread(target=self._serve, args=(link,), name="edge-operator", daemon=True).start()
            else:
                busy = Refused(f"{MAX_CLIENTS} operators are being served", hint="try again in a moment")
                _say(link, _problem(busy))
                link.close()

    def _serve(self, link: Link) -> None:
        try:
            _say(link, self._answer(link))
        finally:
            link.close()
            self._free.release()

    def _answer(self, link: Link) -> Answer:
        try:
            with _received(link) as datagram:
                return self._handle(decode_request(datagram.data), datagram.fds, operator_of(link.peer))
        except EdgeError as error:
            return _problem(error)
        except Exception as error:  # noqa: BLE001 - rule 3
            _log.error("a request failed: %s", type(error).__name__)
            return Problem(
                exit_code=1,
                message=f"the gate could not do this: {type(error).__name__}",
                hint="this is a defect of edge-gate; see its log",
            )


def _received(link: Link) -> Datagram:
    datagram = link.receive(REQUEST_S)
    if datagram is None:
        raise InputError(f"no request came within {REQUEST_S:g} s", hint="ask sooner")
    return datagram


def _problem(error: EdgeError) -> Problem:
    return Problem(exit_code=error.exit_code, message=error.message[:MAX_TEXT], hint=error.hint[:MAX_TEXT])


def _say(link: Link, answer: Answer) -> None:
    """Send; an answer that is too long is a problem of its own, and a client that is gone is nobody's."""
    with contextlib.suppress(PartFailed):
        try:
            data = encode(answer)
        except InputError as error:
            data = encode(_problem(error))
        link.send(data)
