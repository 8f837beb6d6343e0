"""The link process, before there is a broker: it meets the gate, says so, and comes back when the gate does.

Rule 1.  It speaks to the gate through one socket: hello, then what it knows of the broker. Nothing from the network has
         another way to the lane, and nothing here is a credential.
Rule 2.  A gate that is away is tried again after `BACK_OFF_S`, twice as long each time, up to `BACK_OFF_MAX_S`. A gate
         that answered is worth a fresh start.
Rule 3.  A gate of another protocol is an error that ends the process: trying again would not help.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable

from edge.config.schema import Config
from edge.errors import EdgeError, NotRunning, PartFailed, Refused
from edge.wire.link import Link, connect
from edge.wire.messages import PROTOCOL, GateHello, LinkState, SyncHello, decode_to_sync, encode

NOT_CONNECTED = "not connected: no broker is configured yet"
HELLO_S = 5.0
BACK_OFF_S = 0.25
BACK_OFF_MAX_S = 8.0
HEAR_S = 1.0
_log = logging.getLogger(__name__)


def run(config: Config, *, sandbox: str) -> int:
    """Run until SIGTERM or SIGINT. Raises `Refused` (rule 3)."""
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, lambda *_: stop.set())
    serve(lambda: connect(config.sync_socket, "the gate"), sandbox, stop.is_set, stop.wait)
    return 0


def serve(
    meet: Callable[[], Link], sandbox: str, stopped: Callable[[], bool], pause: Callable[[float], object]
) -> None:
    """Meet the gate again and again until `stopped`; `pause` waits that many seconds, or less when stopped."""
    back_off_s = BACK_OFF_S
    while not stopped():
        try:
            link = meet()
        except NotRunning:
            pause(back_off_s)
            back_off_s = min(2 * back_off_s, BACK_OFF_MAX_S)
            continue
        try:
            greet(link, sandbox)
            back_off_s = BACK_OFF_S
            while not stopped():
                hear(link)
        except Refused:
            raise
        except EdgeError as error:
            _log.info("the gate is away: %s", error.message)
            pause(back_off_s)
        finally:
            link.close()


def greet(link: Link, sandbox: str) -> None:
    """Exchange hellos, and say what is known of the broker. Raises `Refused` (rule 3), `PartFailed`, `InputError`."""
    link.send(encode(SyncHello(protocol=PROTOCOL, pid=os.getpid(), sandbox=sandbox)))
    datagram = link.receive(HELLO_S)
    if datagram is None:
        raise PartFailed("the gate did not say hello", hint="it hangs, or serves another; see `edge-gate status`")
    with datagram:
        hello = decode_to_sync(datagram.data)
    _same_protocol(hello)
    link.send(encode(LinkState(connected=False, why=NOT_CONNECTED)))


def hear(link: Link) -> None:
    """Wait up to `HEAR_S` for what the gate says; today only that it ends. Raises `PartFailed`, `InputError`."""
    datagram = link.receive(HEAR_S)
    if datagram is not None:
        with datagram:
            decode_to_sync(datagram.data)


def _same_protocol(hello: GateHello) -> None:
    if hello.protocol != PROTOCOL:
        raise Refused(
            f"the gate speaks protocol {hello.protocol}, sync {PROTOCOL}", hint="install one version for both"
        )
