"""One suite for the broker in memory and for paho with a real mosquitto."""

from __future__ import annotations

import select
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from edge.clock import BootClock
from edge.sync.outward import OFFLINE
from edge.sync.port import Accepted, Arrived, Broker, BrokerAway, BrokerEvent, Confirmed, Granted, Lost, Publication
from edge.wire.messages import Kind, Owing
from tests.broker.house import AS_ADMIN, AS_BEACON, AS_NORTH, AS_SOUTH, NORTH, SOUTH, House, Peer
from tests.fakes.clock import LOST_S
from tests.sync.fakes import FakeBroker, FakeServer

STATE = NORTH.site.state
HEAD = NORTH.heard[Kind.HEAD]


class Place(Protocol):
    """Where a broker can be met, and what others do there."""

    def broker(self) -> Broker: ...
    def beacon_says(self, topic: str, payload: bytes, *, retain: bool = False) -> None: ...
    def retained(self, topic: str) -> bytes | None: ...
    def stop(self) -> None: ...
    def start(self) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.server = FakeServer()
        self.server.forbidden.add(SOUTH.status)

    def broker(self) -> Broker:
        return FakeBroker(self.server)

    def beacon_says(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.server.say(topic, payload, retain=retain)

    def retained(self, topic: str) -> bytes | None:
        return self.server.retained.get(topic)

    def stop(self) -> None:
        self.server.stop()

    def start(self) -> None:
        self.server.start()


class Mosquitto:
    def __init__(self, folder: Path) -> None:
        self.house = House(folder)
        self.house.broker.start()
        self._beacon: Peer | None = None

    def broker(self) -> Broker:
        return self.house.peer(AS_NORTH).mqtt

    def beacon_says(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if self._beacon is None:
            self._beacon = self.house.connected(AS_BEACON)
        assert self._beacon.publish(topic, payload, retain=retain) == ""

    def retained(self, topic: str) -> bytes | None:
        # Whoever comes later hears after the subscription what was retained before; the broker has one thread.
        looker = self.house.connected(AS_ADMIN, topic)
        looker.publish(looker.mqtt._topics.site.handover, b"{}")
        found = [event for event in looker.events if isinstance(event, Arrived)]
        looker.mqtt.drop()
        return found[-1].payload if found else None

    def stop(self) -> None:
        self._beacon = None
        self.house.broker.stop()

    def start(self) -> None:
        self.house.broker.start()


@pytest.fixture(params=["in memory", "mosquitto"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "in memory":
        yield InMemory()
        return
    made = Mosquitto(tmp_path)
    yield made
    made.house.close()


class Turned:
    """A broker that is turned until something has come."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.events: list[BrokerEvent] = []

    def until(self, *kinds: type[BrokerEvent]) -> list[BrokerEvent]:
        """All events up to the one that completes `kinds`, in whatever order they came."""
        clock = BootClock()
        end = clock.now() + LOST_S
        while not all(any(isinstance(event, kind) for event in self.events) for kind in kinds):
            place = self.broker.waits_for()
            if place is not None and not self.broker.ready():
                poll = select.poll()
                poll.register(*place)
                poll.poll(200)
            self.events += self.broker.turn(clock.now())
            assert clock.now() < end, f"{kinds} did not come, but {self.events}"
        events, self.events = self.events, []
        return events

    def online(self, *topics: str) -> Turned:
        self.broker.connect()
        self.until(Accepted)
        self.broker.subscribe(topics)
        assert Granted() in self.until(Granted)
        return self


@pytest.fixture
def broker(place: Place) -> Turned:
    return Turned(place.broker())


def test_nothing_is_there_before_a_connection(place: Place) -> None:
    broker = place.broker()
    assert broker.waits_for() is None
    assert not broker.ready()
    assert broker.turn(0.0) == []
    broker.subscribe([STATE])
    broker.publish(Publication(1, NORTH.status, b"{}"))
    broker.drop()
    assert broker.turn(0.0) == []


def test_it_is_let_in_and_hears_what_is_retained(place: Place, broker: Turned) -> None:
    place.beacon_says(STATE, b"state", retain=True)
    broker.broker.connect()
    broker.until(Accepted)
    broker.broker.subscribe([STATE, HEAD])
    events = broker.until(Granted, Arrived)
    assert Arrived(STATE, b"state", retained=True) in events


def test_it_hears_what_is_said_while_it_listens_and_that_is_not_retained(place: Place, broker: Turned) -> None:
    broker.online(STATE, HEAD)
    place.beacon_says(STATE, b"state", retain=True)
    place.beacon_says(HEAD, b"head")
    events = [event for event in broker.until(Arrived) + broker.until() if isinstance(event, Arrived)]
    while len(events) < 2:
        events += [event for event in broker.until(Arrived) if isinstance(event, Arrived)]
    assert events == [Arrived(STATE, b"state"), Arrived(HEAD, b"head")]


def test_subscribing_again_brings_what_is_retained_again(place: Place, broker: Turned) -> None:
    place.beacon_says(STATE, b"state", retain=True)
    broker.broker.connect()
    broker.until(Accepted)
    for _ in range(2):
        broker.broker.subscribe([STATE])
        assert Arrived(STATE, b"state", retained=True) in broker.until(Granted, Arrived)


def test_what_it_publishes_is_confirmed_and_retained_where_it_asks_for_it(place: Place, broker: Turned) -> None:
    broker.online(STATE)
    broker.broker.publish(Publication(5, NORTH.status, b'{"online":true}', retain=True))
    assert broker.until(Confirmed) == [Confirmed(5)]
    broker.broker.publish(Publication(6, NORTH.owed[Owing.RECEIPT], b"receipt"))
    assert broker.until(Confirmed) == [Confirmed(6)]
    assert place.retained(NORTH.status) == b'{"online":true}'
    assert place.retained(NORTH.owed[Owing.RECEIPT]) is None


def test_what_it_may_not_publish_is_refused_in_words(broker: Turned) -> None:
    broker.online(STATE)
    broker.broker.publish(Publication(9, SOUTH.status, b"{}"))
    assert broker.until(Confirmed) == [Confirmed(9, "Not authorized")]


def test_a_broker_that_ends_is_the_last_event(place: Place, broker: Turned) -> None:
    broker.online(STATE)
    place.stop()
    assert isinstance(broker.until(Lost)[-1], Lost)
    assert broker.broker.turn(0.0) == []
    assert broker.broker.waits_for() is None
    with pytest.raises(BrokerAway, match="nobody listens"):
        broker.broker.connect()


def test_a_new_connection_is_a_clean_one(place: Place, broker: Turned) -> None:
    broker.online(STATE, HEAD)
    broker.broker.publish(Publication(1, NORTH.events, b"in flight"))
    place.stop()
    place.start()
    place.beacon_says(STATE, b"state", retain=True)
    broker.broker.drop()
    broker.broker.connect()
    assert broker.until(Accepted) == [Accepted()]
    place.beacon_says(HEAD, b"nobody has subscribed to it in this connection")
    broker.broker.subscribe([STATE])
    events = broker.until(Granted, Arrived)
    assert [event for event in events if isinstance(event, Arrived)] == [Arrived(STATE, b"state", retained=True)]
    assert not any(isinstance(event, Confirmed) for event in events)


def test_dropping_it_publishes_the_last_will(place: Place, broker: Turned) -> None:
    broker.online(STATE)
    broker.broker.publish(Publication(1, NORTH.status, b'{"online":true}', retain=True))
    broker.until(Confirmed)
    broker.broker.drop()
    assert broker.broker.turn(0.0) == []
    end = BootClock().now() + LOST_S
    while place.retained(NORTH.status) != OFFLINE:
        assert BootClock().now() < end


def test_connecting_twice_leaves_one_connection(broker: Turned) -> None:
    broker.online(STATE)
    broker.online(STATE)
    broker.broker.publish(Publication(1, NORTH.status, b"{}"))
    assert broker.until(Confirmed) == [Confirmed(1)]


def test_the_other_gates_are_others(place: Place) -> None:
    if isinstance(place, Mosquitto):
        assert place.house.connected(AS_SOUTH).publish(SOUTH.status, b"{}") == ""
