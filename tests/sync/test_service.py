"""The link process before there is a broker."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.errors import NotRunning, Refused
from edge.sync.service import BACK_OFF_MAX_S, BACK_OFF_S, NOT_CONNECTED, serve
from edge.wire.link import Link, Listener, connect
from edge.wire.messages import PROTOCOL, GateHello, LinkState, SyncHello, decode_from_sync, encode
from tests.fakes.clock import LOST_S


class Gate:
    """A gate at a socket; `script` decides what each meeting becomes, and when sync stops."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "sync.sock"
        self.listener = Listener(self.path, allowed_uids=frozenset({os.getuid()}))
        self.links: list[Link] = []
        self.pauses: list[float] = []
        self.stopped = False

    def meet(self, hello: GateHello | None) -> Link:
        """Connect, and be accepted by a gate that says `hello` and then leaves."""
        theirs = connect(self.path, "the gate")
        ours = self.listener.accept(LOST_S)
        assert ours is not None
        if hello is not None:
            ours.send(encode(hello))
        self.links.append(ours)
        return theirs

    def heard(self, link: Link) -> list[object]:
        """What sync said before it left."""
        said: list[object] = []
        for _ in range(2):
            datagram = link.receive(0.0)
            assert datagram is not None
            with datagram:
                said.append(decode_from_sync(datagram.data))
        return said


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


HELLO = GateHello(protocol=PROTOCOL, pid=1, site="s", gate="g")


def run(gate: Gate, meetings: list[Callable[[], Link]]) -> None:
    """Serve until the script ends."""
    script = iter(meetings)

    def meet() -> Link:
        try:
            return next(script)()
        except StopIteration:
            gate.stopped = True
            raise NotRunning("no gate", hint="") from None

    serve(meet, "landlock", lambda: gate.stopped, gate.pauses.append)


def away() -> Link:
    raise NotRunning("no gate", hint="start it")


def test_it_says_hello_and_that_no_broker_is_configured(gate: Gate) -> None:
    def meet() -> Link:
        link = gate.meet(HELLO)
        gate.stopped = True  # it stops after the greeting
        return link

    run(gate, [meet])
    hello, state = gate.heard(gate.links[0])
    assert isinstance(hello, SyncHello)
    assert (hello.protocol, hello.sandbox) == (PROTOCOL, "landlock")
    assert state == LinkState(connected=False, why=NOT_CONNECTED)


def test_a_gate_that_is_away_is_tried_again_ever_more_slowly(gate: Gate) -> None:
    run(gate, [away] * 9)
    assert gate.pauses[:4] == [BACK_OFF_S, 2 * BACK_OFF_S, 4 * BACK_OFF_S, 8 * BACK_OFF_S]
    assert max(gate.pauses) == gate.pauses[-1] == BACK_OFF_MAX_S


def test_a_gate_that_answered_is_worth_a_fresh_start(gate: Gate) -> None:
    def come_and_go() -> Link:
        link = gate.meet(HELLO)
        gate.links[-1].close()
        return link

    run(gate, [away, away, away, come_and_go, away])
    assert gate.pauses[3] <= 8 * BACK_OFF_S
    assert len(gate.pauses) >= 5


def test_a_gate_of_another_protocol_ends_it(gate: Gate) -> None:
    with pytest.raises(Refused, match="protocol 99"):
        run(gate, [lambda: gate.meet(GateHello(protocol=99, pid=1, site="s", gate="g"))])


def test_nonsense_from_the_gate_is_a_gate_that_is_away(gate: Gate) -> None:
    def babbling() -> Link:
        link = gate.meet(None)
        gate.links[-1].send(b"\xc1")
        return link

    run(gate, [babbling])
    assert gate.pauses[0] == BACK_OFF_S
