"""Timers with a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from edge.clock import BootClock
from edge.gate.pins.oneshot import ThreadOneShot
from tests.fakes.clock import LOST_S

SOON_S = 0.02
LATER_S = 3600.0


class Target:
    """What a timer fires at."""

    def __init__(self) -> None:
        self.fired: list[float] = []
        self.hit = threading.Event()

    def __call__(self) -> None:
        self.fired.append(BootClock().now())
        self.hit.set()


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
def timer(target: Target) -> Iterator[ThreadOneShot]:
    timer = ThreadOneShot(BootClock(), "test-timer", target)
    yield timer
    timer.close()


def test_its_thread_exists_before_it_is_needed(timer: ThreadOneShot) -> None:
    assert "test-timer" in [thread.name for thread in threading.enumerate()]


def test_it_fires_once_and_not_too_early(timer: ThreadOneShot, target: Target) -> None:
    due = BootClock().now() + SOON_S
    timer.start(SOON_S)
    assert target.hit.wait(LOST_S)
    assert target.fired[0] >= due
    timer.close()
    assert len(target.fired) == 1


def test_an_earlier_start_is_forgotten(timer: ThreadOneShot, target: Target) -> None:
    timer.start(LATER_S)
    timer.start(SOON_S)
    assert target.hit.wait(LOST_S)


def test_a_later_start_is_later(timer: ThreadOneShot, target: Target) -> None:
    timer.start(SOON_S)
    timer.start(LATER_S)
    assert not target.hit.wait(3 * SOON_S)


def test_stopped_it_does_not_fire(timer: ThreadOneShot, target: Target) -> None:
    timer.start(SOON_S)
    timer.stop()
    assert not target.hit.wait(3 * SOON_S)


def test_it_can_be_started_from_what_it_fires() -> None:
    """As the relay does that could not be de-energised."""
    fired = threading.Semaphore(0)
    timer: ThreadOneShot | None = None

    def again() -> None:
        fired.release()
        assert timer is not None
        timer.start(0.0)

    timer = ThreadOneShot(BootClock(), "test-again", again)
    timer.start(0.0)
    assert all(fired.acquire(timeout=LOST_S) for _ in range(3))
    timer.close()


def test_closing_twice_is_no_error(timer: ThreadOneShot) -> None:
    timer.close()
    timer.close()
