"""The loop, on a clock that jumps: two peers that come, go, hang and talk nonsense."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import PartFailed, Refused
from edge.sync.exchange import TURN_S
from edge.sync.gate_side import GATE_RETRY, HELLO_S, STALL_S
from edge.sync.no_broker import NO_BROKER, NoBroker
from edge.sync.outward import OFFLINE
from edge.sync.service import join
from edge.sync.session import GREETING_S
from edge.wire.messages import (
    PROTOCOL,
    Delivered,
    EventKind,
    GateEvent,
    GateHello,
    GateState,
    Kind,
    LinkState,
    Owed,
    Owing,
    Question,
    Settled,
    StateOpening,
    StatePiece,
    StateWanted,
    SyncHello,
)
from edge.wire.topics import Status
from tests.sync.fakes import HELLO, TOPICS, World

STATE, HEAD = TOPICS.site.state, TOPICS.heard[Kind.HEAD]
RECEIPTS = TOPICS.owed[Owing.RECEIPT]
RECEIPT = Owed(kind=Owing.RECEIPT, sha256="1" * 64, document=b"receipt")
WELL = GateState(face=True, lane=True, failed=(), state_version=1, references=2, owed=0)


def status(world: World) -> Status:
    return msgspec.json.decode(world.server.retained[TOPICS.status], type=Status)


# Both peers are there ------------------------------------------------------------------------
def test_it_greets_the_gate_and_says_how_the_broker_is(world: World) -> None:
    world.met()
    hello = world.gate.heard[0]
    assert isinstance(hello, SyncHello)
    assert (hello.protocol, hello.sandbox) == (PROTOCOL, "landlock")
    before, after = world.gate.links()
    assert not before.connected  # the broker was being greeted when the gate was met
    assert after == LinkState(connected=True, why="")


def test_what_the_beacon_says_reaches_the_gate(world: World) -> None:
    world.met()
    world.server.say(STATE, b"state", retain=True)
    world.server.say(HEAD, b"head")
    world.during(1.0)
    told = world.gate.read()
    assert Delivered(kind=Kind.HEAD, document=b"head") in told
    assert [type(m) for m in told if isinstance(m, StateOpening | StatePiece)] == [StateOpening, StatePiece]


def test_what_the_gate_says_reaches_the_broker(world: World) -> None:
    world.met()
    world.gate.say(WELL, RECEIPT, Question(document=b"question"), GateEvent(number=1, at=5, kind=EventKind.RELEASED))
    world.during(3.0)
    assert status(world).gate == WELL
    said = dict(world.server.log)
    assert said[RECEIPTS] == b"receipt"
    assert said[TOPICS.questions] == b"question"
    assert b"released" in said[TOPICS.events]


def test_a_settled_receipt_is_not_published_again(world: World) -> None:
    world.met()
    world.gate.say(RECEIPT)
    world.during(100.0)
    published = [topic for topic, _ in world.server.log].count(RECEIPTS)
    assert published == 3  # at 0, 30 and 90 s
    world.gate.say(Settled(sha256=RECEIPT.sha256))
    world.during(2000.0)
    assert [topic for topic, _ in world.server.log].count(RECEIPTS) == published


def test_a_gate_that_wants_the_state_gets_it_again(world: World) -> None:
    world.server.say(STATE, b"state", retain=True)
    world.met()
    world.gate.say(StateWanted())
    world.during(10.0)
    assert sum(isinstance(message, StateOpening) for message in world.gate.read()) == 1


def test_nothing_is_done_in_a_hurry_when_nothing_is_to_do(world: World) -> None:
    world.met()
    world.waited.clear()
    world.during(60.0)
    assert len(world.waited) <= 60.0 / TURN_S + 5


# The broker ----------------------------------------------------------------------------------
def test_a_broker_that_comes_back_is_subscribed_to_again(world: World) -> None:
    world.met()
    world.server.stop()
    world.during(5.0)
    world.gate.read()
    assert not world.gate.links()[-1].connected
    world.server.retained[STATE] = b"newer state"
    world.server.start()
    world.during(60.0)
    told = world.gate.read()
    assert world.gate.links()[-1].connected
    assert any(isinstance(message, StatePiece) and message.data == b"newer state" for message in told)
    assert status(world).online


def test_a_broker_that_is_away_is_not_hammered(world: World) -> None:
    world.server.stop()
    world.during(600.0)
    assert 15 <= world.broker.connects <= 60


def test_a_broker_that_never_answers_is_left_and_tried_again(world: World) -> None:
    world.broker.deaf = True
    world.during(5 * GREETING_S)
    assert world.broker.connects >= 3
    world.broker.deaf = False
    world.during(3 * GREETING_S)
    assert status(world).online


def test_a_broker_that_does_not_let_us_hear_is_not_called_connected(world: World) -> None:
    world.server.unheard.add(HEAD)
    world.turn()
    world.gate.accept()
    world.during(30.0)
    world.gate.read()
    assert world.gate.links()
    assert not any(link.connected for link in world.gate.links())
    assert "ACL" in world.gate.links()[-1].why


def test_a_broker_that_refuses_receipts_is_said(world: World) -> None:
    world.server.forbidden.add(RECEIPTS)
    world.met()
    world.gate.say(RECEIPT)
    world.during(2.0)
    world.gate.read()
    assert world.gate.links()[-1] == LinkState(
        connected=True, why="connected, but the broker refuses receipts (Not authorized); see its ACL"
    )


def test_receipts_wait_for_the_broker(world: World) -> None:
    world.met()
    world.server.stop()
    world.during(2.0)
    world.gate.say(RECEIPT)
    world.during(100.0)
    assert RECEIPTS not in dict(world.server.log)
    world.server.start()
    world.during(60.0)
    assert dict(world.server.log)[RECEIPTS] == b"receipt"


def test_what_a_broker_took_and_did_not_confirm_is_published_to_the_next(world: World) -> None:
    world.met()
    world.broker.mute = True
    world.gate.say(*(GateEvent(number=number, at=1, kind=EventKind.RELEASED) for number in range(20)))
    world.during(1.0)
    world.server.stop()
    world.during(1.0)
    world.broker.mute = False
    world.server.start()
    world.during(60.0)
    assert [topic for topic, _ in world.server.log].count(TOPICS.events) == 20


# The gate ------------------------------------------------------------------------------------
def test_a_gate_that_is_away_is_tried_ever_more_slowly(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.gate.close()
    world.during(120.0)
    assert status(world).gate is None
    pauses = [GATE_RETRY.pause_s(n, 0.5) for n in range(1, 9)]
    assert pauses == sorted(pauses)
    assert world.exchange._gate._failures in range(15, 40)
    world.close()


def test_a_gate_that_left_is_met_again_and_says_anew_what_it_owes(world: World) -> None:
    world.server.say(STATE, b"state", retain=True)
    world.met()
    world.gate.say(WELL, RECEIPT)
    world.during(1.0)
    world.gate.leave()
    world.during(1.0)
    assert status(world).gate is None
    before = [topic for topic, _ in world.server.log].count(RECEIPTS)
    world.during(200.0)
    assert [topic for topic, _ in world.server.log].count(RECEIPTS) == before
    world.met_again()
    world.gate.heard.clear()
    world.during(2.0)
    world.gate.read()
    assert world.gate.greeted()
    assert any(isinstance(message, StatePiece) and message.data == b"state" for message in world.gate.heard)


def test_a_gate_that_does_not_read_does_not_hold_up_the_broker_and_is_left(world: World) -> None:
    world.met()
    for number in range(200):
        world.server.say(STATE, bytes([number]) * 1_000_000, retain=True)
        world.turn()
        world.server.say(HEAD, b"head")
    assert status(world).online
    assert len(world.waited) < 10_000
    first = world.gate.link
    world.during(STALL_S + 2.0)
    assert world.gate.accept()  # it has come again
    assert world.gate.link is not first
    assert first is not None
    first.close()
    world.during(2.0)
    assert world.server.brokers == {world.broker}
    assert world.broker.connects == 1  # the broker never noticed


def test_a_gate_that_does_not_say_hello_does_not_hold_up_the_broker(world: World) -> None:
    world.turn()
    assert world.gate.accept(hello=None)
    world.during(HELLO_S - 1.0)
    assert status(world).online
    assert not world.gate.accept()
    world.during(HELLO_S)
    assert world.gate.accept()


@pytest.mark.parametrize("said", [b"\xc1", b"\x80", b"x" * 1000])
def test_a_gate_that_talks_nonsense_is_left_and_met_again(world: World, said: bytes) -> None:
    world.met()
    assert world.gate.link is not None
    world.gate.link.send(said)
    world.during(1.0)
    assert world.gate.accept()
    assert world.broker.connects == 1


def test_two_hellos_are_one_too_many(world: World) -> None:
    world.met()
    world.gate.say(HELLO)
    world.during(1.0)
    assert world.gate.accept()


def test_a_gate_that_owes_more_than_agreed_is_left(world: World) -> None:
    world.met()
    world.gate.say(*(Owed(kind=Owing.RECEIPT, sha256=f"{number:064x}", document=b"r") for number in range(60)))
    world.during(1.0)
    assert world.gate.accept()
    assert world.broker.connects == 1


def test_a_gate_of_another_protocol_ends_it(world: World) -> None:
    world.turn()
    world.gate.accept(GateHello(protocol=99, pid=1, site="s", gate="g"))
    with pytest.raises(Refused, match="protocol 99"):
        world.during(1.0)


# Nothing ends the loop -----------------------------------------------------------------------
@pytest.mark.parametrize("error", [ValueError("a secret"), MemoryError(), RecursionError(), KeyError("a secret")])
def test_whatever_breaks_costs_one_connection_and_comes_back(
    world: World, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    world.met()
    world.gate.heard.clear()
    with caplog.at_level(logging.DEBUG):
        world.broker.raises = error
        world.turn()
    assert world.exchange.failures == 1
    assert "secret" not in caplog.text
    assert not world.server.brokers
    world.during(5.0)
    world.gate.read()
    assert not world.gate.links()[0].connected
    assert world.gate.links()[-1].connected
    assert "secret" not in repr(world.gate.links())
    assert world.broker.connects == 2


def test_a_loop_whose_every_turn_breaks_is_no_busy_loop(world: World) -> None:
    world.broker.connect = None  # type: ignore[assignment,method-assign]
    world.during(600.0)
    assert 15 <= world.exchange.failures <= 60


def test_leaving_publishes_the_last_will(world: World) -> None:
    world.met()
    world.exchange.close()
    assert world.server.retained[TOPICS.status] == OFFLINE


# Without a broker ----------------------------------------------------------------------------
def test_without_a_broker_the_gate_is_told_so(world: World) -> None:
    exchange = join(NoBroker(), world.gate.meet, TOPICS, sandbox="none", clock=world.clock, draw=lambda: 0.5)
    world.exchange.close()
    world.exchange = exchange
    world.turn()
    world.gate.accept()
    world.gate.heard.clear()
    world.during(300.0)
    world.gate.read()
    assert world.gate.links()[0] == LinkState(connected=False, why=f"not connected: {NO_BROKER}")
    assert len(world.gate.links()) == 1  # the same again is not said again


# Everything at once --------------------------------------------------------------------------
STEPS = st.sampled_from(
    ["broker stops", "broker starts", "state", "head", "poison", "gate leaves", "gate comes", "gate reads", "receipt"]
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(st.tuples(STEPS, st.sampled_from([0.0, 0.3, 5.0, 40.0])), max_size=25))
def test_after_any_history_a_site_that_is_well_again_is_connected_and_up_to_date(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, float]]
) -> None:
    world = World(tmp_path_factory.mktemp("w"))
    try:
        for number, (step, pause_s) in enumerate(steps):
            match step:
                case "broker stops":
                    world.server.stop()
                case "broker starts":
                    world.server.start()
                case "state":
                    world.server.say(STATE, b"%d" % number * 70_000, retain=True)
                case "head":
                    world.server.say(HEAD, b"head")
                case "poison":
                    world.server.say(HEAD, b"")
                case "gate leaves":
                    world.gate.leave()
                case "gate comes":
                    world.gate.accept()
                case "gate reads":
                    world.gate.read()
                case "receipt" if world.gate.link and world.exchange._gate.met:
                    _say(world)
            world.during(pause_s) if pause_s else world.turn()
        world.server.start()
        world.server.say(STATE, b"the last state", retain=True)
        world.gate.leave()
        for _ in range(30):
            world.during(10.0)
            world.gate.accept()
            world.gate.read()
        assert world.gate.links()[-1].connected
        pieces = [message.data for message in world.gate.heard if isinstance(message, StatePiece)]
        assert pieces[-1] == b"the last state"
        assert status(world).online
        assert world.exchange.failures == 0
    finally:
        world.close()


def _say(world: World) -> None:
    try:
        world.gate.say(RECEIPT)
    except PartFailed:
        world.gate.leave()


def test_waiting_is_for_both_peers(world: World) -> None:
    seen: list[Mapping[int, int]] = []
    world.met()
    world.exchange.turn(lambda events, _: seen.append(events))
    assert len(seen[0]) == 1  # the fake broker has no descriptor, the gate has one
