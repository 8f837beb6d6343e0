"""seccomp: which system calls answer "not permitted" from now on, in every thread (seccomp(2), through libseccomp).

Default is to allow: numpy, OpenCV and LiteRT use different calls on different boards, and a list of what they need
would break where we cannot test. What is denied here is what no process of ours ever needs, and what the profile
excludes. Under systemd the unit's own filter is the narrower one.

Rule 1.  Without `network`, the only sockets are Unix sockets. `socket` compares all 64 bits of its argument, so that a
         family with high bits set, which the kernel would cut off, is refused too.
Rule 2.  No io_uring: it opens sockets and files without a system call that a filter could see.
Rule 3.  System calls that are newer than this file do not exist: the C library asks for them, and has another way.
Rule 4.  Nothing here kills: a denied call fails, is seen as an error with a name, and the lane goes on with cards.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.errors import PartFailed
from edge.sandbox.profiles import Profile
from edge.sandbox.wall import Absent, Wall

_NEW_NAMESPACES = 0x7E020080
"""CLONE_NEW* of <linux/sched.h>, NEWTIME included."""
_NEWER = range(450, 512)
"""System calls since Linux 5.17, numbered alike everywhere; x32 begins at 512. fchmodat2 and setxattrat are among them,
and the libseccomp of Debian 12 knows none of them by name."""
_LAST_FAMILY = 64
"""Above every address family that Linux has (AF_MAX was 46 in 6.12)."""
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
"""With `network`. getaddrinfo(3) asks netlink which addresses the machine has."""

_PROGRAMS = ("execve", "execveat")
_OTHERS_MEMORY = ("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "perf_event_open")
_UNSEEN_WAYS = ("io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "bpf", "open_by_handle_at")
_KEYS = ("keyctl", "add_key", "request_key")
_NAMESPACES = ("unshare", "setns", "pivot_root", "chroot")
_MOUNTS = (
    *("mount", "umount2", "move_mount", "open_tree", "fsopen", "fsmount", "fsconfig", "fspick", "mount_setattr"),
    *("swapon", "swapoff", "quotactl", "acct"),
)
_MACHINE = (
    *("reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "syslog"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname"),
    *("iopl", "ioperm"),
)
_PATH_TRUNCATE = ("truncate",)  # Landlock sees it from ABI 3 on; nobody needs it
NEVER = (
    *_PROGRAMS,
    *_OTHERS_MEMORY,
    *_UNSEEN_WAYS,
    *_KEYS,
    *_NAMESPACES,
    *_MOUNTS,
    *_MACHINE,
    *_PATH_TRUNCATE,
)
OWNERSHIP = (
    *("chmod", "fchmod", "fchmodat", "chown", "lchown", "fchown", "fchownat"),
    *("setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"),
)
"""Landlock does not see these; who writes no file needs none of them."""


def build(profile: Profile) -> Wall:
    """The filter for `profile`, not loaded yet. Raises `Absent`, `PartFailed`."""
    try:
        import pyseccomp  # noqa: PLC0415 - its import looks for the library, and fails where there is none
    except RuntimeError:
        raise Absent("seccomp needs libseccomp.so.2 (apt install libseccomp2)") from None
    rules = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    with _refusals_named():
        rules.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)
        for name in (*NEVER, *(() if profile.writes else OWNERSHIP)):
            _deny(pyseccomp, rules, name)
        for number in _NEWER:
            rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), number)
        # glibc falls back to clone, whose flags a filter can read.
        rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
        denied = pyseccomp.ERRNO(errno.EPERM)
        for bit in (1 << shift for shift in range(32) if _NEW_NAMESPACES >> shift & 1):
            rules.add_rule(denied, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, bit, bit))
        only_unix = pyseccomp.Arg(0, pyseccomp.NE, int(socket.AF_UNIX))
        rules.add_rule(denied, "socketpair", only_unix)
        if profile.network:
            for family in set(range(_LAST_FAMILY)).difference(_FAMILIES):
                rules.add_rule(denied, "socket", pyseccomp.Arg(0, pyseccomp.EQ, family))
            rules.add_rule(denied, "socket", pyseccomp.Arg(0, pyseccomp.GE, _LAST_FAMILY))
        else:
            rules.add_rule(denied, "socket", only_unix)

    def put_up() -> None:
        with _refusals_named():
            rules.load()

    return Wall("seccomp", put_up)


@contextmanager
def _refusals_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PartFailed(
            f"the seccomp filter is refused ({error.strerror})",
            hint="this sandbox is not complete, so the process does not start; report the kernel's version",
        ) from None


def _deny(pyseccomp: Any, rules: Any, name: str) -> None:  # noqa: ANN401 - the package has no types
    """Deny `name`, unless this architecture (or this libseccomp) has no such call."""
    try:
        number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    except OSError:
        return
    if 0 <= number < _NEWER.start:
        rules.add_rule(pyseccomp.ERRNO(errno.EPERM), number)
