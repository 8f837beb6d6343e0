"""From starting a gate with 50,000 templates to its first decision about a face, against what has to happen at least.

    whole    `edge-gate run` is started; as soon as the lane shows that it is ready the resident stands before the
             camera; it ends when the relay is energised: three processes, their sandboxes and sockets, and three frames
    parts    one process that does nothing else: it starts Python, imports what gate and vision import, loads and tries
             the models, and loads the vault (`PARTS` is its program)

Both in turns, each in fresh processes, from the same files in the page cache.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

from edge.clock import BootClock
from edge.errors import PartFailed
from edge.measure.bench.lane import GATE, SITE, BenchLane
from edge.measure.bench.people import residents
from edge.measure.bench.row import Row, at_most
from edge.measure.bench.stand import first_decision, paint
from edge.measure.timing import wall
from edge.packs import find_pack

LIMIT = 1.3
TURNS = 5
REFERENCES = 50_000
PACK = "dlib-resnet"
_PARTS_S = 60.0
PARTS = f"""
import sys
from pathlib import Path
from edge.cli import run
from edge.clock import BootClock
from edge.config.load import load
from edge.gate import service as gate
from edge.gate.vault import open_vault
from edge.vision import service as vision
config, clock = load(Path(sys.argv[1])), BootClock()
prepared = vision.prepare(config, clock)
yardstick = gate.measure(config)
folder = config.paths.state / gate.VAULT
vault = open_vault(folder, site="{SITE}", gate="{GATE}", issuers=config.site.issuers, clock=clock)
matrix, _ = vault.matrix(yardstick.model_sha256)
assert len(matrix) == int(sys.argv[2])
"""


def rows(*, references: int = REFERENCES, turns: int = TURNS) -> list[Row]:
    """One."""
    clock, pack = BootClock(), find_pack(PACK)
    whole, parts = [], []
    with BenchLane(clock) as lane:
        paint(lane, pack, clock)
        lane.enrol(residents(pack, references), pack.embedder.sha256)
        for _ in range(turns):
            parts.append(_parts_s(lane, references))
            started = first_decision(lane, clock)
            whole.append(started.decided - started.began)
            lane.stop()
    name = f"start to first decision, {references:,} templates, against imports, models and vault"
    return [at_most(name, 1e3 * statistics.median(whole), 1e3 * statistics.median(parts), LIMIT)]


def _parts_s(lane: BenchLane, references: int) -> float:
    command = [sys.executable, "-P", "-c", PARTS, str(lane.config), str(references)]
    began = wall()
    ran = subprocess.run(command, capture_output=True, timeout=_PARTS_S, check=False)  # noqa: S603 - our own text
    taken = wall() - began
    if ran.returncode:
        said = ran.stderr.decode(errors="replace").splitlines() or ["nothing"]
        raise PartFailed(f"the parts of a start could not be measured: {said[-1]}", hint="try `edge-gate demo`")
    return taken
