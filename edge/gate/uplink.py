"""The link to `sync`: today it only says whether a broker can be heard.

`sync` has the network, so it may be somebody else's by now. There is no way from here to the lane: this module holds no
inbox, and its messages are two texts for `status` (threats, 25). It can withhold; it can do nothing else.
"""

from __future__ import annotations

from typing import assert_never

from edge.errors import InputError, PartFailed
from edge.gate.budget import Budget
from edge.gate.eye import HELLO_S, printable
from edge.gate.one_peer import OnePeer
from edge.ports import Clock
from edge.wire.link import Link, Listener
from edge.wire.messages import (
    PROTOCOL,
    Delivered,
    GateHello,
    LinkState,
    StateOpening,
    StatePiece,
    SyncHello,
    decode_from_sync,
)

MAX_MESSAGES_PER_S = 200
"""The largest signed state (4 MiB in pieces of a datagram) comes in one burst of fewer than a hundred."""
NOBODY = "not connected: sync is not running"
_RESTART = "it is restarted by itself; if it stays so, see its messages"


class Uplink:
    """`link` and `sandbox` are what `status` shows; any thread may read them."""

    def __init__(self, listener: Listener, hello: GateHello, clock: Clock) -> None:
        self._clock = clock
        self.link, self.sandbox = NOBODY, ""
        self._place = OnePeer("sync", listener, hello, self._session, self._ended)

    def start(self) -> None:
        """Begin to accept."""
        self._place.start()

    def close(self) -> None:
        """End the connection and the socket."""
        self._place.close()

    def _session(self, link: Link) -> None:
        budget = Budget(MAX_MESSAGES_PER_S, self._clock.now())
        greeted = False
        while True:
            datagram = link.receive(None if greeted else HELLO_S)
            if datagram is None:
                raise PartFailed("somebody connected as sync and did not say hello", hint=_RESTART)
            with datagram:
                if not budget.spend(self._clock.now()):
                    raise InputError(f"sync sends more than {MAX_MESSAGES_PER_S} messages a second", hint=_RESTART)
                message = decode_from_sync(datagram.data)
            match message:
                case SyncHello(protocol=protocol, sandbox=sandbox):
                    if greeted or protocol != PROTOCOL:
                        raise InputError("sync speaks another protocol, or says hello twice", hint=_RESTART)
                    greeted, self.sandbox = True, printable(sandbox)
                case _ if not greeted:
                    raise InputError("sync did not begin with its hello", hint=_RESTART)
                case StateOpening() | StatePiece() | Delivered():
                    pass  # signed state: nobody here reads it yet, and nothing about it is believed
                case LinkState(connected=connected, why=why):
                    self.link = printable(why) or ("connected" if connected else "not connected")
                case _ as unreachable:
                    assert_never(unreachable)

    def _ended(self, why: str) -> None:
        self.link, self.sandbox = f"{NOBODY} ({why})", ""
