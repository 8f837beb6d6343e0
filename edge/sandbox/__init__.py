"""What each process gives up before it touches anything from outside: files, network, system calls, core dumps.

Under systemd the unit does the same and more; this is for a desk, a demo and CI, and stays on as a second wall.

Rule 1.  A process confines itself right after it has read its configuration, before it imports what parses images or
         models, and while it has one thread: Landlock binds the calling thread and those that it starts, no others.
Rule 2.  What the kernel lacks is said, in words that travel in the hello of the process and stand in `status`. What it
         has and refuses is an error: a sandbox that half failed must not look like one.
Rule 3.  What is not named in a profile is forbidden (files), and what no process of ours needs is forbidden to all
         (system calls).
"""

from __future__ import annotations

from pathlib import Path

from edge.errors import PartFailed
from edge.sandbox import landlock, process, seccomp
from edge.sandbox.profiles import Profile
from edge.sandbox.wall import Absent, Wall

__all__ = ["Profile", "confine"]


def confine(profile: Profile) -> str:
    """Confine this process for good. Returns what holds, for people: "landlock abi 7 + seccomp".

    Raises `PartFailed` if there is more than one thread, or if the kernel refuses what it offers.
    """
    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    if threads != 1:
        raise PartFailed(
            f"{profile.name} has {threads} threads and can no longer be confined",
            hint="this is a defect of edge-gate: something was imported too early",
        )
    walls: list[Wall] = []
    lacks: list[str] = []
    for build in (landlock.build, seccomp.build):
        try:
            walls.append(build(profile))
        except Absent as absent:
            lacks.append(str(absent))
    process.keep_secrets_in()
    for wall in walls:
        wall.put_up()
    if not walls:
        return "not sandboxed: " + "; ".join(lacks)
    return " + ".join(wall.name for wall in walls) + "".join(f", but {lack}" for lack in lacks)
