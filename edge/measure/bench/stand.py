"""The whole gate with its simulated lane: started, and a resident put before its camera."""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.lane import Sign
from edge.core.values import Instant
from edge.demo.faces import RESIDENT, gather
from edge.errors import NotRunning
from edge.measure.bench.lane import BenchLane
from edge.packs import Pack
from edge.ports import Clock
from edge.sim.stage import Person, Scene
from edge.vision.cameras.pictures import read_picture
from edge.vision.find import FaceFinder
from edge.vision.stages import Stages

READY_S, DECIDED_S = 30.0, 10.0
_LOOK_EVERY_S = 0.005


def paint(lane: BenchLane, pack: Pack, clock: Clock) -> None:
    """Put the demo's faces into the folder of the lane's simulated camera."""
    finder = FaceFinder(pack, Stages(clock))

    def box_of(image: object) -> tuple[float, float, float, float] | None:
        found = finder.find(image)  # type: ignore[arg-type]
        if not found:
            return None
        box = found[0].detection
        return box.x - box.width_px / 2, box.y - box.height_px / 2, box.width_px, box.height_px

    gather(lane.faces, None, read_picture, box_of)


@dataclass(frozen=True, slots=True)
class Started:
    """The process id of `edge-gate run`, and the instants of its start and of its first release."""

    pid: int
    began: Instant
    decided: Instant


def first_decision(lane: BenchLane, clock: Clock) -> Started:
    """Start `edge-gate run`; when it is ready let the resident in.

    Raises `NotRunning` if it ends, `ShownOtherwise` where it does not get so far.
    """
    began = clock.now()
    pid = lane.start("run")
    _watch(lane)
    # Before anything works the lamps say "card only"; what they said before that they were never told to say.
    lane.director.wait_for(lambda moved: moved.sign == Sign.CARD_ONLY.value, READY_S)
    lane.director.wait_for(lambda moved: moved.sign == Sign.READY.value, READY_S)
    lane.director.scene(Scene(people=(Person(face=RESIDENT),)))
    lane.director.sense(presence=True)
    relay = lane.director.wait_for(lambda moved: moved.relay, DECIDED_S)
    return Started(pid, began, relay.at)


def _watch(lane: BenchLane) -> None:
    """See what the pins show from their first moment on. Raises `NotRunning` if the gate ends before."""
    while True:
        try:
            lane.director.watch()
        except NotRunning:
            lane.wait(_LOOK_EVERY_S)
        else:
            return
