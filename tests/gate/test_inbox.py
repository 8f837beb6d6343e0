"""What waits for the decision thread."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from edge.core.lane import CardRead, IntentEnded
from edge.core.values import Part
from edge.gate.inbox import MAX_OTHERS, MAX_SIGHTINGS, Fault, Inbox, Mended, Seen
from edge.wire.messages import Sighting
from tests.fakes.clock import LOST_S


def seen(number: int) -> Seen:
    return Seen(Sighting(attempt=number, captured_at=0.0, candidates=0), "a" * 64)


def test_the_newest_sightings_of_a_flood_are_dropped_and_counted() -> None:
    inbox = Inbox()
    taken = [inbox.offer(seen(number)) for number in range(MAX_SIGHTINGS + 5)]
    assert taken == [True] * MAX_SIGHTINGS + [False] * 5
    assert inbox.dropped == 5
    first = inbox.take_sighting()
    assert first is not None
    assert first.sighting.attempt == 0


def test_inputs_cards_and_faults_are_never_dropped_and_keep_their_order() -> None:
    inbox = Inbox()
    for number in range(2 * MAX_SIGHTINGS):
        inbox.offer(seen(number))
    items = (IntentEnded(1.0), CardRead(2.0, None), Fault(Part.CAMERA, "gone"), Mended(Part.CAMERA))
    for item in items:
        inbox.put(item)
    assert inbox.take_others() == items


def test_who_would_overfill_it_waits_until_there_is_room() -> None:
    inbox = Inbox()
    for _ in range(MAX_OTHERS):
        inbox.put(IntentEnded(1.0))
    done = threading.Event()

    def put() -> None:
        inbox.put(CardRead(2.0, None))
        done.set()

    thread = threading.Thread(target=put)
    thread.start()
    assert len(inbox.take_others()) == MAX_OTHERS
    assert done.wait(LOST_S)
    thread.join()
    assert inbox.take_others() == (CardRead(2.0, None),)


def test_closing_frees_everybody_who_waits() -> None:
    inbox = Inbox()
    for _ in range(MAX_OTHERS):
        inbox.put(IntentEnded(1.0))
    thread = threading.Thread(target=lambda: inbox.put(IntentEnded(2.0)))
    thread.start()
    inbox.close()
    thread.join(LOST_S)
    assert not thread.is_alive()
    inbox.wait(LOST_S)
    assert inbox.closed
    assert not inbox.offer(seen(1))


def test_a_signal_handler_may_close_it_while_its_own_thread_waits() -> None:
    """SIGTERM comes while the decision thread holds the lock of the inbox, or sleeps in it."""
    inbox = Inbox()
    before = signal.signal(signal.SIGALRM, lambda *_: inbox.close())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        began = time.monotonic()
        while not inbox.closed:
            inbox.wait(LOST_S)
        assert time.monotonic() - began < LOST_S
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_signal_handler_may_close_it_in_the_middle_of_anything() -> None:
    """The handler runs on the thread that may just hold the lock; if that is not reentrant, it never returns."""
    inbox = Inbox()

    def interrupted() -> None:
        with inbox._changed:
            inbox.close()

    thread = threading.Thread(target=interrupted, daemon=True)
    thread.start()
    thread.join(LOST_S)
    assert not thread.is_alive()


def test_an_empty_inbox_gives_nothing() -> None:
    inbox = Inbox()
    assert inbox.take_others() == ()
    assert inbox.take_sighting() is None
    inbox.wait(0.0)


def test_a_sighting_hides_its_embedding() -> None:
    from tests.gate.lane import ANN, FACES, probe  # noqa: PLC0415

    message = Sighting(attempt=1, captured_at=0.0, candidates=1, probe=probe(FACES[ANN]))
    assert "<hidden>" in repr(Seen(message, "a" * 64))
    assert repr(probe(FACES[ANN]).embedding) not in repr(Seen(message, "a" * 64))


@pytest.mark.parametrize("kind", [Fault(Part.PINS, "cut"), Mended(Part.PINS)])
def test_waiting_ends_when_something_is_there(kind: Fault | Mended) -> None:
    inbox = Inbox()
    inbox.put(kind)
    inbox.wait(LOST_S)
    assert inbox.take_others() == (kind,)
