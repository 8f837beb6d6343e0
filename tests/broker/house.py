"""A site with an authority, and peers of its broker that are waited for by events, never by sleeping."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import pytest

from edge.broker import private
from edge.broker.authority import Authority, key_pem, new_key, request
from edge.clock import BootClock
from edge.errors import PartFailed
from edge.sync.mqtt import Address, MqttBroker
from edge.sync.port import Accepted, Arrived, BrokerAway, BrokerEvent, Confirmed, Granted, Lost, Publication
from edge.sync.tls import Credentials
from edge.wire.messages import Kind, Owing
from edge.wire.topics import SiteTopics
from tests.fakes.clock import LOST_S

SITE = "compound"
TOPICS = SiteTopics(SITE)
NORTH, SOUTH = TOPICS.gate("north"), TOPICS.gate("south")
RECEIPTS = NORTH.owed[Owing.RECEIPT]
ANSWERS = NORTH.heard[Kind.ANSWER]
ACKNOWLEDGEMENTS = NORTH.heard[Kind.ACKNOWLEDGEMENT]
CLOCK = BootClock()
DAY_S = 86_400.0
E = TypeVar("E", bound=BrokerEvent)

Issue = Callable[[Authority, bytes, float], bytes]
AS_NORTH: Issue = lambda authority, asked, now: authority.gate("north", asked, now)  # noqa: E731
AS_SOUTH: Issue = lambda authority, asked, now: authority.gate("south", asked, now)  # noqa: E731
AS_BEACON: Issue = lambda authority, asked, now: authority.beacon(asked, now)  # noqa: E731
AS_ADMIN: Issue = lambda authority, asked, now: authority.admin(asked, now)  # noqa: E731


def mosquitto() -> Path:
    try:
        return private.find()
    except PartFailed as error:
        pytest.skip(f"needs mosquitto: {error.hint}")


class House:
    """One site: its authority, its broker, and whoever connects."""

    def __init__(self, folder: Path, gates: Iterable[str] = ("north", "south")) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.now = folder, CLOCK.wall()
        self.authority = Authority.found(SITE, new_key(), self.now)
        self.broker = private.PrivateBroker(
            folder / "broker", SITE, list(gates), self.authority, self.now, binary=mosquitto()
        )
        self._peers: list[Peer] = []
        self._files = 0

    def credentials(
        self, issue: Issue, *, at: float | None = None, by: Authority | None = None, trusting: bytes | None = None
    ) -> Credentials:
        """Fresh key and certificate; made `at` that time, `by` that authority, believing `trusting` (PEM)."""
        self._files += 1
        path = self.folder / f"peer-{self._files}"
        key = new_key()
        path.with_suffix(".key").write_bytes(key_pem(key))
        path.with_suffix(".pem").write_bytes(issue(by or self.authority, request("any", key), at or self.now))
        path.with_suffix(".ca").write_bytes(trusting or self.authority.pem())
        return Credentials(path.with_suffix(".ca"), path.with_suffix(".pem"), path.with_suffix(".key"))

    def shows(self, hosts: list[str], *, at: float) -> None:
        """Give the broker another certificate, before it starts."""
        key = new_key()
        self.broker.files.key.write_bytes(key_pem(key))
        self.broker.files.certificate.write_bytes(self.authority.broker(hosts, request("broker", key), at))

    def peer(self, issue: Issue, *, host: str = private.HOST, credentials: Credentials | None = None) -> Peer:
        """Somebody who can connect; the gate whose last will it has is called like the certificate says."""
        topics = {AS_NORTH: NORTH, AS_SOUTH: SOUTH}.get(issue, NORTH)
        address = Address(host, self.broker.port, credentials or self.credentials(issue))
        made = Peer(MqttBroker(address, topics))
        self._peers.append(made)
        return made

    def connected(self, issue: Issue, *topics: str) -> Peer:
        """Somebody who is connected, and hears `topics`."""
        made = self.peer(issue)
        made.connect()
        if topics:
            made.hear(*topics)
        return made

    def close(self) -> None:
        for peer in self._peers:
            peer.mqtt.drop()
        self.broker.kill()


class Peer:
    """The real adapter, turned until what a test waits for has happened."""

    def __init__(self, mqtt: MqttBroker) -> None:
        self.mqtt = mqtt
        self.events: list[BrokerEvent] = []
        self._tokens = 0

    def turn(self) -> list[BrokerEvent]:
        place = self.mqtt.waits_for()
        if place is not None:
            poll = select.poll()
            poll.register(*place)
            poll.poll(0 if self.mqtt.ready() else 200)
        new = self.mqtt.turn(CLOCK.now())
        self.events += new
        return new

    def until(self, kind: type[E], wanted: Callable[[E], bool] = lambda _: True) -> E:
        """The first event of `kind` that is wanted, those already seen included; earlier ones are forgotten."""
        end = CLOCK.now() + LOST_S
        while True:
            while self.events:
                event = self.events.pop(0)
                if isinstance(event, kind) and wanted(event):
                    return event
            assert CLOCK.now() < end, f"no {kind.__name__} came"
            self.turn()

    def connect(self) -> None:
        self.mqtt.connect()
        self.until(Accepted)

    def refused(self) -> str:
        """Why a connection does not come about."""
        try:
            self.mqtt.connect()
        except BrokerAway as error:
            return error.message
        return self.until(Lost).why

    def hear(self, *topics: str) -> None:
        self.mqtt.subscribe(topics)
        assert self.until_keeping(Granted).refused == ()

    def silent(self) -> bool:
        """Whether no message has come, after a round trip in which it would have."""
        self.publish(NORTH.status, b"{}")
        return not any(isinstance(event, Arrived) for event in self.events)

    def until_keeping(self, kind: type[E]) -> E:
        """As `until`, but messages that came before stay."""
        kept: list[BrokerEvent] = []
        end = CLOCK.now() + LOST_S
        while True:
            for number, event in enumerate(self.events):
                if isinstance(event, kind):
                    self.events = kept + self.events[:number] + self.events[number + 1 :]
                    return event
            assert CLOCK.now() < end, f"no {kind.__name__} came"
            self.turn()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> str:
        """Publish; the broker's reason for refusing it, or nothing."""
        self._tokens += 1
        token = self._tokens
        self.mqtt.publish(Publication(token, topic, payload, retain))
        end = CLOCK.now() + LOST_S
        while True:
            for event in self.events:
                if isinstance(event, Confirmed) and event.token == token:
                    self.events.remove(event)
                    return event.refused
            assert CLOCK.now() < end, "nothing was confirmed"
            self.turn()

    def arrived(self, topic: str) -> Arrived:
        return self.until(Arrived, lambda message: message.topic == topic)

    def all_arrived_before(self, topic: str, payload: bytes) -> list[Arrived]:
        """Everything that came before that message, which is the last."""
        end = CLOCK.now() + LOST_S
        while not any(isinstance(e, Arrived) and (e.topic, e.payload) == (topic, payload) for e in self.events):
            assert CLOCK.now() < end, "the last message did not come"
            self.turn()
        came = [event for event in self.events if isinstance(event, Arrived)]
        self.events.clear()
        return came[:-1]
