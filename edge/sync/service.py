"""The link process: builds the parts from the configuration and turns them until it is told to stop.

Rule 1.  It has the network, and neither camera, keys of the vault nor templates. It believes no peer: what it carries
         is signed by others for others, bounded, and opaque.
Rule 2.  Without `[broker]` it meets the gate all the same, and says that there is none.
Rule 3.  A gate of another protocol is an error that ends the process: trying again would not help.
"""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable

from edge.clock import BootClock
from edge.config.schema import Config
from edge.ports import Clock
from edge.sync.exchange import Exchange, Wait, wait
from edge.sync.gate_side import MEET_S, GateSide
from edge.sync.inward import Inward
from edge.sync.no_broker import NoBroker
from edge.sync.outward import Outward
from edge.sync.port import Broker
from edge.sync.quarantine import Quarantine
from edge.sync.session import Session
from edge.wire.link import Link, connect
from edge.wire.topics import GateTopics, SiteTopics


def run(config: Config, *, sandbox: str) -> int:
    """Run until SIGTERM or SIGINT. Raises `Refused` (rule 3)."""
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, lambda *_: stop.set())
    topics = SiteTopics(config.site.id).gate(config.gate.id)
    exchange = join(
        broker(config, topics),
        lambda: connect(config.sync_socket, "the gate", wait_s=MEET_S),
        topics,
        sandbox=sandbox,
        clock=BootClock(),
    )
    serve(exchange, stop.is_set)
    return 0


def serve(exchange: Exchange, stopped: Callable[[], bool], wait: Wait = wait) -> None:
    """Turn until `stopped`. Raises `Refused` (rule 3)."""
    try:
        while not stopped():
            exchange.turn(wait)
    finally:
        exchange.close()


def join(
    broker: Broker,
    meet: Callable[[], Link],
    topics: GateTopics,
    *,
    sandbox: str,
    clock: Clock,
    draw: Callable[[], float] = random.random,  # spreads reconnections; nothing secret rests on it
) -> Exchange:
    """All parts of the link around one broker and one gate."""
    now = clock.now()
    return Exchange(
        broker,
        GateSide(meet, sandbox, draw, now),
        Session(draw, now),
        Inward(topics, Quarantine(), now),
        Outward(topics),
        clock=clock,
    )


def broker(config: Config, topics: GateTopics) -> Broker:
    """The broker that the configuration names."""
    named = config.broker
    if not named.host or named.authority is None or named.certificate is None or named.key is None:
        return NoBroker()  # that all of them are there or none is a rule of the configuration
    # paho takes 50 ms to import, and is needed only here
    from edge.sync.mqtt import Address, MqttBroker  # noqa: PLC0415
    from edge.sync.tls import Credentials  # noqa: PLC0415

    return MqttBroker(
        Address(named.host, named.port, Credentials(named.authority, named.certificate, named.key)), topics
    )
