"""The whole gate with its simulated lane: started, and a resident put before its camera."""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.values import Instant
from edge.demo.faces import RESIDENT, gather
from edge.errors import NotRunning, PartFailed
from edge.measure.bench.lane import BenchLane
from edge.packs import Pack
from edge.ports import Clock
from edge.sim.stage import Person, Scene
from edge.vision.cameras.pictures import read_picture
from edge.vision.find import FaceFinder
from edge.vision.stages import Stages
from edge.wire.admin import Status, StatusRequest
from edge.wire.client import ask

READY_S, DECIDED_S = 30.0, 10.0
_LOOK_EVERY_S = 0.01


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

    Raises `NotRunning`, `PartFailed` or `ShownOtherwise` where it does not get so far.
    """
    began = clock.now()
    pid = lane.start("run")
    while not _ready(lane):
        if clock.now() - began > READY_S:
            raise PartFailed(f"the gate was not ready within {READY_S:g} s", hint="try `edge-gate demo`")
        lane.wait(_LOOK_EVERY_S)
    lane.director.scene(Scene(people=(Person(face=RESIDENT),)))
    lane.director.sense(presence=True)
    relay = lane.director.wait_for(lambda moved: moved.relay, DECIDED_S)
    return Started(pid, began, relay.at)


def _ready(lane: BenchLane) -> bool:
    """Whether all three processes have met and every part works."""
    try:
        answer = ask(lane.folder / "run" / "admin.sock", StatusRequest())
    except NotRunning:
        return False
    return isinstance(answer, Status) and all(part.ok for part in answer.parts)
