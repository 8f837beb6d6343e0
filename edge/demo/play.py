"""Plays the day: starts the house, runs the steps, draws, and keeps what happened.

The day goes on after a step that came out differently, so that the closing table shows everything; it fails at its end.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from edge.clock import BootClock
from edge.demo.drawing import Line, draw, milliseconds
from edge.demo.faces import BoxOf, gather
from edge.demo.house import House, LaneCamera
from edge.demo.lane import DemoLane, Happened
from edge.demo.script import Day, Step
from edge.errors import EdgeError
from edge.packs import load_pack
from edge.packs.pack import default_search
from edge.ports import Clock
from edge.vision.cameras.pictures import read_picture
from edge.vision.find import FaceFinder
from edge.vision.stages import Stages

PACK = "dlib-resnet"
PAD = "PAD: simulated (a still photo is the resident here)"
REFRESH_HZ = 12
BREATH_S = 0.8
"""Before each step, for those who watch."""


@dataclass(frozen=True, slots=True)
class Played:
    """One step as `demo --json` reports it."""

    name: str
    expected: str
    happened: str
    ms: float
    ok: bool


def play(camera: LaneCamera, faces: Path | None, clock: BootClock, console: Console | None) -> list[Played]:
    """Play the whole day; `console` None: without a picture. Raises `EdgeError` if the lane never gets ready."""
    simulated = camera.kind == "sim"
    with House(camera, clock) as house:
        if simulated:
            gather(house.faces, faces, read_picture, _box_of(clock))
        lane = DemoLane(house, clock, clock.rest, simulated=simulated)
        done: list[Played] = []
        running = [f"starting three processes{'' if simulated else f' on {camera.device}'}"]

        def screen() -> object:
            lines = tuple(Line(p.name, p.happened, p.ms, p.ok) for p in done)
            return draw(lane.picture, lines, running[0])

        breath_s = BREATH_S if console is not None else 0.0
        with _live(console, screen):
            status = house.start()
            lane.picture = lane.title(f"{status.gate} · {status.pack} · {PAD}")
            for step in Day(lane).steps():
                running[0] = step.name
                lane.pause(breath_s)
                done.append(_run(step))
            running[0] = ""
        if not all(p.ok for p in done):
            house.failed("a step came out differently")
    return done


def closing_table(played: list[Played]) -> Table:
    """What happened, and how long it took."""
    table = Table(title="A day at the gate", title_style="bold", caption=PAD)
    for heading in ("", "step", "expected", "happened"):
        table.add_column(heading)
    table.add_column("ms", justify="right")
    for p in played:
        mark = "[green]✓[/]" if p.ok else "[red]✗[/]"
        table.add_row(mark, p.name, p.expected, p.happened, milliseconds(p.ms))
    return table


def _run(step: Step) -> Played:
    try:
        happened = step.act()
    except EdgeError as error:
        happened = Happened(f"error: {error.message}", 0.0)
    ok = happened.words == step.expected
    return Played(step.name, step.expected, happened.words, round(happened.ms, 1), ok)


def _live(console: Console | None, screen: Callable[[], object]) -> AbstractContextManager[object]:
    if console is None or not console.is_terminal:
        return nullcontext()
    return Live(get_renderable=screen, console=console, refresh_per_second=REFRESH_HZ, transient=True)  # type: ignore[arg-type]


@contextmanager
def _quiet_runtime() -> Iterator[None]:
    """LiteRT greets on descriptor 2 when a model is loaded, in the middle of our picture, and takes no setting."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _box_of(clock: Clock) -> BoxOf:
    with _quiet_runtime():
        finder = FaceFinder(load_pack(PACK, default_search()), Stages(clock))

    def box_of(image: object) -> tuple[float, float, float, float] | None:
        found = finder.find(image)  # type: ignore[arg-type]
        if not found:
            return None
        box = found[0].detection
        return (box.x - box.width_px / 2, box.y - box.height_px / 2, box.width_px, box.height_px)

    return box_of
