"""What each of the three processes may reach (design, "the eye has no memory, the gate has no eyes").

           camera   models   vault and state   network   pins and readers   its sockets
vision     yes      yes      no                no        no                 meets `gate` there
gate       no       digests  yes               no        yes                makes them
sync       no       no       no                yes       no                 meets `gate` there

Rule 1.  A profile follows from the configuration alone, so it can be in force before anything else is read.
Rule 2.  Nothing that `vision` or `sync` may read contains the vault, wherever an installer put it.
Rule 3.  A device that appears later has no rule: the process has to be started again, which its parent does.
"""

from __future__ import annotations

import os
import site
import sys
from dataclasses import dataclass
from pathlib import Path

from edge.config.schema import Config
from edge.errors import Refused
from edge.packs.pack import default_search


@dataclass(frozen=True, slots=True)
class Profile:
    """Names of files and folders, with everything beneath; what does not exist gets no right.

    `reads`: read. `writes`: read, make, change, remove. `devices`: open both ways, and ioctl. `meets`: make and remove
    sockets and pipes. `network`: TCP and UDP outwards.
    """

    name: str
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    devices: tuple[Path, ...] = ()
    meets: tuple[Path, ...] = ()
    network: bool = False


_PACKAGE = Path(__file__).resolve().parents[1]
_MACHINE = tuple(
    Path(place)
    for place in (
        *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"),
        *("/usr/share/zoneinfo", "/etc/localtime", "/dev/urandom", "/dev/random", "/dev/zero"),
        *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm", "/sys/devices/system/cpu"),
    )
)
"""Shared libraries, and what they ask about the machine."""
_USERS = tuple(Path(place) for place in ("/etc/passwd", "/etc/group", "/etc/nsswitch.conf"))
_NAMES_AND_TRUST = tuple(
    Path(place)
    for place in ("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/services", "/etc/gai.conf", "/etc/ssl")
)
_BOARD = tuple(Path(place) for place in ("/proc/device-tree", "/sys/firmware/devicetree", "/sys/bus/gpio"))
_NULL = Path("/dev/null")
_ON_DISK = ("sim", "folder", "video")


def vision(config: Config) -> Profile:
    """Camera and models. Raises `Refused` (rule 2)."""
    look_at = Path(config.camera.device) if config.camera.device else None
    on_disk = config.camera.kind in _ON_DISK
    return _apart(
        config,
        Profile(
            "vision",
            reads=(*_code(), *_packs(config), *([look_at] if look_at and on_disk else [])),
            devices=(_NULL, *([] if on_disk else [_v4l2(config.camera.device)])),
            meets=(config.stage_socket,),
        ),
    )


def gate(config: Config) -> Profile:
    """Vault, pins, readers, and the sockets at which the others meet it."""
    readers = [] if config.cards.kind != "line" or config.cards.device == "-" else [Path(config.cards.device)]
    chips = sorted(Path("/dev").glob("gpiochip*")) if config.pins.kind == "gpio" else []
    return Profile(
        "gate",
        reads=(*_code(), *_packs(config), *_USERS, *_BOARD),
        writes=(config.paths.state,),
        devices=(_NULL, *readers, *chips),
        meets=(config.paths.runtime,),
    )


def sync(config: Config) -> Profile:
    """The network, and nothing to tell it. Raises `Refused` (rule 2)."""
    return _apart(
        config,
        Profile(
            "sync", reads=(*_code(), *_USERS, *_NAMES_AND_TRUST, *_broker_files(config)), devices=(_NULL,), network=True
        ),
    )


def _code() -> tuple[Path, ...]:
    """Python, its packages and ours; of other folders on the path only those that pip made."""
    prefixes = {Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    packages = {Path(folder).resolve() for folder in (*site.getsitepackages(), site.getusersitepackages())}
    # /proc/self has to be resolved now: the kernel ties the rule to this process.
    return (_PACKAGE, *sorted(prefixes | packages), *_MACHINE, Path("/proc") / str(os.getpid()))


def _packs(config: Config) -> tuple[Path, ...]:
    return (*config.paths.packs, *default_search())


def _broker_files(config: Config) -> tuple[Path, ...]:
    """Their folders, not the files: the kernel ties a rule to a file, and a renewed certificate is another one."""
    named = (config.broker.authority, config.broker.certificate, config.broker.key)
    return tuple(sorted({path.parent for path in named if path is not None}))


def _v4l2(device: str) -> Path:
    return Path(device if device.startswith("/") else f"/dev/video{device}")


def _apart(config: Config, profile: Profile) -> Profile:
    state = config.paths.state.resolve()
    for path in (*profile.reads, *profile.writes):
        if state.is_relative_to(path.resolve()):
            raise Refused(
                f"{profile.name} reads {path}, and the vault would lie in it ({state})",
                hint="move paths.state to a folder of its own, for example /var/lib/edge-gate",
            )
    return profile
