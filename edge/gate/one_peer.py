"""A place at a socket for exactly one other process.

Rule 1.  The gate speaks first: its hello with the protocol. What the peer says is the session's business.
Rule 2.  While one peer is connected, others wait in the backlog. A newcomer takes the place only when the one before is
         gone: closed, dead, silent for too long, or sent away for what it said. So nobody can push out a living eye.
Rule 3.  However a session ends, the place is free again and somebody is told why; nothing that a peer sends ends this
         thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge.errors import EdgeError, PartFailed
from edge.wire.link import Link, Listener
from edge.wire.messages import GateHello, encode

JOIN_S = 2.0
_log = logging.getLogger(__name__)


class OnePeer:
    """Accepts one peer after the other on a thread of its own, and runs `session(link)` for each."""

    def __init__(
        self,
        name: str,
        listener: Listener,
        hello: GateHello,
        session: Callable[[Link], None],
        ended: Callable[[str], None],
    ) -> None:
        self._name, self._listener, self._hello = name, listener, hello
        self._session, self._ended = session, ended
        self._link: Link | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"edge-{name}", daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    def send_away(self) -> None:
        """End the present session; the next peer may come."""
        with self._lock:
            if self._link is not None:
                self._link.close()

    def close(self) -> None:
        """End everything."""
        self._closed = True
        self._listener.close()
        self.send_away()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        while not self._closed:
            try:
                link = self._listener.accept(None)
            except PartFailed:
                return
            if link is not None:
                self._meet(link)

    def _meet(self, link: Link) -> None:
        with self._lock:
            self._link = link
        why = f"{self._name} has left"
        try:
            link.send(encode(self._hello))
            self._session(link)
        except EdgeError as error:
            why = error.message
        except Exception as error:  # noqa: BLE001 - rule 3; our own mistake must not cost the gate its eye for good
            why = f"the session with {self._name} failed: {type(error).__name__}"
            _log.error("%s", why)
        finally:
            with self._lock:
                self._link = None
            link.close()
        if not self._closed:
            self._ended(why)
