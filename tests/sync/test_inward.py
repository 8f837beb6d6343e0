"""What came from the broker, on its way to the gate."""

from __future__ import annotations

import hashlib
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.values import Instant
from edge.gate.budget import Budget
from edge.gate.uplink import MAX_MESSAGES_PER_S
from edge.state import chunks
from edge.sync.inward import BURST, MAX_WAITING, PER_S, Inward, in_pieces
from edge.sync.port import Arrived
from edge.sync.quarantine import REMEMBERED, Quarantine
from edge.wire.messages import (
    MAX_SIGNED_BYTES,
    MAX_STATE_BYTES,
    PIECE_BYTES,
    Delivered,
    Kind,
    LinkState,
    Message,
    StateOpening,
    StatePiece,
    encode,
)
from tests.sync.fakes import TOPICS

STATE = TOPICS.site.state
CONNECTED = LinkState(connected=True, why="")


def inward(now: Instant = 0.0) -> Inward:
    return Inward(TOPICS, Quarantine(), now)


def all_told(inward: Inward, now: Instant = 0.0) -> list[Message]:
    """Everything that waits, at the pace that is allowed."""
    told: list[Message] = []
    for _ in range(10_000):
        if not inward.waits():
            return told
        now = inward.next_at(now)
        message = inward.next(now)
        if message is not None:
            told.append(message)
    raise AssertionError("it never ends")


def states(messages: list[Message]) -> list[bytes]:
    """The states that the gate's own code puts together from them."""
    gatherer = chunks.Gatherer()
    found: list[bytes] = []
    for message in messages:
        part: chunks.Opening | chunks.Piece
        match message:
            case StateOpening(total=total, sha256=sha256, pieces=pieces):
                part = chunks.Opening(total, sha256, pieces)
            case StatePiece(number=number, data=data):
                part = chunks.Piece(number, data)
            case _:
                continue
        whole = gatherer.take(part)
        if whole is not None:
            found.append(whole)
    return found


# What goes on --------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, MAX_STATE_BYTES])
def test_a_state_arrives_as_it_was_sent(size: int) -> None:
    state = hashlib.shake_256(b"state").digest(size)
    ours = inward()
    ours.arrived(Arrived(STATE, state))
    told = all_told(ours)
    assert states(told) == [state]
    assert max(len(encode(message)) for message in told) <= 64 * 1024


def test_the_gates_own_code_has_the_same_limits() -> None:
    assert (chunks.PIECE_BYTES, chunks.MAX_PIECES) == (PIECE_BYTES, -(-MAX_STATE_BYTES // PIECE_BYTES))


@pytest.mark.parametrize("kind", Kind)
def test_a_statement_arrives_as_it_was_sent(kind: Kind) -> None:
    ours = inward()
    ours.arrived(Arrived(TOPICS.heard[kind], b"signed"))
    assert all_told(ours) == [Delivered(kind=kind, document=b"signed")]


def test_the_newest_state_and_head_replace_those_that_still_wait() -> None:
    ours = inward()
    for number in range(100):
        ours.arrived(Arrived(STATE, b"state %d" % number))
        ours.arrived(Arrived(TOPICS.heard[Kind.HEAD], b"head %d" % number))
    told = all_told(ours)
    assert states(told) == [b"state 99"]
    assert [m.document for m in told if isinstance(m, Delivered)] == [b"head 99"]


@pytest.mark.parametrize("kind", [Kind.ANSWER, Kind.ACKNOWLEDGEMENT])
def test_other_statements_wait_in_order_and_the_oldest_are_lost(kind: Kind) -> None:
    ours = inward()
    for number in range(MAX_WAITING + 3):
        ours.arrived(Arrived(TOPICS.heard[kind], b"%d" % number))
    assert [m.document for m in all_told(ours) if isinstance(m, Delivered)] == [
        b"%d" % number for number in range(3, MAX_WAITING + 3)
    ]


def test_a_transfer_that_began_is_finished_and_then_the_newest_follows() -> None:
    """A flood of states must not keep every one of them from arriving."""
    told: list[Message] = []
    ours, now = inward(), 0.0
    for number in range(40):
        ours.arrived(Arrived(STATE, bytes([number]) * (2 * PIECE_BYTES)))
        now = ours.next_at(now)
        message = ours.next(now)
        assert message is not None
        told.append(message)
    told += all_told(ours, now)
    found = states(told)
    assert len(found) > 10
    assert found[-1] == bytes([39]) * (2 * PIECE_BYTES)


def test_a_flood_of_heads_does_not_hold_up_a_state() -> None:
    told: list[Message] = []
    ours, now = inward(), 0.0
    ours.arrived(Arrived(STATE, bytes(4 * PIECE_BYTES)))
    while not states(told):
        ours.arrived(Arrived(TOPICS.heard[Kind.HEAD], b"head"))
        now = ours.next_at(now)
        message = ours.next(now)
        assert message is not None
        told.append(message)
        assert len(told) < 20


# What does not -------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", Kind)
def test_a_replay_from_the_brokers_store_is_quarantined(kind: Kind) -> None:
    """Threat 8: what is retained was said at an unknown time. Only a state may be."""
    ours = inward()
    ours.arrived(Arrived(TOPICS.heard[kind], b"old", retained=True))
    assert not ours.waits()
    assert ours.quarantine.count == 1


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "#",
        STATE + "/x",
        TOPICS.status,
        TOPICS.site.handover,
        TOPICS.site.gate("south").heard[Kind.ANSWER],
        "edge-gate/other/state",
        "homeassistant/lock/open",
    ],
)
def test_a_topic_that_nobody_asked_for_is_quarantined(topic: str) -> None:
    ours = inward()
    ours.arrived(Arrived(topic, b"open"))
    assert not ours.waits()
    assert ours.quarantine.newest[0].sha256 == hashlib.sha256(b"open").hexdigest()


def test_what_is_empty_or_too_large_is_quarantined() -> None:
    ours = inward()
    ours.arrived(Arrived(STATE, b""))
    ours.arrived(Arrived(STATE, bytes(MAX_STATE_BYTES + 1)))
    for topic in TOPICS.heard.values():
        ours.arrived(Arrived(topic, b""))
        ours.arrived(Arrived(topic, bytes(MAX_SIGNED_BYTES + 1)))
    assert not ours.waits()
    assert ours.quarantine.count == 8


def test_a_quarantine_keeps_digests_and_no_content(caplog: pytest.LogCaptureFixture) -> None:
    ours = Quarantine()
    with caplog.at_level(logging.DEBUG):
        for number in range(10_000):
            ours.add(b"a secret template %d" % number, "a reason")
    assert ours.count == 10_000
    assert len(ours.newest) == REMEMBERED
    assert "template" not in caplog.text + repr(ours.newest)
    assert len(caplog.records) < 20


# The gate comes and goes ---------------------------------------------------------------------
def test_a_gate_that_comes_gets_the_newest_state_and_nothing_old() -> None:
    ours = inward()
    ours.arrived(Arrived(STATE, b"state"))
    assert states(all_told(ours)) == [b"state"]
    for topic in TOPICS.heard.values():
        ours.arrived(Arrived(topic, b"for the gate before"))
    ours.gate_met(CONNECTED)
    told = all_told(ours)
    assert told[0] == CONNECTED
    assert states(told) == [b"state"]
    assert not any(isinstance(message, Delivered) for message in told)


def test_a_transfer_to_a_gate_that_left_begins_anew_for_the_next() -> None:
    ours = inward()
    ours.arrived(Arrived(STATE, bytes(3 * PIECE_BYTES)))
    ours.next(0.0)
    ours.next(0.0)
    ours.gate_met(CONNECTED)
    assert states(all_told(ours)) == [bytes(3 * PIECE_BYTES)]


# Pace ----------------------------------------------------------------------------------------
@given(gaps=st.lists(st.floats(0, 2), min_size=1, max_size=300))
def test_the_gates_budget_is_never_exceeded(gaps: list[float]) -> None:
    ours, now = inward(), 0.0
    budget = Budget(MAX_MESSAGES_PER_S, now)
    for gap_s in gaps:
        now += gap_s
        ours.arrived(Arrived(TOPICS.heard[Kind.HEAD], b"head"))
        ours.arrived(Arrived(STATE, bytes(2 * PIECE_BYTES)))
        while ours.next(now) is not None:
            assert budget.spend(now)


def test_the_gates_budget_is_not_exceeded_by_a_flood_that_does_not_end() -> None:
    ours, now = inward(), 0.0
    budget = Budget(MAX_MESSAGES_PER_S, now)
    while now < 30.0:
        ours.arrived(Arrived(TOPICS.heard[Kind.HEAD], b"head"))
        now = ours.next_at(now)
        assert ours.next(now) is not None
        assert budget.spend(now)


def test_what_may_not_be_told_now_waits_until_it_may() -> None:
    ours = inward()
    ours.arrived(Arrived(STATE, bytes(MAX_STATE_BYTES)))
    told = 0
    while ours.next(0.0) is not None:
        told += 1
        ours.arrived(Arrived(TOPICS.heard[Kind.HEAD], b"head"))
    assert told == BURST
    assert ours.waits()
    assert ours.next_at(0.0) == pytest.approx(1 / PER_S)
    assert ours.next(1 / PER_S) is not None


# All of it -----------------------------------------------------------------------------------
ARRIVALS = st.builds(
    Arrived,
    st.one_of(st.sampled_from([STATE, *TOPICS.heard.values()]), st.text(max_size=40)),
    st.binary(max_size=200),
    st.booleans(),
)


@settings(max_examples=200)
@given(st.lists(ARRIVALS, max_size=60))
def test_whatever_arrives_the_gate_is_told_valid_messages_with_its_bytes(arrivals: list[Arrived]) -> None:
    ours = inward()
    for arrived in arrivals:
        ours.arrived(arrived)
    told = all_told(ours)
    for message in told:
        encode(message)
    good = [
        a for a in arrivals if a.payload and (a.topic == STATE or (a.topic in TOPICS.heard.values() and not a.retained))
    ]
    assert ours.quarantine.count == len(arrivals) - len(good)
    documents = {message.document for message in told if isinstance(message, Delivered)} | set(states(told))
    assert documents <= {arrived.payload for arrived in good}


def test_the_pieces_are_made_as_they_are_announced() -> None:
    opening, *pieces = in_pieces(bytes(2 * PIECE_BYTES + 1))
    assert opening == StateOpening(
        total=2 * PIECE_BYTES + 1, sha256=hashlib.sha256(bytes(2 * PIECE_BYTES + 1)).hexdigest(), pieces=3
    )
    assert [len(piece.data) for piece in pieces if isinstance(piece, StatePiece)] == [PIECE_BYTES, PIECE_BYTES, 1]
