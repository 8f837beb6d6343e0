"""The link to sync: two texts for `status`, and nothing else."""

from __future__ import annotations

import inspect
import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.clock import BootClock
from edge.errors import PartFailed
from edge.gate import uplink as module
from edge.gate.uplink import NOBODY, Uplink
from edge.wire.link import Link, Listener, connect
from edge.wire.messages import PROTOCOL, GateHello, LinkState, Message, SyncHello, encode
from tests.fakes.clock import LOST_S

OURS = GateHello(protocol=PROTOCOL, pid=1, site="s", gate="g")
HELLO = SyncHello(protocol=PROTOCOL, pid=2, sandbox="landlock")


class Gate:
    """The gate's side, and whoever connects as sync."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "sync.sock"
        listener = Listener(self.path, allowed_uids=frozenset({os.getuid()}))
        self.uplink = Uplink(listener, OURS, BootClock())
        self.uplink.start()

    def said(self, *messages: Message) -> Link:
        link = connect(self.path, "the gate")
        for message in messages:
            link.send(encode(message))
        return link

    def until(self, wanted: Callable[[str], bool]) -> str:
        """What `status` shows, once it is wanted."""
        end = BootClock().now() + LOST_S
        while not wanted(self.uplink.link):
            assert BootClock().now() < end, self.uplink.link
        return self.uplink.link


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.uplink.close()


def ended(link: Link) -> bool:
    """Whether the gate closes the connection after its hello."""
    try:
        while (datagram := link.receive(LOST_S)) is not None:
            with datagram:
                continue
    except PartFailed:
        return True
    return False


def test_without_sync_status_says_so(gate: Gate) -> None:
    assert gate.uplink.link == NOBODY


def test_sync_says_what_it_knows_of_the_broker(gate: Gate) -> None:
    link = gate.said(HELLO, LinkState(connected=False, why="not connected: no broker"))
    assert gate.until(lambda text: "broker" in text) == "not connected: no broker"
    assert gate.uplink.sandbox == "landlock"
    link.close()
    assert gate.until(lambda text: text.startswith(NOBODY)) != NOBODY


def test_a_broker_without_words_is_connected_or_not(gate: Gate) -> None:
    link = gate.said(HELLO, LinkState(connected=True, why=""))
    assert gate.until(lambda text: text != NOBODY) == "connected"
    link.close()


@pytest.mark.parametrize(
    "messages",
    [
        (LinkState(connected=True, why=""),),
        (HELLO, HELLO),
        (SyncHello(protocol=PROTOCOL + 1, pid=2, sandbox=""),),
        (HELLO, OURS),
    ],
    ids=["no hello", "two hellos", "another protocol", "a message of the gate"],
)
def test_whoever_breaks_the_protocol_is_sent_away(gate: Gate, messages: tuple[Message, ...]) -> None:
    link = gate.said(*messages)
    assert ended(link)
    assert gate.until(lambda text: text.startswith(NOBODY) and text != NOBODY)
    link.close()


def test_what_is_said_before_the_hello_is_not_believed(gate: Gate) -> None:
    link = gate.said(LinkState(connected=True, why="connected to a broker"))
    assert "did not begin with its hello" in gate.until(lambda text: text != NOBODY)
    link.close()


def test_a_flood_ends_the_connection(gate: Gate) -> None:
    link = gate.said(HELLO)
    with pytest.raises(PartFailed, match="gone"):
        _flood(link)
    assert "messages a second" in gate.until(lambda text: text.startswith(NOBODY))
    link.close()


def _flood(link: Link) -> None:
    """As fast as the gate reads."""
    while True:
        try:
            link.send(encode(LinkState(connected=True, why="")))
        except PartFailed as error:
            if "does not read" not in error.message:
                raise
            select.select([], [link], [], LOST_S)


def test_its_words_cannot_move_a_cursor(gate: Gate) -> None:
    link = gate.said(HELLO, LinkState(connected=True, why="fine\x1b]0;evil\x07"))
    assert gate.until(lambda text: "fine" in text) == "fine?]0;evil?"
    link.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(data=st.binary(min_size=1, max_size=200))
def test_no_bytes_end_the_thread(gate: Gate, data: bytes) -> None:
    link = connect(gate.path, "the gate")
    link.send(data)
    assert ended(link)
    link.close()


def test_there_is_no_way_from_sync_to_the_lane() -> None:
    """Threat 25: nothing that could carry an event is within reach of this module."""
    assert "Inbox" not in vars(module)
    assert list(inspect.signature(Uplink).parameters) == ["listener", "hello", "clock"]
