"""The life of a connection: a picture of its states, then rules over all histories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sync.port import Accepted, Arrived, BrokerEvent, Confirmed, Granted, Lost
from edge.sync.session import BROKER_RETRY, GREETING_S, REFRESH_S, Do, Greeting, Online, Session, Waiting


def online(now: float = 0.0) -> Session:
    session = Session(lambda: 0.0, now)
    assert session.due(now) is Do.CONNECT
    assert session.heard(Accepted(), now) is Do.SUBSCRIBE
    assert session.heard(Granted(), now) is Do.WELCOME
    return session


def test_it_connects_at_once_and_is_connected_when_every_topic_is_granted() -> None:
    session = Session(lambda: 0.0, 5.0)
    assert not session.link.connected
    assert session.due(5.0) is Do.CONNECT
    assert not session.link.connected
    assert session.heard(Accepted(), 5.0) is Do.SUBSCRIBE
    assert not session.link.connected
    assert session.heard(Granted(), 5.0) is Do.WELCOME
    assert session.link.connected


def test_who_is_let_in_and_may_not_hear_is_not_connected() -> None:
    session = Session(lambda: 0.0, 0.0)
    session.due(0.0)
    session.heard(Accepted(), 0.0)
    assert session.heard(Granted(("state",)), 0.0) is Do.DROP
    assert not session.link.connected
    assert "ACL" in session.link.why


def test_a_broker_that_does_not_answer_is_left() -> None:
    session = Session(lambda: 0.0, 0.0)
    session.due(0.0)
    assert session.due_at() == GREETING_S
    assert session.due(GREETING_S - 0.1) is None
    assert session.due(GREETING_S) is Do.DROP
    assert isinstance(session.phase, Waiting)


def test_a_lost_connection_is_said_with_its_reason() -> None:
    session = online()
    assert session.heard(Lost("the cable"), 1.0) is Do.DROP
    assert session.link.why == "not connected: the cable"
    assert not session.link.connected


def test_pauses_grow_until_a_connection_has_held() -> None:
    session = Session(lambda: 1.0 - 2**-53, 0.0)
    now, pauses = 0.0, []
    for held_s in (0.0, 0.0, 0.0, BROKER_RETRY.healthy_s, 0.0):
        assert session.due(now) is Do.CONNECT
        session.heard(Accepted(), now)
        session.heard(Granted(), now)
        now += held_s
        session.heard(Lost(""), now)
        assert isinstance(session.phase, Waiting)
        pauses.append(round(session.phase.until - now, 6))
        now = session.phase.until
    assert pauses == [1.0, 2.0, 4.0, 1.0, 2.0]


def test_the_state_is_fetched_again_when_it_is_wanted_and_not_too_often() -> None:
    session = online(0.0)
    assert session.due(100.0) is None
    session.state_wanted()
    session.state_wanted()
    assert session.due(100.0) is Do.REFRESH
    assert session.heard(Granted(), 100.0) is None
    session.state_wanted()
    assert session.due(100.0 + REFRESH_S - 0.1) is None
    assert session.due_at() == 100.0 + REFRESH_S
    assert session.due(100.0 + REFRESH_S) is Do.REFRESH
    assert session.due(200.0) is None


def test_a_refresh_that_is_refused_ends_the_connection() -> None:
    session = online()
    assert session.heard(Granted(("state",)), 1.0) is Do.DROP


EVENTS = st.sampled_from(
    [Accepted(), Granted(), Granted(("t",)), Arrived("t", b"x"), Confirmed(1), Lost("gone"), "time", "failed", "wanted"]
)


@given(st.lists(st.tuples(EVENTS, st.floats(0, 40))))
def test_in_every_history_it_is_connected_only_between_welcome_and_drop(
    history: list[tuple[BrokerEvent | str, float]],
) -> None:
    session, now, welcomed = Session(lambda: 0.5, 0.0), 0.0, False
    for event, later_s in history:
        now += later_s
        before = session.phase
        match event:
            case "time":
                do = session.due(now)
            case "failed":
                session.failed("ours", now)
                do, welcomed = None, False
            case "wanted":
                session.state_wanted()
                do = None
            case _:
                assert not isinstance(event, str)
                do = session.heard(event, now)
        if do is Do.WELCOME:
            assert isinstance(before, Greeting)
            welcomed = True
        if do is Do.DROP:
            welcomed = False
        assert session.link.connected == welcomed == isinstance(session.phase, Online)
        assert session.link.connected or session.link.why
        if isinstance(session.phase, Waiting):  # whatever happened, there is a next attempt, and not now
            assert now < session.phase.until <= now + BROKER_RETRY.most_s or before == session.phase


@pytest.mark.parametrize("event", [Accepted(), Granted(), Lost("late"), Arrived("t", b""), Confirmed(3)])
def test_echoes_of_an_earlier_connection_change_nothing(event: BrokerEvent) -> None:
    session = online()
    session.heard(Lost("gone"), 1.0)
    phase = session.phase
    assert session.heard(event, 1.0) is None
    assert session.phase == phase
