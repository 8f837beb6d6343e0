"""What the gate says, on its way to the broker."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from edge.core.values import Alarm, Part, Refusal, Way
from edge.errors import InputError
from edge.sync.outward import (
    MAX_EVENTS,
    OFFLINE,
    RESEND_MOST_S,
    RESEND_S,
    STATUS_S,
    WINDOW,
    Outward,
)
from edge.sync.port import Confirmed, Publication
from edge.wire import messages
from edge.wire.messages import (
    MAX_OWED,
    MAX_SIGNED_BYTES,
    EventKind,
    GateEvent,
    GateState,
    Owed,
    Owing,
    Question,
    Settled,
)
from edge.wire.topics import MAX_EVENT_BYTES, MAX_STATUS_BYTES, PublishedEvent, Status
from tests.sync.fakes import TOPICS

RECEIPTS = TOPICS.owed[Owing.RECEIPT]
WELL = GateState(face=True, lane=True, failed=(), state_version=3, references=40, owed=1, state_sha256="a" * 64)


def owed(text: bytes, kind: Owing = Owing.RECEIPT) -> Owed:
    return Owed(kind=kind, sha256=hashlib.sha256(text).hexdigest(), document=text)


def event(number: int) -> GateEvent:
    return GateEvent(number=number, at=1, kind=EventKind.REFUSED, way=Way.FACE, refusal=Refusal.NOT_RECOGNISED)


def connected(now: float = 0.0) -> Outward:
    """Online, with its first status confirmed."""
    ours = Outward(TOPICS)
    ours.connected(now)
    assert [p.topic for p in flush(ours, now)] == [TOPICS.status]
    return ours


def flush(ours: Outward, now: float, refused: str = "") -> list[Publication]:
    """Everything that is due, each confirmed at once."""
    sent: list[Publication] = []
    while (publication := ours.next(now)) is not None:
        sent.append(publication)
        ours.confirmed(Confirmed(publication.token, refused))
    return sent


def in_flight(ours: Outward, now: float) -> list[Publication]:
    """Everything that is due, and nothing confirmed."""
    sent: list[Publication] = []
    while (publication := ours.next(now)) is not None:
        sent.append(publication)
    return sent


# The status ----------------------------------------------------------------------------------
def test_the_first_publication_of_every_connection_is_a_retained_status() -> None:
    ours = Outward(TOPICS)
    ours.said(owed(b"r"), 0.0)
    ours.said(event(1), 0.0)
    assert ours.next(0.0) is None
    for now in (0.0, 10.0):
        ours.connected(now)
        first = ours.next(now)
        assert first is not None
        assert (first.topic, first.retain) == (TOPICS.status, True)
        assert msgspec.json.decode(first.payload, type=Status).online
        ours.disconnected()


def test_the_last_will_says_offline() -> None:
    assert msgspec.json.decode(OFFLINE, type=Status) == Status(online=False)


def test_the_status_says_what_the_gate_said_last_and_what_was_counted() -> None:
    ours = connected()
    ours.said(WELL, 1.0)
    ours.counted(poison=7)
    (sent,) = flush(ours, 1.0)
    assert msgspec.json.decode(sent.payload, type=Status) == Status(online=True, gate=WELL, poison=7)
    ours.gate_left()
    (sent,) = flush(ours, 10.0)
    assert msgspec.json.decode(sent.payload, type=Status) == Status(online=True, gate=None, poison=7)


def test_the_status_is_published_when_it_changes_and_not_too_often() -> None:
    ours = connected()
    assert flush(ours, 5.0) == []
    ours.said(WELL, 5.0)
    assert len(flush(ours, 5.0)) == 1
    for number in range(100):
        ours.counted(poison=number + 1)
        assert flush(ours, 5.0 + STATUS_S / 2) == []
    assert ours.next_at() == 5.0 + STATUS_S
    assert len(flush(ours, 5.0 + STATUS_S)) == 1


def test_the_largest_status_and_event_are_small() -> None:
    far = 2**53
    state = GateState(
        face=False,
        lane=False,
        failed=tuple(Part),
        state_version=far,
        references=far,
        owed=far,
        state_sha256="f" * 64,
        state_age_s=far,
    )
    assert len(msgspec.json.encode(Status(online=True, gate=state, poison=far, events_dropped=far))) <= MAX_STATUS_BYTES
    largest = GateEvent(
        number=far,
        at=253_402_300_799,
        kind=EventKind.SUSPENDED,
        way=Way.FACE,
        refusal=max(Refusal, key=len),
        alarm=max(Alarm, key=len),
        part=max(Part, key=len),
        count=far,
    )
    assert len(msgspec.json.encode(PublishedEvent(largest))) <= MAX_EVENT_BYTES


# What is owed --------------------------------------------------------------------------------
def test_a_receipt_is_published_again_until_the_gate_says_settled() -> None:
    ours, receipt = connected(), owed(b"receipt")
    ours.said(receipt, 0.0)
    now, pauses = 0.0, []
    for _ in range(8):
        assert [(p.topic, p.payload) for p in flush(ours, now)] == [(RECEIPTS, b"receipt")]
        later = ours.next_at()
        assert later is not None
        pauses.append(later - now)
        now = later
    assert pauses[:3] == [RESEND_S, 2 * RESEND_S, 4 * RESEND_S]
    assert pauses[-1] == RESEND_MOST_S
    ours.said(Settled(sha256=receipt.sha256), now)
    assert flush(ours, now + 10 * RESEND_MOST_S) == []


def test_a_broker_that_took_a_receipt_over_settles_nothing() -> None:
    ours = connected()
    ours.said(owed(b"receipt"), 0.0)
    assert len(flush(ours, 0.0)) == 1
    ours.disconnected()
    ours.connected(1.0)
    assert [p.topic for p in flush(ours, 1.0)] == [TOPICS.status, RECEIPTS]


def test_a_withdrawal_has_a_topic_of_its_own() -> None:
    ours = connected()
    ours.said(owed(b"w", Owing.WITHDRAWAL), 0.0)
    assert [p.topic for p in flush(ours, 0.0)] == [TOPICS.owed[Owing.WITHDRAWAL]]


def test_the_same_debt_twice_is_one() -> None:
    ours = connected()
    ours.said(owed(b"r"), 0.0)
    ours.said(owed(b"r"), 0.0)
    assert len(flush(ours, 0.0)) == 1


def test_more_debts_than_agreed_are_refused() -> None:
    ours = connected()
    for number in range(MAX_OWED):
        ours.said(owed(b"%d" % number), 0.0)
    ours.said(owed(b"0"), 0.0)
    with pytest.raises(InputError, match="owes more"):
        ours.said(owed(b"one more"), 0.0)


def test_a_new_gate_says_itself_what_it_owes() -> None:
    ours = connected()
    ours.said(owed(b"r"), 0.0)
    ours.said(Question(document=b"q"), 0.0)
    ours.gate_left()
    assert RECEIPTS not in {p.topic for p in flush(ours, 100.0)}


def test_nothing_is_published_without_a_connection() -> None:
    ours = connected()
    ours.disconnected()
    ours.said(WELL, 100.0)
    ours.said(owed(b"r"), 100.0)
    ours.said(event(1), 100.0)
    assert ours.next(100.0) is None
    assert ours.next_at() is None


# Questions -----------------------------------------------------------------------------------
def test_the_newest_question_is_asked_once() -> None:
    ours = connected()
    ours.said(Question(document=b"old"), 0.0)
    ours.said(Question(document=b"new"), 0.0)
    assert [(p.topic, p.payload) for p in flush(ours, 0.0)] == [(TOPICS.questions, b"new")]
    assert flush(ours, 1000.0) == []


def test_a_question_that_may_be_lost_is_asked_again() -> None:
    ours = connected()
    ours.said(Question(document=b"q"), 0.0)
    assert [p.payload for p in in_flight(ours, 0.0)] == [b"q"]
    ours.disconnected()
    ours.connected(1.0)
    assert [p.payload for p in flush(ours, 1.0)][1:] == [b"q"]


# Events --------------------------------------------------------------------------------------
def test_events_are_published_in_order_and_without_names() -> None:
    ours = connected()
    for number in range(3):
        ours.said(event(number), 0.0)
    sent = flush(ours, 0.0)
    assert [msgspec.json.decode(p.payload, type=PublishedEvent).event.number for p in sent] == [0, 1, 2]


def test_events_that_nobody_takes_are_dropped_the_oldest_first_and_counted() -> None:
    ours = Outward(TOPICS)
    for number in range(MAX_EVENTS + 10):
        ours.said(event(number), 0.0)
    assert ours.events_dropped == 10
    ours.connected(0.0)
    ours.counted(0)
    status, *events = flush(ours, 0.0)
    assert msgspec.json.decode(status.payload, type=Status).events_dropped == 10
    assert [msgspec.json.decode(p.payload, type=PublishedEvent).event.number for p in events] == list(
        range(10, MAX_EVENTS + 10)
    )


def test_events_on_their_way_are_kept_in_order_when_the_connection_is_lost() -> None:
    ours = connected()
    for number in range(2 * WINDOW):
        ours.said(event(number), 0.0)
    assert len(in_flight(ours, 0.0)) == WINDOW
    ours.disconnected()
    ours.connected(1.0)
    events = flush(ours, 1.0)[1:]
    assert [msgspec.json.decode(p.payload, type=PublishedEvent).event.number for p in events] == list(range(2 * WINDOW))


# The window, and refusals --------------------------------------------------------------------
def test_no_more_is_begun_than_the_window_allows() -> None:
    ours = connected()
    for number in range(MAX_OWED):
        ours.said(owed(b"%d" % number), 0.0)
    sent = in_flight(ours, 0.0)
    assert len(sent) == WINDOW
    assert ours.next_at() is None  # only a confirmation helps
    ours.confirmed(Confirmed(sent[3].token))
    assert len(in_flight(ours, 0.0)) == 1


def test_what_the_broker_refuses_is_known_by_its_topic() -> None:
    ours = connected()
    ours.said(owed(b"r"), 0.0)
    flush(ours, 0.0, refused="Not authorized")
    assert ours.refused == {RECEIPTS: "Not authorized"}
    ours.disconnected()
    ours.connected(1.0)
    assert ours.refused == {}


def test_a_confirmation_of_nothing_is_nothing() -> None:
    ours = connected()
    ours.confirmed(Confirmed(10_000))
    ours.confirmed(Confirmed(10_000, "Not authorized"))
    assert ours.refused == {}


SAYINGS = st.one_of(
    st.builds(event, st.integers(0, 2**53)),
    st.binary(min_size=1, max_size=40).map(owed),
    st.binary(min_size=1, max_size=4).map(lambda text: Settled(sha256=hashlib.sha256(text).hexdigest())),
    st.builds(Question, document=st.binary(min_size=1, max_size=9)),
    st.just(WELL),
    st.sampled_from(["connected", "disconnected", "left", "confirm", "later"]),
)


@given(st.lists(SAYINGS, max_size=120))
def test_in_every_history_debts_are_published_after_the_next_connection(history: list[object]) -> None:
    ours, now = Outward(TOPICS), 0.0
    debts: dict[str, bytes] = {}
    flying: list[Publication] = []
    online = False
    for step in history:
        match step:
            case "connected":
                ours.connected(now)
                online = True
            case "disconnected":
                ours.disconnected()
                flying.clear()
                online = False
            case "left":
                ours.gate_left()
                debts.clear()
            case "confirm":
                for publication in flying:
                    ours.confirmed(Confirmed(publication.token))
                flying.clear()
            case "later":
                now += 100.0
            case Owed(sha256=sha256, document=document):
                if len(debts) < MAX_OWED or sha256 in debts:
                    ours.said(step, now)
                    debts[sha256] = document
            case Settled(sha256=sha256):
                ours.said(step, now)
                debts.pop(sha256, None)
            case GateState() | GateEvent() | Question():
                ours.said(step, now)
        new = in_flight(ours, now)
        assert online or not new
        flying += new
        assert len(flying) <= WINDOW
    ours.disconnected()
    ours.connected(now)
    published = {p.payload for p in flush(ours, now) if p.topic == RECEIPTS}
    assert published == set(debts.values())


# Rule 4 of the messages ----------------------------------------------------------------------
def test_what_can_reach_sync_is_enums_counters_and_what_the_gate_has_signed() -> None:
    """No text, no number with a fraction, no bytes but documents: nothing that `vision` said fits in there."""
    allowed = (inspect.EnumType, inspect.IntType, inspect.BoolType, inspect.NoneType)

    def kinds(kind: inspect.Type) -> list[inspect.Type]:
        match kind:
            case inspect.Metadata(type=inner) | inspect.VarTupleType(item_type=inner):
                return kinds(inner)
            case inspect.UnionType(types=types):
                return [found for inner in types for found in kinds(inner)]
            case _:
                return [kind]

    for message in (GateState, GateEvent, Owed, Settled, Question, messages.StateWanted):
        info = inspect.type_info(message)
        assert isinstance(info, inspect.StructType)
        for field in info.fields:
            for kind in kinds(field.type):
                if isinstance(kind, inspect.BytesType):
                    assert field.name == "document"
                    assert (kind.max_length or MAX_SIGNED_BYTES + 1) <= MAX_SIGNED_BYTES
                elif isinstance(kind, inspect.StrType):
                    assert kind.pattern == r"\A[0-9a-f]{64}\Z"
                else:
                    assert isinstance(kind, allowed), f"{message.__name__}.{field.name} is a {kind}"
