from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.errors import PartFailed
from edge.vision.cameras.watch import Health
from edge.vision.lookout import PROBE_EVERY_S, PROBE_S, Lookout
from tests.fakes.camera import Moment, ScriptedCamera
from tests.fakes.clock import HandClock

LIGHT = np.full((48, 64, 3), 90, np.uint8)
BLACK = np.full((48, 64, 3), 3, np.uint8)
FRAME_S = 0.1


class Rig:
    def __init__(self, *script: Moment) -> None:
        self.clock = HandClock()
        self.camera = ScriptedCamera(script, self.clock, frame_s=FRAME_S)
        self.lookout = Lookout(self.camera, self.clock, fps=10)

    def look(self, until: Callable[[], bool], *, within_s: float = 5.0) -> float:
        """Look until something holds; how long that took."""
        began = self.clock.now()
        while not until():
            self.lookout.frame()
            assert self.clock.now() - began <= within_s, "did not come true in time"
        return self.clock.now() - began

    def idle(self, seconds: float) -> None:
        """What the process does while nobody wants to see."""
        until, beat = self.clock.now() + seconds, self.clock.now()
        while self.clock.now() < until:
            if self.clock.now() >= beat:
                beat += 1.0
                self.lookout.check()
            if self.lookout.probing:
                self.lookout.probe()
            else:
                self.clock.advance(0.05)


def test_a_camera_that_nobody_wants_stays_closed() -> None:
    rig = Rig(*[LIGHT] * 100)
    rig.idle(10.0)
    assert rig.camera.calls == []
    assert rig.lookout.fault is None


def test_it_opens_for_the_first_frame_and_closes_at_rest() -> None:
    rig = Rig(*[LIGHT] * 3)
    assert rig.lookout.frame() is not None
    assert rig.lookout.frame() is not None
    rig.lookout.rest()
    rig.lookout.rest()
    assert rig.camera.calls == ["open", "newest", "newest", "close"]


def test_a_stall_is_noticed_within_a_second() -> None:
    rig = Rig(LIGHT, LIGHT)
    assert rig.look(lambda: rig.lookout.fault is not None) <= 2 * FRAME_S + 1.0
    assert rig.lookout.fault == Health.STALLED.value
    assert not rig.lookout.lost


def test_darkness_is_noticed_within_a_second_and_one_dark_frame_is_not() -> None:
    rig = Rig(LIGHT, BLACK, LIGHT, *[BLACK] * 20)
    for _ in range(3):
        rig.lookout.frame()
        assert rig.lookout.fault is None
    assert rig.look(lambda: rig.lookout.fault is not None) <= 1.0
    assert rig.lookout.fault == Health.DARK.value


def test_a_pulled_camera_is_noticed_at_once_looking_or_not() -> None:
    rig = Rig(LIGHT, PartFailed("camera 0 is gone", hint="plug it in"))
    rig.lookout.frame()
    assert rig.lookout.frame() is None
    assert rig.lookout.fault == "camera 0 is gone"
    assert rig.lookout.lost
    assert rig.camera.calls[-1] == "close"
    idle = Rig()
    idle.camera.plugged = False
    idle.idle(0.05)
    assert idle.lookout.fault == Health.GONE.value


def test_a_camera_that_does_not_open_is_a_fault() -> None:
    rig = Rig()
    rig.camera.plugged = False
    assert rig.lookout.frame() is None
    assert rig.lookout.lost
    assert "unplugged" in str(rig.lookout.fault)


@pytest.mark.parametrize("kind", ["stalled", "dark", "gone"])
def test_a_fault_is_seen_to_heal_by_short_glances(kind: str) -> None:
    rig = Rig(*{"stalled": [], "dark": [BLACK] * 12, "gone": []}[kind])
    if kind == "gone":
        rig.camera.plugged = False
        rig.lookout.check()
    else:
        rig.look(lambda: rig.lookout.fault is not None)
    rig.lookout.rest()
    rig.idle(3.0)  # nothing got better
    faults = [rig.lookout.fault]
    rig.camera.plugged = True
    rig.camera.script.extend([LIGHT] * 100)
    began = rig.clock.now()
    while rig.lookout.fault is not None:
        rig.idle(0.1)
        assert rig.clock.now() - began < PROBE_EVERY_S + 1.0 + PROBE_S + 0.5
    rig.idle(PROBE_S)
    assert rig.camera.calls[-1] == "close"
    faults.append(rig.lookout.fault)
    assert [fault is None for fault in faults] == [False, True]
    calls = len(rig.camera.calls)
    rig.idle(10.0)
    assert len(rig.camera.calls) == calls  # healed: closed for good


def test_while_faulty_the_camera_is_open_for_less_than_half_of_the_time() -> None:
    rig = Rig()
    rig.look(lambda: rig.lookout.fault is not None)
    rig.lookout.rest()
    opened = 0.0
    for _ in range(400):
        before = rig.clock.now()
        rig.idle(0.05)
        opened += (rig.clock.now() - before) * rig.camera.opened
    assert opened < 0.5 * 20.0


def test_whoever_wants_to_see_ends_a_glance() -> None:
    rig = Rig()
    rig.look(lambda: rig.lookout.fault is not None)
    rig.lookout.rest()
    rig.clock.advance(PROBE_EVERY_S)
    rig.lookout.check()
    glancing = [rig.lookout.probing]
    rig.camera.script.append(LIGHT)
    assert rig.lookout.frame() is not None
    glancing.append(rig.lookout.probing)
    assert glancing == [True, False]
