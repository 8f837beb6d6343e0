"""The decision thread, one turn at a time."""

from __future__ import annotations

import logging
import threading

import pytest

from edge.core.lane import CardRead, LanePolicy, PassageBegan, Sign
from edge.core.values import Part, Refusal, Way
from edge.errors import PartFailed
from edge.gate.inbox import MAX_SIGHTINGS, Fault, Inbox, Mended, Seen, Swap
from edge.gate.loop import MEND_S, Loop
from tests.fakes.clock import HandClock
from tests.fakes.eye import FakeEye
from tests.gate.lane import ANN, BOB, CARD, FACES, FRAME_S, MODEL, STRANGER, YARDSTICK, Bench, holdings, probe


def test_it_begins_locked_shut_for_faces_and_open_for_cards() -> None:
    bench = Bench(ready=False)
    assert bench.turnstile.names() == ["lock", "show"]
    assert bench.turnstile.calls[-1] == ("show", Sign.CARD_ONLY)
    assert bench.faults().keys() == {Part.VISION, Part.VAULT}
    bench.arrive()
    assert bench.eye.orders == []
    assert bench.refusals == [(Way.FACE, Refusal.FACE_OFF, "", (Way.CARD,))]
    bench.card()
    assert bench.is_open()


def test_an_intent_then_three_agreeing_sightings_release() -> None:
    bench = Bench()
    bench.arrive()
    assert [order[:2] for order in bench.eye.orders] == [("look", 1)]
    bench.looks_like(FACES[ANN], 2)
    assert not bench.is_open()
    bench.looks_like(FACES[ANN], 1)
    assert bench.is_open()
    assert bench.eye.looking is None
    assert bench.turnstile.calls[-1] == ("granted", Way.FACE)
    assert bench.loop.report.releases == 1


def test_a_stranger_is_refused_with_the_reason_and_the_other_way_in() -> None:
    bench = Bench()
    bench.arrive()
    bench.looks_like(STRANGER, bench.policy.probes_max)
    assert not bench.is_open()
    assert bench.refusals == [(Way.FACE, Refusal.NOT_RECOGNISED, "", (Way.CARD,))]


def test_a_release_nobody_uses_ends_on_time() -> None:
    bench = Bench()
    bench.card()
    bench.wait(bench.policy.release_s - 0.1)
    assert bench.is_open()
    bench.wait(0.2)
    assert not bench.is_open()
    assert bench.turnstile.names()[-1] == "lock"


def test_who_is_in_the_arms_keeps_them_until_through() -> None:
    bench = Bench()
    bench.card()
    bench.enter()
    bench.wait(bench.policy.release_s + 1)
    assert bench.is_open()
    bench.exit()
    assert not bench.is_open()


def test_entering_just_in_time_counts_although_the_thread_wakes_too_late() -> None:
    """The event carries the instant at which it happened; the thread was held up for a moment."""
    bench = Bench()
    bench.card()
    in_time = bench.clock.now() + bench.policy.release_s - 0.01
    bench.inbox.put(PassageBegan(in_time))
    bench.timers.advance(bench.policy.release_s + 0.05)
    bench.turn()
    assert bench.is_open()
    assert bench.loop.report.alarms == 0


def test_a_flood_of_sightings_cannot_hold_the_door() -> None:
    """What is due happens in the first turn, whatever waits."""
    bench = Bench()
    bench.card()
    for _ in range(10 * MAX_SIGHTINGS):
        bench.inbox.offer(Seen(bench.sighting(probe(STRANGER), attempt=1), MODEL))
    bench.timers.advance(bench.policy.release_s)
    bench.turn()
    assert bench.turnstile.names()[-1] == "lock"
    assert bench.inbox.dropped == 9 * MAX_SIGHTINGS


def test_a_flood_of_sightings_keeps_no_card_and_no_fault_out() -> None:
    bench = Bench()
    bench.arrive()
    for _ in range(10 * MAX_SIGHTINGS):
        bench.inbox.offer(Seen(bench.sighting(probe(STRANGER)), MODEL))
    bench.inbox.put(Fault(Part.CAMERA, "pulled"))
    bench.card()
    assert bench.is_open()
    assert Part.CAMERA in bench.faults()


def test_one_turn_compares_one_sighting() -> None:
    bench = Bench()
    bench.arrive()
    for _ in range(5):
        bench.inbox.offer(Seen(bench.sighting(probe(STRANGER)), MODEL))
    bench.turn()
    assert bench.loop.report.probes == 1


def test_a_sighting_that_waited_too_long_is_old() -> None:
    bench = Bench()
    bench.arrive()
    bench.looks_like(FACES[ANN], 2)
    bench.timers.advance(FRAME_S)
    bench.inbox.offer(Seen(bench.sighting(probe(FACES[ANN])), MODEL))
    bench.timers.advance(bench.policy.sighting_age_max_s + 0.1)
    bench.turn()
    assert not bench.is_open()


def test_nothing_is_compared_for_an_attempt_that_is_over() -> None:
    bench = Bench()
    bench.arrive()
    attempt = bench.eye.looking
    bench.leave()
    bench.sees(bench.sighting(probe(FACES[ANN]), attempt=attempt))
    assert bench.loop.report.probes == 0


# Parts ------------------------------------------------------------------------------------
def test_a_dead_eye_does_not_keep_a_card_out() -> None:
    """The order to close the eye fails, and the release behind it is still performed."""
    bench = Bench()
    bench.arrive()
    bench.eye.dead = True
    bench.card()
    assert bench.is_open()
    assert Part.VISION in bench.faults()


def test_an_eye_that_cannot_be_opened_is_a_fault_and_a_refusal() -> None:
    bench = Bench()
    bench.eye.dead = True
    bench.arrive()
    assert bench.faults()[Part.VISION] == "vision is not connected"
    assert bench.refusals[-1][1] is Refusal.FACE_OFF


@pytest.mark.parametrize("error", [PartFailed("cut", hint=""), OSError(5, "I/O error"), ZeroDivisionError()])
def test_pins_that_fail_are_a_fault_of_the_lane_and_never_the_end_of_the_loop(error: Exception) -> None:
    bench = Bench()
    bench.turnstile.broken = error
    bench.card()
    assert Part.PINS in bench.faults()
    assert bench.loop.report.releases == 0
    bench.wait(10.0)
    assert not bench.is_open()


def test_pins_heal_by_themselves_and_the_lane_goes_on_shut() -> None:
    bench = Bench()
    bench.turnstile.fail()
    bench.arrive()
    assert Part.PINS in bench.faults()
    bench.wait(2 * MEND_S)
    assert Part.PINS in bench.faults()
    bench.turnstile.broken = None
    bench.wait(MEND_S + 0.1)
    assert Part.PINS not in bench.faults()
    assert not bench.is_open()
    bench.card()
    assert bench.is_open()


def test_broken_pins_are_not_tried_again_all_the_time() -> None:
    bench = Bench()
    bench.turnstile.fail()
    bench.card()
    tried = bench.turnstile.names().count("lock")
    for _ in range(100):
        bench.timers.advance(MEND_S / 10)
        bench.turn()
    assert bench.turnstile.names().count("lock") - tried <= 11


def test_trying_the_pins_again_never_locks_a_person_in() -> None:
    bench = Bench()
    bench.card()
    bench.enter()
    bench.inbox.put(Fault(Part.PINS, "an input cannot be read"))
    bench.turn()
    bench.wait(MEND_S + 1)
    assert bench.is_open()
    bench.exit()
    assert not bench.is_open()


def test_a_fault_says_why_until_it_is_mended() -> None:
    bench = Bench()
    bench.inbox.put(Fault(Part.CAMERA, "unplugged"))
    bench.turn()
    assert bench.faults() == {Part.CAMERA: "unplugged"}
    bench.inbox.put(Mended(Part.CAMERA))
    bench.turn()
    assert bench.faults() == {}


def test_held_arms_are_an_alarm_with_a_reason() -> None:
    bench = Bench()
    bench.card()
    bench.enter()
    bench.wait(bench.policy.passage_max_s + 0.1)
    assert bench.loop.report.alarms == 1
    assert bench.faults()[Part.PASSAGE] == "the arms did not come back to rest in time"
    bench.exit()
    assert bench.faults() == {}


# Consents ---------------------------------------------------------------------------------
def test_a_withdrawal_overtakes_the_sightings_that_wait() -> None:
    bench = Bench()
    bench.arrive()
    bench.looks_like(FACES[ANN], 2)
    bench.inbox.offer(Seen(bench.sighting(probe(FACES[ANN])), MODEL))
    bench.hold(ANN, BOB, live=frozenset({BOB}))
    assert not bench.is_open()
    bench.looks_like(FACES[ANN], bench.policy.probes_max)
    assert not bench.is_open()
    assert bench.refusals[-1][1] is Refusal.NO_CONSENT


def test_a_picture_that_was_taken_is_acknowledged() -> None:
    assert Bench().hold(ANN).taken.is_set()


def test_a_consent_ends_by_the_calendar_without_a_word_from_the_disk() -> None:
    bench = Bench()
    noon = bench.clock.wall() + 60
    bench.inbox.put(Swap(holdings(ANN, BOB, expires=noon)))
    bench.turn()
    bench.wait(61)
    bench.arrive()
    bench.looks_like(FACES[ANN], bench.policy.probes_max)
    assert not bench.is_open()
    assert bench.refusals[-1][1] is Refusal.NO_CONSENT


def test_a_calendar_that_falls_back_gives_no_consent_back() -> None:
    class Calendar(HandClock):
        shift = 0.0

        def wall(self) -> float:
            return super().wall() + self.shift

    bench = Bench()
    clock = Calendar(bench.clock.now())
    loop = Loop(
        bench.turnstile, FakeEye(), bench.inbox, clock, LanePolicy(), YARDSTICK, holdings(), (Way.FACE, Way.CARD)
    )
    bench.inbox.put(Swap(holdings(ANN, expires=clock.wall() + 60)))
    loop.turn(clock.now())
    clock.shift = 3600.0
    loop.turn(clock.now())
    clock.shift = -3600.0
    loop.turn(clock.now())
    assert loop._lane.live == frozenset()


# The thread -------------------------------------------------------------------------------
class Closing(Inbox):
    """An inbox that closes as soon as the loop would wait."""

    def wait(self, timeout_s: float) -> None:
        self.close()


def _loop(bench: Bench, inbox: Inbox) -> Loop:
    return Loop(
        bench.turnstile, bench.eye, inbox, bench.clock, bench.policy, YARDSTICK, holdings(), (Way.FACE, Way.CARD)
    )


def test_it_ends_locked() -> None:
    bench, inbox = Bench(), Closing()
    inbox.put(CardRead(bench.clock.now(), CARD))
    _loop(bench, inbox).run()
    assert [energised for _, energised in bench.turnstile.states] == [False, True, False]
    assert bench.turnstile.names()[-1] == "lock"


class Restless(Inbox):
    """An inbox in which nobody waits."""

    def wait(self, timeout_s: float) -> None:
        del timeout_s


def test_it_ends_locked_although_it_ends_by_an_error() -> None:
    bench, inbox = Bench(), Restless()
    inbox.put(CardRead(bench.clock.now(), CARD))
    turns = iter((None, KeyboardInterrupt()))

    def interrupted_before_the_second_turn(now: float) -> None:
        if (error := next(turns)) is not None:
            raise error

    with pytest.raises(KeyboardInterrupt):
        _loop(bench, inbox).run(interrupted_before_the_second_turn)
    assert [energised for _, energised in bench.turnstile.states] == [False, True, False]


def test_a_watchdog_is_fed_every_turn() -> None:
    bench = Bench()
    fed: list[float] = []
    _loop(bench, Closing()).run(fed.append)
    assert fed == [bench.clock.now()]


def test_it_wakes_for_what_is_due_and_at_least_once_a_second() -> None:
    bench = Bench()
    assert bench.loop.idle_s(bench.clock.now()) == 1.0
    bench.card()
    bench.wait(bench.policy.release_s - 0.3)
    assert bench.loop.idle_s(bench.clock.now()) == pytest.approx(0.3)


def test_it_wakes_when_something_comes_in() -> None:
    inbox = Inbox()
    woken = threading.Event()

    def wait() -> None:
        inbox.wait(60.0)
        woken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    inbox.put(Mended(Part.CAMERA))
    assert woken.wait(20.0)
    thread.join()


def test_nothing_of_a_person_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    bench.arrive()
    bench.looks_like(FACES[ANN])
    bench.enter()
    bench.exit()
    bench.leave()
    bench.wait(5.0)
    bench.arrive()
    bench.looks_like(STRANGER, bench.policy.probes_max)
    bench.card(None)
    assert bench.loop.report.releases == 1
    assert len(bench.refusals) == 2
    assert caplog.records == []
