"""What the three processes of a gate with 50,000 templates hold together: proportional set size (proc(5)).

Rule 1.  Measured after a first release, so that every model and buffer has been used, and then until the figure has
         stood still for `QUIET_S`: the vault verifies its signatures in portions after the start.
Rule 2.  A page that processes share is divided among them, so the sum counts it once. The parent that restarts them
         is not among the three; under systemd there is none.
Rule 3.  The gate's processes are not dumpable, so only root may read their figures.
"""

from __future__ import annotations

from edge.clock import BootClock
from edge.errors import PartFailed
from edge.measure.bench.lane import BenchLane
from edge.measure.bench.people import residents
from edge.measure.bench.row import Row, within
from edge.measure.bench.stand import first_decision, paint
from edge.packs import find_pack

BUDGET_MB = 200.0
REFERENCES = 50_000
PACK = "dlib-resnet"
PROCESSES = 3
QUIET_S, SETTLED_WITHIN_S = 6, 90
_STILL_MB = 0.5


def rows(*, references: int = REFERENCES) -> list[Row]:
    """One, for all three together."""
    clock, pack = BootClock(), find_pack(PACK)
    with BenchLane(clock) as lane:
        paint(lane, pack, clock)
        lane.enrol(residents(pack, references), pack.embedder.sha256)
        pid = first_decision(lane, clock).pid
        mb = _settled_mb(lane, pid)
    name = f"memory of {PROCESSES} processes with {references:,} templates (PSS)"
    return [within(name, mb, BUDGET_MB, unit="MB")]


def _settled_mb(lane: BenchLane, parent: int) -> float:
    highest, still = 0.0, 0
    for _ in range(SETTLED_WITHIN_S):
        mb = _pss_mb(parent)
        still = still + 1 if mb < highest + _STILL_MB else 0
        highest = max(highest, mb)
        if still >= QUIET_S:
            break
        lane.wait(1.0)
    return highest


def _pss_mb(parent: int) -> float:
    import psutil  # noqa: PLC0415 - of the extra `bench`

    children = psutil.Process(parent).children()
    if len(children) != PROCESSES:
        raise PartFailed(f"{len(children)} processes run instead of {PROCESSES}", hint="try `edge-gate demo`")
    try:
        return float(sum(child.memory_full_info().pss for child in children)) / 1e6
    except psutil.AccessDenied:
        raise PartFailed("only root may read the memory of the gate's processes", hint="run it as root") from None
