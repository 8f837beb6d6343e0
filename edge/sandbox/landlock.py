"""Landlock: which files, TCP ports, signals and abstract sockets this process may still reach (landlock(7)).

An adapter of our own over three system calls; why not the package `landlock` is told in
docs/decisions/0003-desk-sandbox.md. Numbers are from <linux/landlock.h>.

Rule 1.  Every right that the running kernel knows is handled, so that a newer kernel only forbids more.
Rule 2.  A path that does not exist gets no rule: it stays forbidden, also when it appears later.
Rule 3.  Rights that only folders have are never asked for a file: the kernel would refuse the rule.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from enum import IntFlag
from pathlib import Path

from edge.errors import PartFailed
from edge.sandbox.profiles import Profile
from edge.sandbox.wall import Absent, Wall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_ASK_VERSION = 1
_PATH_BENEATH = 1


class Fs(IntFlag):
    """LANDLOCK_ACCESS_FS_*"""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


class Net(IntFlag):
    """LANDLOCK_ACCESS_NET_*"""

    BIND_TCP = 1 << 0
    CONNECT_TCP = 1 << 1


class Scope(IntFlag):
    """LANDLOCK_SCOPE_*"""

    ABSTRACT_UNIX_SOCKET = 1 << 0
    SIGNAL = 1 << 1


_SINCE = {Fs.REFER: 2, Fs.TRUNCATE: 3, Fs.IOCTL_DEV: 5}
_NET_SINCE, _SCOPE_SINCE = 4, 6
_OF_FILES = Fs.EXECUTE | Fs.WRITE_FILE | Fs.READ_FILE | Fs.TRUNCATE | Fs.IOCTL_DEV
READ = Fs.READ_FILE | Fs.READ_DIR
USE_DEVICE = Fs.READ_FILE | Fs.WRITE_FILE | Fs.IOCTL_DEV
WRITE = READ | Fs.WRITE_FILE | Fs.TRUNCATE | Fs.MAKE_REG | Fs.REMOVE_FILE | Fs.MAKE_DIR | Fs.REMOVE_DIR | Fs.REFER
MEET = Fs.READ_DIR | Fs.MAKE_SOCK | Fs.MAKE_FIFO | Fs.REMOVE_FILE | Fs.READ_FILE | Fs.WRITE_FILE


class _RulesetAttr(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


_LIBC = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """The version of Landlock that the kernel offers. Raises `Absent`."""
    version = _syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if version < 1:
        why = {errno.ENOSYS: "the kernel has no landlock", errno.EOPNOTSUPP: "landlock is switched off at boot"}
        raise Absent(why.get(ctypes.get_errno(), "landlock is not allowed here"))
    return version


def build(profile: Profile) -> Wall:
    """A wall around this thread, and all that it starts later. Raises `Absent`, `PartFailed`."""
    version = abi()
    handled = _known(~Fs(0), version)
    attr = _RulesetAttr(
        handled,
        Net.BIND_TCP | (0 if profile.network else Net.CONNECT_TCP) if version >= _NET_SINCE else 0,
        Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL if version >= _SCOPE_SINCE else 0,
    )
    # A kernel takes an attribute that is longer than it knows if the rest is zero; and it is.
    ruleset = _checked("landlock_create_ruleset", _CREATE_RULESET, ctypes.byref(attr), ctypes.sizeof(attr), 0)
    for paths, rights in (
        (profile.reads, READ),
        (profile.devices, USE_DEVICE),
        (profile.writes, WRITE),
        (profile.meets, MEET),
    ):
        for path in paths:
            _allow(ruleset, path, rights & handled)

    def put_up() -> None:
        _checked("landlock_restrict_self", _RESTRICT_SELF, ruleset, 0)
        os.close(ruleset)

    return Wall(f"landlock abi {version}", put_up)


def _allow(ruleset: int, path: Path, rights: Fs) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # rule 2
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _OF_FILES
        rule = _PathBeneathAttr(rights, fd)
        _checked(f"a rule for {path}", _ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(fd)


def _known(rights: Fs, version: int) -> Fs:
    return Fs(sum(right for right in rights if _SINCE.get(right, 1) <= version))


def _checked(what: str, number: int, *args: object) -> int:
    result = _syscall(number, *args)
    if result < 0:
        raise PartFailed(
            f"the kernel refuses {what} ({os.strerror(ctypes.get_errno())})",
            hint="this sandbox is not complete, so the process does not start; report the kernel's version",
        )
    return result


def _syscall(number: int, *args: object) -> int:
    """syscall(2). Only a result of -1 is an error: errno keeps the error of some earlier call otherwise."""
    longs = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    _LIBC.syscall.restype = ctypes.c_long
    return int(_LIBC.syscall(ctypes.c_long(number), *longs))
