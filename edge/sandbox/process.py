"""prctl(2) and limits: no new privileges, no core file, no debugger, and no life beyond the parent's."""

from __future__ import annotations

import ctypes
import os
import resource
import signal

from edge.errors import PartFailed

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_LIBC = ctypes.CDLL(None, use_errno=True)


def keep_secrets_in() -> None:
    """No core dump, no /proc/PID/mem for others of the same user, and no program that would gain rights."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def end_with(parent: int, by: signal.Signals) -> None:
    """Have the kernel send `by` when the process `parent` ends; end at once if it already has.

    The signal follows the parent's *thread* that started us, so a parent starts its children from one that stays.
    """
    _prctl(_PR_SET_PDEATHSIG, by)
    if os.getppid() != parent:  # it ended between our start and the line above
        os.kill(os.getpid(), by)


def _prctl(option: int, value: int) -> None:
    unsigned = ctypes.c_ulong
    if _LIBC.prctl(ctypes.c_int(option), unsigned(value), unsigned(0), unsigned(0), unsigned(0)) != 0:
        raise PartFailed(
            f"the kernel refuses prctl option {option} ({os.strerror(ctypes.get_errno())})",
            hint="edge-gate needs Linux 3.5 or newer, and a container that allows prctl",
        )
