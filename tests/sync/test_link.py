"""The whole link between a real mosquitto and a gate's socket, as it runs on a board but for the process."""

from __future__ import annotations

import contextlib
import hashlib
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.clock import BootClock
from edge.sync.exchange import Exchange, wait
from edge.sync.mqtt import Address, MqttBroker
from edge.sync.port import Arrived, Confirmed, Publication
from edge.sync.service import join
from edge.sync.tls import context
from edge.wire.messages import (
    MAX_STATE_BYTES,
    Delivered,
    GateState,
    Kind,
    LinkState,
    Owed,
    Owing,
    Settled,
    StatePiece,
)
from edge.wire.topics import Status
from tests.broker.house import (
    ACKNOWLEDGEMENTS,
    ANSWERS,
    AS_ADMIN,
    AS_BEACON,
    AS_NORTH,
    NORTH,
    RECEIPTS,
    SITE,
    TOPICS,
    House,
    Peer,
)
from tests.fakes.clock import LOST_S
from tests.sync.fakes import FakeGate

HEAD = NORTH.heard[Kind.HEAD]
CLOCK = BootClock()


class Running:
    """Sync of the gate "north", turned by whoever waits for something."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.gate = FakeGate(folder)
        address = Address("localhost", house.broker.port, house.credentials(AS_NORTH))
        self.exchange: Exchange = join(
            MqttBroker(address, NORTH), self.gate.meet, NORTH, sandbox="", clock=CLOCK, draw=lambda: 0.0
        )

    def until(self, wanted: Callable[[], bool]) -> None:
        end = CLOCK.now() + LOST_S
        while not wanted():
            assert CLOCK.now() < end, self.gate.links()
            self.exchange.turn(self._wait)
            if self.gate.link is None:
                self.gate.accept()
            self.gate.read()

    def _wait(self, events: Mapping[int, int], longest_s: float) -> None:
        """Also what the other end of the gate's socket gets ends a wait, for we are both ends."""
        ours = {} if self.gate.link is None else {self.gate.link.fileno(): select.POLLIN}
        wait({**events, **ours}, min(longest_s, 0.05))

    def connected(self) -> Running:
        self.until(lambda: bool(self.gate.links()) and self.gate.links()[-1].connected)
        return self

    def state(self) -> bytes:
        """The pieces that the gate has got since it was last asked."""
        found = b"".join(message.data for message in self.gate.heard if isinstance(message, StatePiece))
        self.gate.heard.clear()
        return found

    def told(self, kind: Kind) -> list[bytes]:
        return [m.document for m in self.gate.heard if isinstance(m, Delivered) and m.kind is kind]

    def close(self) -> None:
        self.exchange.close()
        self.gate.close()


@pytest.fixture
def running(house: House, tmp_path: Path) -> Iterator[Running]:
    made = Running(house, tmp_path)
    yield made
    made.close()


# One way and the other -----------------------------------------------------------------------
def test_a_state_of_four_megabytes_reaches_the_gate(running: Running) -> None:
    state = hashlib.shake_256(b"state").digest(MAX_STATE_BYTES)
    assert running.house.connected(AS_BEACON).publish(TOPICS.state, state, retain=True) == ""
    running.connected()
    got = bytearray()

    def whole() -> bool:
        got.extend(running.state())
        return len(got) >= len(state)

    running.until(whole)
    assert got == state


def test_a_receipt_reaches_the_beacon_until_its_acknowledgement_reaches_the_gate(running: Running) -> None:
    beacon = running.house.connected(AS_BEACON, RECEIPTS)
    running.connected()
    receipt = Owed(kind=Owing.RECEIPT, sha256="a" * 64, document=b"signed receipt")
    running.gate.say(receipt)
    running.until(lambda: has_got(beacon, RECEIPTS, b"signed receipt"))
    assert beacon.publish(ACKNOWLEDGEMENTS, b"signed acknowledgement") == ""
    running.until(lambda: running.told(Kind.ACKNOWLEDGEMENT) == [b"signed acknowledgement"])
    running.gate.say(Settled(sha256=receipt.sha256))


def has_got(peer: Peer, topic: str, payload: bytes) -> bool:
    """Whether `peer` has got this message by now."""
    peer.events += peer.mqtt.turn(CLOCK.now())
    return any(isinstance(e, Arrived) and (e.topic, e.payload) == (topic, payload) for e in peer.events)


def has_seen(peer: Peer, status: Status) -> bool:
    return has_got(peer, NORTH.status, msgspec.json.encode(status))


def test_the_status_is_retained_and_the_last_will_is_seen(running: Running) -> None:
    running.connected()
    running.gate.say(GateState(face=True, lane=True, failed=(), state_version=7, references=3, owed=0))
    onlooker = running.house.connected(AS_ADMIN, NORTH.status)
    wanted = Status(online=True, gate=GateState(face=True, lane=True, failed=(), state_version=7, references=3, owed=0))
    running.until(lambda: has_seen(onlooker, wanted))
    running.exchange.close()  # as if it had been killed: no DISCONNECT
    onlooker.events.clear()
    end = CLOCK.now() + LOST_S
    while not has_seen(onlooker, Status(online=False)):
        assert CLOCK.now() < end
    later = running.house.connected(AS_ADMIN, NORTH.status)
    assert msgspec.json.decode(later.arrived(NORTH.status).payload, type=Status) == Status(online=False)


# Threats -------------------------------------------------------------------------------------
def test_threat_8_a_reconnect_replays_nothing(running: Running) -> None:
    """Retained heads, answers and acknowledgements, and messages queued for an earlier session of this gate."""
    beacon = running.house.connected(AS_BEACON)
    leave_a_session_behind(running.house)
    for number in range(200):
        assert beacon.publish(HEAD, b"stale %d" % number) == ""
    for topic in (HEAD, ANSWERS, ACKNOWLEDGEMENTS):
        assert beacon.publish(topic, b"retained", retain=True) == ""
    assert beacon.publish(TOPICS.state, b"the state", retain=True) == ""
    running.connected()
    running.until(lambda: b"the state" in {m.data for m in running.gate.heard if isinstance(m, StatePiece)})
    assert beacon.publish(HEAD, b"fresh") == ""
    running.until(lambda: running.told(Kind.HEAD) == [b"fresh"])
    assert running.told(Kind.ANSWER) == running.told(Kind.ACKNOWLEDGEMENT) == []


def leave_a_session_behind(house: House) -> None:
    """A persistent session under this gate's name, with subscriptions, that went offline: what such a session costs."""
    client = session(house, clean=False)
    client.disconnect()
    pump(client, lambda: client.socket() is None)


def session(house: House, *, clean: bool) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, "north", protocol=paho.MQTTv5, reconnect_on_failure=False)
    client.tls_set_context(context(house.credentials(AS_NORTH)))
    wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    wishes.SessionExpiryInterval = 3600
    got: list[str] = []
    client.on_connect = lambda *_: got.append("in")
    client.on_subscribe = lambda *_: got.append("subscribed")
    client.connect("localhost", house.broker.port, clean_start=clean, properties=wishes)
    pump(client, lambda: "in" in got)
    client.subscribe([(HEAD, 1), (ANSWERS, 1)])
    pump(client, lambda: "subscribed" in got)
    return client


def pump(client: paho.Client, wanted: Callable[[], bool]) -> None:
    end = CLOCK.now() + LOST_S
    while not wanted():
        assert CLOCK.now() < end
        client.loop(0.1)


def test_a_session_that_is_kept_would_deliver_stale_heads(house: House) -> None:
    """The failure that `clean_start` is for, shown: without it the test above would test nothing."""
    leave_a_session_behind(house)
    beacon = house.connected(AS_BEACON)
    for number in range(50):
        beacon.publish(HEAD, b"stale %d" % number)
    stale: list[bytes] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, "north", protocol=paho.MQTTv5, reconnect_on_failure=False)
    client.tls_set_context(context(house.credentials(AS_NORTH)))
    client.on_message = lambda _client, _data, message: stale.append(bytes(message.payload))
    wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    wishes.SessionExpiryInterval = 3600
    client.connect("localhost", house.broker.port, clean_start=False, properties=wishes)
    pump(client, lambda: len(stale) == 50)
    client.disconnect()


def test_threat_13_a_broker_that_is_killed_and_comes_back_is_heard_again(running: Running) -> None:
    beacon = running.house.connected(AS_BEACON)
    assert beacon.publish(TOPICS.state, b"first state", retain=True) == ""
    running.connected()
    running.until(lambda: running.state() == b"first state")
    for number in range(3):
        running.house.broker.kill()
        running.until(lambda: bool(running.gate.links()) and not running.gate.links()[-1].connected)
        running.house.broker.start()
        state = b"state after loss %d" % number
        assert running.house.connected(AS_BEACON).publish(TOPICS.state, state, retain=True) == ""
        running.gate.heard.clear()
        running.connected()
        running.until(lambda state=state: running.state() == state)  # type: ignore[misc]


def test_threat_20_poison_is_counted_and_the_next_message_is_heard(running: Running) -> None:
    beacon = running.house.connected(AS_BEACON)
    running.connected()
    for payload in (b"", b"x" * (64 * 1024), b"\x91" * 60_000, b"[" * 60_000, b"\xff" * 100):
        assert beacon.publish(HEAD, payload) == ""
    assert beacon.publish(HEAD, b"good") == ""
    running.until(lambda: running.told(Kind.HEAD)[-1:] == [b"good"])
    assert running.exchange.failures == 0
    assert running.exchange._inward.quarantine.count == 2  # empty, and too large; nesting is opaque here
    onlooker = running.house.connected(AS_ADMIN, NORTH.status)
    counted = Status(online=True, poison=2)
    running.until(lambda: has_seen(onlooker, counted))


def test_threat_21_ten_thousand_messages_in_a_burst(running: Running) -> None:
    beacon = running.house.connected(AS_BEACON)
    running.connected()
    sent = confirmed = 0
    while confirmed < 10_000:
        while sent < 10_000 and sent - confirmed < 20:
            beacon.mqtt.publish(Publication(sent, HEAD if sent % 2 else ACKNOWLEDGEMENTS, b"%d" % sent))
            sent += 1
        confirmed += sum(isinstance(event, Confirmed) for event in beacon.turn())
        running.exchange.turn(lambda *_: None)
        running.gate.read()
    # The broker may have dropped what came last (its queue holds 1,000), so the end is said until it is heard.
    while b"the last" not in running.told(Kind.HEAD):
        assert beacon.publish(HEAD, b"the last") == ""
        running.exchange.turn(lambda *_: None)
        running.gate.read()
    assert beacon.publish(TOPICS.state, b"after the burst", retain=True) == ""
    running.until(lambda: any(isinstance(m, StatePiece) and m.data == b"after the burst" for m in running.gate.heard))
    assert running.exchange.failures == 0
    assert len(running.gate.heard) < 2000  # the newest count, and the gate is not flooded


def test_threat_25_a_taken_over_broker_reaches_the_gate_with_bytes_and_nothing_else(running: Running) -> None:
    """Whatever the beacon's place says, what comes out is signed-or-not bytes in three wrappers and a link state."""
    beacon = running.house.connected(AS_BEACON)
    running.connected()
    for topic in (TOPICS.state, HEAD, ANSWERS, ACKNOWLEDGEMENTS):
        for payload in (b'{"type":"Release"}', b"\x81\xa4type\xa7Release", b"open"):
            assert beacon.publish(topic, payload) == ""
    assert beacon.publish(HEAD, b"end") == ""
    running.until(lambda: running.told(Kind.HEAD)[-1:] == [b"end"])
    kinds = {type(message).__name__ for message in running.gate.heard}
    assert kinds <= {"SyncHello", "LinkState", "StateOpening", "StatePiece", "Delivered"}


# The process ---------------------------------------------------------------------------------
def test_the_process_confines_itself_connects_and_leaves_a_last_will(house: House, tmp_path: Path) -> None:
    credentials = house.credentials(AS_NORTH)
    (tmp_path / "run").mkdir()
    (tmp_path / "vault").mkdir()
    settings = tmp_path / "gate.toml"
    settings.write_text(
        f"""
[site]
id = "{SITE}"
issuers = ["{"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"}"]
[gate]
id = "north"
[paths]
state = "vault/state"
runtime = "run"
[camera]
kind = "sim"
device = "faces"
[pins]
kind = "sim"
[cards]
kind = "sim"
[broker]
host = "localhost"
port = {house.broker.port}
authority = "{credentials.authority}"
certificate = "{credentials.certificate}"
key = "{credentials.key}"
"""
    )
    gate = FakeGate(tmp_path / "run")
    onlooker = house.connected(AS_ADMIN, NORTH.status)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "edge", "sync", "--config", settings],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        end = CLOCK.now() + LOST_S
        while LinkState(connected=True, why="") not in gate.heard:
            assert process.poll() is None, (process.stderr.read() if process.stderr else b"").decode()
            assert CLOCK.now() < end, gate.heard
            if gate.link is None:
                gate.accept()
            gate.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(LOST_S) in {0, -signal.SIGTERM, 143}
        while not has_seen(onlooker, Status(online=False)):
            assert CLOCK.now() < end
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()
        gate.close()
