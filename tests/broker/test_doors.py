"""Who gets in, and what they may say and hear, at a real mosquitto with the configuration that a site gets."""

from __future__ import annotations

import socket
import ssl

import pytest

from edge.broker import config
from edge.broker.authority import Authority, new_key
from edge.broker.private import HOST
from edge.clock import BootClock
from edge.sync.port import Arrived, Lost, Publication
from edge.wire.messages import MAX_STATE_BYTES
from tests.broker.house import (
    AS_ADMIN,
    AS_BEACON,
    AS_NORTH,
    AS_SOUTH,
    DAY_S,
    NORTH,
    RECEIPTS,
    SOUTH,
    TOPICS,
    House,
    Issue,
)
from tests.fakes.clock import LOST_S


# Getting in ----------------------------------------------------------------------------------
def test_a_gate_with_its_certificate_gets_in(house: House) -> None:
    house.connected(AS_NORTH).hear(TOPICS.state)


def test_a_broker_of_another_authority_is_refused(house: House) -> None:
    other = Authority.found("compound", new_key(), house.now)
    peer = house.peer(AS_NORTH, credentials=house.credentials(AS_NORTH, trusting=other.pem()))
    assert peer.refused() == "the broker's certificate is not from this site's authority"


def test_a_broker_under_another_name_is_refused(unstarted: House) -> None:
    unstarted.shows(["gate-broker.local"], at=unstarted.now)
    unstarted.broker.start()
    assert "names another host" in unstarted.peer(AS_NORTH).refused()
    assert "names another address" in unstarted.peer(AS_NORTH, host="127.0.0.1").refused()


@pytest.mark.parametrize(
    ("days", "why"), [(-400, "has expired"), (+2, "not valid yet")], ids=["expired", "not valid yet"]
)
def test_a_broker_whose_certificate_is_out_of_its_time_is_refused(unstarted: House, days: int, why: str) -> None:
    unstarted.shows([HOST], at=unstarted.now + days * DAY_S)
    unstarted.broker.start()
    refused = unstarted.peer(AS_NORTH).refused()
    assert why in refused
    assert "clock" in refused


def test_a_gate_that_shows_its_certificate_as_the_brokers_is_refused(unstarted: House) -> None:
    credentials = unstarted.credentials(AS_NORTH)
    unstarted.broker.files.key.write_bytes(credentials.key.read_bytes())
    unstarted.broker.files.certificate.write_bytes(credentials.certificate.read_bytes())
    unstarted.broker.start()
    assert "certificate is not accepted" in unstarted.peer(AS_NORTH).refused()


def test_a_gate_of_another_authority_does_not_get_in(house: House) -> None:
    other = Authority.found("compound", new_key(), house.now)
    peer = house.peer(AS_NORTH, credentials=house.credentials(AS_NORTH, by=other))
    assert "does not know who issued" in peer.refused()


@pytest.mark.parametrize("days", [-400, +2], ids=["expired", "not valid yet"])
def test_a_gate_whose_certificate_is_out_of_its_time_does_not_get_in(house: House, days: int) -> None:
    credentials = house.credentials(AS_NORTH, at=house.now + days * DAY_S)
    why = house.peer(AS_NORTH, credentials=credentials).refused()
    assert "certificate" in why


def test_a_broker_certificate_is_no_client_certificate(house: House) -> None:
    as_broker: Issue = lambda authority, asked, now: authority.broker([HOST], asked, now)  # noqa: E731
    assert "not one for a client" in house.peer(AS_NORTH, credentials=house.credentials(as_broker)).refused()


def tls(house: House, **versions: ssl.TLSVersion) -> bytes:
    """What the broker answers to a client without a certificate; raises what TLS raises."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=house.authority.pem().decode())
    for name, version in versions.items():
        setattr(context, name, version)
    with (
        socket.create_connection((HOST, house.broker.port), LOST_S) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as sock,
    ):
        sock.send(b"\x10\x00")
        return sock.recv(1)


def test_nobody_gets_in_without_a_certificate(house: House) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls(house)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_refused(house: House) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls(house, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)


def test_nothing_is_answered_without_tls(house: House) -> None:
    with socket.create_connection((HOST, house.broker.port), LOST_S) as plain:
        plain.sendall(bytes.fromhex("101000044d5154540502003c0000036162630000"))
        try:
            answer = plain.recv(1)
        except ConnectionError:
            answer = b""
        assert answer == b""


# Getting out again ---------------------------------------------------------------------------
def test_a_revoked_certificate_does_not_get_in_any_more(own_house: House) -> None:
    credentials = own_house.credentials(AS_NORTH)
    peer = own_house.peer(AS_NORTH, credentials=credentials)
    peer.connect()
    own_house.broker.revoke([credentials.certificate.read_bytes()], own_house.now)
    own_house.broker.reload()
    other = own_house.connected(AS_SOUTH)  # the reload is behind us when somebody else got in after it
    assert other.publish(SOUTH.status, b"{}") == ""
    assert "revoked" in own_house.peer(AS_NORTH, credentials=credentials).refused()


def test_a_retired_gate_falls_silent_where_it_stands(own_house: House) -> None:
    north, beacon = own_house.connected(AS_NORTH, TOPICS.state), own_house.connected(AS_BEACON)
    assert north.publish(RECEIPTS, b"r") == ""
    own_house.broker.allow(["south"])
    own_house.broker.reload()
    end = BootClock().now() + LOST_S
    while (refused := north.publish(RECEIPTS, b"r")) == "" and BootClock().now() < end:
        pass
    assert refused == "Not authorized"
    assert beacon.publish(TOPICS.state, b"state") == ""
    assert north.silent()


def test_nobody_throws_out_another_by_its_name(house: House) -> None:
    """The client id is the certificate's name, whatever the client says: this one says "north"."""
    north = house.connected(AS_NORTH)
    intruder = house.connected(AS_ADMIN)
    assert intruder.mqtt._topics.gate == "north"
    assert north.publish(NORTH.status, b"{}") == ""
    assert not any(isinstance(event, Lost) for event in north.events)


def test_the_same_gate_twice_is_one_at_a_time(house: House) -> None:
    first, second = house.connected(AS_NORTH), house.connected(AS_NORTH)
    first.until(Lost)
    assert second.publish(NORTH.status, b"{}") == ""


# The ACL, tried ------------------------------------------------------------------------------
EVERYBODY: dict[str, Issue] = {"north": AS_NORTH, "south": AS_SOUTH, "beacon": AS_BEACON, "admin": AS_ADMIN}
MAY_SAY = {
    "north": set(NORTH.said),
    "south": set(SOUTH.said),
    "beacon": {TOPICS.state, *NORTH.heard.values(), *SOUTH.heard.values()},
    "admin": {TOPICS.handover},
}
ALL = sorted(
    set().union(*MAY_SAY.values()) | {"edge-gate/other/state", "$SYS/broker/load", "homeassistant/x", "door/open"}
)


@pytest.mark.parametrize("who", EVERYBODY)
def test_everybody_says_what_is_theirs_and_nothing_else(house: House, who: str) -> None:
    """A gate that publishes on another's topic sees "Not authorized", which MQTT 3 would have hidden from it."""
    peer = house.connected(EVERYBODY[who])
    answers = {topic: peer.publish(topic, b"x") for topic in ALL}
    assert answers == {topic: "" if topic in MAY_SAY[who] else "Not authorized" for topic in ALL}


@pytest.mark.parametrize(
    ("who", "hears"),
    [
        ("north", {TOPICS.state, *NORTH.heard.values()}),
        ("beacon", {TOPICS.state, TOPICS.handover, *NORTH.said, *SOUTH.said}),
        ("admin", {topic for topics in MAY_SAY.values() for topic in topics}),
    ],
)
def test_whoever_listens_to_everything_hears_what_is_theirs(house: House, who: str, hears: set[str]) -> None:
    listener = house.connected(EVERYBODY[who], "#")
    speakers = {name: house.connected(issue) for name, issue in EVERYBODY.items() if name != who}
    speakers[who] = listener
    for name, topics in MAY_SAY.items():
        for topic in sorted(topics):
            assert speakers[name].publish(topic, b"said") == ""
    listener.silent()
    heard = {event.topic for event in listener.events if isinstance(event, Arrived) and event.payload == b"said"}
    assert heard == hears


def test_nobody_can_leave_a_state_or_remove_it_but_the_beacon(house: House) -> None:
    beacon = house.connected(AS_BEACON)
    assert beacon.publish(TOPICS.state, b"the state", retain=True) == ""
    for issue in (AS_NORTH, AS_SOUTH, AS_ADMIN):
        assert house.connected(issue).publish(TOPICS.state, b"", retain=True) == "Not authorized"
    assert house.connected(AS_NORTH, TOPICS.state).arrived(TOPICS.state).payload == b"the state"


# Sizes ---------------------------------------------------------------------------------------
def test_the_largest_state_gets_through_and_more_does_not(house: House) -> None:
    beacon, north = house.connected(AS_BEACON), house.connected(AS_NORTH, TOPICS.state)
    largest = bytes(MAX_STATE_BYTES)
    assert beacon.publish(TOPICS.state, largest) == ""
    assert north.until(Arrived, lambda event: not event.retained).payload == largest
    beacon.mqtt.publish(Publication(99, TOPICS.state, bytes(config.MAX_PACKET_BYTES)))
    beacon.until(Lost)
    assert north.silent()


def test_what_is_retained_survives_a_broker_that_is_killed(own_house: House) -> None:
    beacon = own_house.connected(AS_BEACON)
    assert beacon.publish(TOPICS.state, b"the state", retain=True) == ""
    own_house.broker.save()
    assert beacon.publish(TOPICS.state, b"not saved yet") == ""  # a round trip: the file is written
    own_house.broker.kill()
    own_house.broker.start()
    assert own_house.connected(AS_NORTH, TOPICS.state).arrived(TOPICS.state).payload == b"the state"


def test_an_orderly_restart_loses_nothing_retained(own_house: House) -> None:
    assert own_house.connected(AS_BEACON).publish(TOPICS.state, b"the state", retain=True) == ""
    own_house.broker.stop()
    own_house.broker.start()
    assert own_house.connected(AS_NORTH, TOPICS.state).arrived(TOPICS.state).payload == b"the state"
