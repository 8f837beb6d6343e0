"""A broker in memory that passes the same suite as the real one, and a gate that a test drives."""

from __future__ import annotations

import os
import select
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.errors import NotRunning, PartFailed
from edge.sync.exchange import Exchange
from edge.sync.outward import OFFLINE
from edge.sync.port import Accepted, Arrived, BrokerAway, BrokerEvent, Confirmed, Granted, Lost, Publication
from edge.sync.service import join
from edge.wire.link import Link, Listener, connect
from edge.wire.messages import PROTOCOL, GateHello, LinkState, Message, SyncHello, SyncToGate, decode_from_sync, encode
from edge.wire.topics import GateTopics, SiteTopics
from tests.fakes.clock import HandClock

TOPICS = SiteTopics("compound").gate("north")
HELLO = GateHello(protocol=PROTOCOL, pid=1, site="compound", gate="north")


class FakeServer:
    """What a broker does, in memory: retained messages, subscriptions, refusals, last wills."""

    def __init__(self) -> None:
        self.up = True
        self.retained: dict[str, bytes] = {}
        self.log: list[tuple[str, bytes]] = []
        self.forbidden: set[str] = set()
        self.unheard: set[str] = set()
        self.brokers: set[FakeBroker] = set()

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.log.append((topic, payload))
        if retain and payload:
            self.retained[topic] = payload
        elif retain:
            self.retained.pop(topic, None)
        for broker in self.brokers:
            if topic in broker.subscribed:
                broker.events.append(Arrived(topic, payload))

    def stop(self) -> None:
        self.up = False
        for broker in list(self.brokers):
            broker.lose("the connection to the broker was lost")

    def start(self) -> None:
        self.up = True


class FakeBroker:
    """Implements `edge.sync.port.Broker`."""

    def __init__(self, server: FakeServer, topics: GateTopics = TOPICS) -> None:
        self.server, self.topics = server, topics
        self.subscribed: set[str] = set()
        self.events: list[BrokerEvent] = []
        self.connects = 0
        self.deaf = False
        """Lets us in and never says so."""
        self.raises: Exception | None = None
        """What the next turn raises."""
        self.mute = False
        """Takes publications and confirms none."""

    def connect(self) -> None:
        self.drop()
        self.connects += 1
        if not self.server.up:
            raise BrokerAway("nobody listens at the broker's port", hint="start it")
        self.server.brokers.add(self)
        if not self.deaf:
            self.events.append(Accepted())

    def subscribe(self, topics: Sequence[str]) -> None:
        if self not in self.server.brokers:
            return
        self.events.append(Granted(tuple(topic for topic in topics if topic in self.server.unheard)))
        for topic in topics:
            self.subscribed.add(topic)
            if topic in self.server.retained:
                self.events.append(Arrived(topic, self.server.retained[topic], retained=True))

    def publish(self, publication: Publication) -> None:
        if self not in self.server.brokers:
            return
        if self.mute:
            return
        if publication.topic in self.server.forbidden:
            self.events.append(Confirmed(publication.token, "Not authorized"))
            return
        self.events.append(Confirmed(publication.token))
        self.server.say(publication.topic, publication.payload, retain=publication.retain)

    def turn(self, now: float) -> list[BrokerEvent]:
        if self.raises is not None:
            error, self.raises = self.raises, None
            raise error
        events, self.events = self.events, []
        return events

    def waits_for(self) -> tuple[int, int] | None:
        return None

    def ready(self) -> bool:
        return bool(self.events)

    def drop(self) -> None:
        if self in self.server.brokers:
            self.server.brokers.remove(self)
            self.server.say(self.topics.status, OFFLINE, retain=True)
        self.subscribed.clear()
        self.events.clear()

    def lose(self, why: str) -> None:
        self.drop()
        self.events.append(Lost(why))


class FakeGate:
    """The gate's end of the link, at a real socket."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "sync.sock"
        self.listener: Listener | None = Listener(self.path, allowed_uids=frozenset({os.getuid()}))
        self.link: Link | None = None
        self.heard: list[SyncToGate] = []
        self.meetings = 0

    def meet(self) -> Link:
        """What sync calls."""
        if self.listener is None:
            raise NotRunning("the gate does not answer", hint="start it")
        return connect(self.path, "the gate", wait_s=0.001)

    def accept(self, hello: GateHello | None = HELLO) -> bool:
        """Take whoever has connected and is still there; whether somebody is."""
        assert self.listener is not None
        while (link := self.listener.accept(0.0)) is not None:
            if not _gone(link):
                self.leave()
                self.meetings += 1
                self.link = link
                if hello is not None:
                    link.send(encode(hello))
                return True
            link.close()
        return False

    def say(self, *messages: Message) -> None:
        assert self.link is not None
        for message in messages:
            self.link.send(encode(message))

    def read(self) -> list[SyncToGate]:
        """What sync has said since the last time; a link that sync has closed is left."""
        new: list[SyncToGate] = []
        try:
            while self.link is not None and (datagram := self.link.receive(0.0)) is not None:
                with datagram:
                    new.append(decode_from_sync(datagram.data))
        except PartFailed:
            self.leave()
        self.heard += new
        return new

    def links(self) -> list[LinkState]:
        return [message for message in self.heard if isinstance(message, LinkState)]

    def greeted(self) -> bool:
        return any(isinstance(message, SyncHello) for message in self.heard)

    def leave(self) -> None:
        if self.link is not None:
            self.link.close()
        self.link = None

    def close(self) -> None:
        self.leave()
        if self.listener is not None:
            self.listener.close()
        self.listener = None


def _gone(link: Link) -> bool:
    poll = select.poll()
    poll.register(link.fileno(), select.POLLHUP)
    return bool(poll.poll(0))


class World:
    """Sync between a fake broker and a fake gate, on a clock that jumps to the next thing that is due."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.server = FakeServer()
        self.broker = FakeBroker(self.server)
        self.gate = FakeGate(folder)
        self.drawn = 0.5
        self.exchange: Exchange = join(
            self.broker, self.gate.meet, TOPICS, sandbox="landlock", clock=self.clock, draw=lambda: self.drawn
        )
        self.waited: list[float] = []

    def wait(self, events: Mapping[int, int], longest_s: float) -> None:
        """Instead of waiting, time passes; a descriptor that is ready ends it at once."""
        poll = select.poll()
        for descriptor, mask in events.items():
            poll.register(descriptor, mask)
        if not poll.poll(0):
            self.waited.append(longest_s)
            self.clock.advance(longest_s)

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.exchange.turn(self.wait)

    def during(self, seconds: float) -> None:
        """Let so much time pass. Turns that do not let any pass are counted: a loop must not spin."""
        end = self.clock.now() + seconds
        spun = 0
        while self.clock.now() < end:
            before = self.clock.now()
            self.turn()
            spun = 0 if self.clock.now() > before else spun + 1
            assert spun < 1000, "it spins"

    def met(self) -> World:
        """Connected on both sides."""
        self.turn()
        assert self.gate.accept()
        self.during(1.0)
        self.gate.read()
        assert self.gate.links()[-1] == LinkState(connected=True, why="")
        return self

    def met_again(self) -> None:
        """The gate takes the next meeting that sync begins."""
        for _ in range(60):
            if self.gate.accept():
                return
            self.during(1.0)
        raise AssertionError("sync does not come back to the gate")

    def close(self) -> None:
        self.exchange.close()
        self.gate.close()
