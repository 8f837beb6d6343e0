"""Whatever a broker sends, `turn` returns, nothing large is read, and the next connection works (threats 20, 21)."""

from __future__ import annotations

import resource
import select
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.clock import BootClock
from edge.sync.mqtt import KEEPALIVE_S, STALL_S
from edge.sync.port import Accepted, Arrived, BrokerAway, BrokerEvent, Lost, Publication
from edge.wire.messages import MAX_STATE_BYTES
from tests.broker.house import NORTH
from tests.fakes.clock import LOST_S
from tests.sync.hostile import CONNACK, Impostor, publish, read_packet, remaining

STATE = NORTH.site.state.encode()


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[Impostor]:
    made = Impostor(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def enduring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Impostor]:
    made = Impostor(tmp_path_factory.mktemp("impostor"))
    yield made
    made.close()


def until_lost_or(impostor: Impostor, count: int = 1) -> list[BrokerEvent]:
    """Connect, and turn until the connection is lost or so many events have come."""
    clock = BootClock()
    end = clock.now() + LOST_S
    impostor.mqtt.connect()
    events: list[BrokerEvent] = []
    while len(events) < count and not any(isinstance(event, Lost) for event in events):
        place = impostor.mqtt.waits_for()
        if place is not None and not impostor.mqtt.ready():
            poll = select.poll()
            poll.register(*place)
            poll.poll(200)
        events += impostor.mqtt.turn(clock.now())
        assert clock.now() < end, events
    return events


def why_lost(impostor: Impostor, data: bytes) -> str:
    impostor.sends(data)
    events = until_lost_or(impostor, 1000)
    assert isinstance(events[-1], Lost)
    assert impostor.mqtt.waits_for() is None
    return events[-1].why


def well_again(impostor: Impostor) -> None:
    impostor.sends(CONNACK + publish(STATE, b"state"))
    assert until_lost_or(impostor, 2) == [Accepted(), Arrived(NORTH.site.state, b"state")]
    impostor.mqtt.drop()


def test_an_honest_impostor_is_a_broker(impostor: Impostor) -> None:
    well_again(impostor)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x20\x03\x00\x87\x00", "does not let this gate in: Not authorized"),
        (b"\x20\x03\x00\x89\x00", "does not let this gate in: Server busy"),
        (b"\x20\x06\x00\x00\x03\x13\x00\x00", "keep-alive of 0 s"),
        (b"\x20\x06\x00\x00\x03\x13\xff\xff", "keep-alive of 65535 s"),
        (b"\xe0\x02\x8b\x00", "ended the connection: Server shutting down"),
        (b"\x10\x00", "no broker sends"),
        (CONNACK + b"\x34\x00", "QoS 2"),
        (CONNACK + b"\x30\xff\xff\xff\x7f", "announced a packet"),
        (CONNACK + b"\x30\xff\xff\xff\xff", "announced a packet"),
        (b"\x20\xff\xff\x7f", "announced a packet"),
        (CONNACK + b"\x30\x00", "is not MQTT"),
        (CONNACK + publish(STATE, b"", properties=b"\xff\xff\xff\xff\x7f"), "is not MQTT"),
        (b"\x20\x00", "is not MQTT"),
    ],
)
def test_a_poison_packet_ends_one_connection_in_words_of_ours(impostor: Impostor, data: bytes, why: str) -> None:
    assert why in why_lost(impostor, data)
    well_again(impostor)


def test_threat_20_an_exception_in_a_callback_ends_one_connection_and_nothing_else(
    impostor: Impostor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """paho's own thread would die of it, with `is_connected()` still true."""

    def poisoned(*_: object) -> None:
        raise ValueError("what a message made it do")

    monkeypatch.setattr(impostor.mqtt, "_on_message", poisoned)
    impostor.sends(CONNACK + publish(STATE, b"poison"))
    assert until_lost_or(impostor, 2) == [Accepted(), Lost("the broker sent what is not MQTT (ValueError)")]
    monkeypatch.undo()
    well_again(impostor)


def test_a_topic_that_is_no_text_is_a_message_that_nobody_asked_for(impostor: Impostor) -> None:
    impostor.sends(CONNACK + publish(b"\xff\xfe", b"x"))
    assert until_lost_or(impostor, 2) == [Accepted(), Arrived("", b"x")]


def test_nothing_of_a_message_of_256_mb_is_kept(impostor: Impostor) -> None:
    """Threat 21: the broker ignores our Maximum Packet Size, and goes on sending."""

    def script(sock: ssl.SSLSocket) -> None:
        read_packet(sock)
        sock.sendall(CONNACK + b"\x30" + remaining(2**28 - 1))
        for _ in range(256):
            sock.sendall(bytes(2**20))

    impostor.script = script
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    events = until_lost_or(impostor, 1000)
    assert isinstance(events[-1], Lost)
    assert "announced a packet" in events[-1].why
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024  # KiB


def test_a_turn_ends_however_much_there_is_to_read(impostor: Impostor) -> None:
    large = publish(STATE, bytes(MAX_STATE_BYTES))
    impostor.sends(CONNACK + large * 4)
    largest, total = 0, 0
    clock = BootClock()
    impostor.mqtt.connect()
    while total < 4 * MAX_STATE_BYTES:
        events = impostor.mqtt.turn(clock.now())
        size = sum(len(event.payload) for event in events if isinstance(event, Arrived))
        largest, total = max(largest, size), total + size
    assert largest <= MAX_STATE_BYTES


def test_what_we_ask_for_in_connect(impostor: Impostor) -> None:
    """MQTT 5, clean start, keep-alive, and the properties that bound what comes in."""
    seen: list[bytes] = []

    def script(sock: ssl.SSLSocket) -> None:
        seen.append(read_packet(sock))
        sock.sendall(CONNACK)

    impostor.script = script
    for _ in range(2):
        until_lost_or(impostor)
        impostor.mqtt.drop()
    for packet in seen:
        body = packet[packet.index(b"\x00\x04MQTT") :]
        version, flags, keepalive = body[6], body[7], int.from_bytes(body[8:10], "big")
        assert (version, keepalive) == (5, KEEPALIVE_S)
        assert flags & 0x02  # clean start, on every connection
        assert flags & 0x2C == 0x2C  # a last will: QoS 1, retained
        properties = body[11 : 11 + body[10]]
        assert b"\x27" + (MAX_STATE_BYTES + 16 * 1024).to_bytes(4, "big") in properties  # Maximum Packet Size
        assert b"\x21\x00\x10" in properties  # Receive Maximum
        assert b"\x11\x00\x00\x00\x00" in properties  # no session is kept


def test_a_broker_that_hangs_in_its_handshake_is_left(impostor: Impostor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.sync.tls.HANDSHAKE_S", 0.05)
    impostor._context.sni_callback = lambda *_: _hang()
    with pytest.raises(BrokerAway, match="in time"):
        impostor.mqtt.connect()


def _hang() -> None:
    threading.Event().wait(0.5)


def test_a_broker_that_does_not_read_is_left(impostor: Impostor) -> None:
    def script(sock: ssl.SSLSocket) -> None:
        read_packet(sock)
        sock.sendall(CONNACK)
        release.wait(LOST_S)

    release = threading.Event()
    impostor.script = script
    assert until_lost_or(impostor) == [Accepted()]
    clock, token = 0.0, 0
    events: list[BrokerEvent] = []
    while not events:
        token += 1
        impostor.mqtt.publish(Publication(token, NORTH.events, bytes(60_000)))
        events = impostor.mqtt.turn(clock)
        clock += STALL_S / 50
        assert token < 10_000
    release.set()
    assert events == [Lost("the broker does not read what it is sent")]


def test_a_silent_line_is_noticed(impostor: Impostor, monkeypatch: pytest.MonkeyPatch) -> None:
    """paho reads its own clock, so that is moved: no answer to a ping within a keep-alive."""
    impostor.sends(CONNACK)
    assert until_lost_or(impostor) == [Accepted()]
    now = [paho.time_func()]
    monkeypatch.setattr(paho, "time_func", lambda: now[0])
    events: list[BrokerEvent] = []
    for _ in range(4):
        now[0] += KEEPALIVE_S + 1
        events += impostor.mqtt.turn(0.0)
    assert len(events) == 1
    assert isinstance(events[0], Lost)


# Fuzz ----------------------------------------------------------------------------------------
HONEST = (
    CONNACK + publish(STATE, b"state", flags=1) + publish(STATE, b"qos 1", flags=2) + b"\xd0\x00" + b"\x40\x02\x00\x01"
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=200))
def test_arbitrary_bytes_end_in_events(enduring: Impostor, data: bytes) -> None:
    _all_of(enduring, data)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(HONEST) - 1), to=st.integers(0, 255), more=st.binary(max_size=8))
def test_damaged_packets_end_in_events(enduring: Impostor, at: int, to: int, more: bytes) -> None:
    data = bytearray(HONEST)
    data[at] = to
    data[at:at] = more
    _all_of(enduring, bytes(data))


def _all_of(impostor: Impostor, data: bytes) -> None:
    """Play `data` and close: there is always an end, and it is an event."""

    def script(sock: ssl.SSLSocket) -> None:
        read_packet(sock)
        sock.sendall(data)
        sock.unwrap()

    impostor.script = script
    events = until_lost_or(impostor, 10_000)
    assert isinstance(events[-1], Lost)
    assert all(not isinstance(event, Lost) for event in events[:-1])
    assert len(events[-1].why) < 200
