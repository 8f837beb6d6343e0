"""A mosquitto of one's own: on one port of this machine's loopback, in one folder, gone with whoever started it.

For tests and for the demo. A site's broker is a service of its machine (docs/broker.md).

Rule 1.  Nothing is installed and no service is touched. The binary is looked for in `PLACES`;
         `firmware_config/mosquitto.sh` puts it there if nobody else has.
Rule 2.  Its configuration is the one that a site gets (`edge.broker.config`): whatever is tried here is tried there.
Rule 3.  `start` returns when mosquitto says that it is running, `stop` and `kill` when it has ended. The kernel kills
         it when the thread that started it ends, so it does not outlive us.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.broker import acl, config
from edge.broker.authority import Authority, key_pem, new_key, request
from edge.core.values import WallTime
from edge.errors import PartFailed

HOST = "localhost"
_ADDRESS = "127.0.0.1"
PLACES = (
    Path.home() / ".cache" / "edge-gate" / "mosquitto" / "mosquitto",
    Path("/usr/sbin/mosquitto"),
    Path("/usr/local/sbin/mosquitto"),
)
START_S = 10.0
END_S = 10.0
KEPT_LINES = 200
_RUNNING = " running"
_SAVING = "Saving in-memory database"
_PR_SET_PDEATHSIG = 1


def find() -> Path:
    """The mosquitto of this machine. Raises `PartFailed` that says how to get one."""
    on_path = shutil.which("mosquitto")
    for place in (*PLACES[:1], *([Path(on_path)] if on_path else []), *PLACES[1:]):
        if os.access(place, os.X_OK):
            return place
    raise PartFailed(
        "there is no mosquitto on this machine",
        hint="run firmware_config/mosquitto.sh: it unpacks one without installing anything or leaving it running",
    )


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind((_ADDRESS, 0))
        return int(probe.getsockname()[1])


class PrivateBroker:
    """The broker of `authority`'s site, for the gates named. A context manager: entering starts, leaving stops it."""

    def __init__(
        self,
        folder: Path,
        site: str,
        gates: Sequence[str],
        authority: Authority,
        now: WallTime,
        *,
        binary: Path | None = None,
        port: int | None = None,
    ) -> None:
        self.port = free_port() if port is None else port
        self._binary = find() if binary is None else binary
        self._site, self._authority = site, authority
        self._process: subprocess.Popen[str] | None = None
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._running, self._saving = threading.Event(), threading.Event()
        self._reader: threading.Thread | None = None
        self._folder = folder
        self.files = config.BrokerFiles(
            authority=folder / "authority.pem",
            certificate=folder / "broker.pem",
            key=folder / "broker.key",
            acl=folder / "acl",
            data=folder / "data",
            revoked=folder / "revoked.pem",
        )
        self.files.data.mkdir(parents=True, mode=0o700, exist_ok=True)
        key = new_key()
        _write(self.files.authority, authority.pem())
        _write(self.files.key, key_pem(key))
        _write(self.files.certificate, authority.broker([HOST, _ADDRESS], request("broker", key), now))
        self.revoke([], now)
        self.allow(gates)

    def allow(self, gates: Sequence[str]) -> None:
        """Write the ACL for these gates and no others; `reload` makes it count."""
        _write(self.files.acl, acl.render(self._site, gates).encode())

    def revoke(self, certificates: Sequence[bytes], now: WallTime) -> None:
        """Write the revocation list of these certificates (PEM); `reload` makes it count."""
        assert self.files.revoked is not None
        _write(self.files.revoked, self._authority.revoked(certificates, now))

    def start(self) -> None:
        """Start it, and wait until it serves. Raises `PartFailed` with what it said last."""
        user = pwd.getpwuid(os.getuid()).pw_name
        settings = self._folder / "mosquitto.conf"
        _write(settings, config.render(self.files, bind=_ADDRESS, port=self.port, user=user).encode())
        self._running.clear()
        self._lines.clear()
        self._process = subprocess.Popen(  # noqa: S603 - a file that we found, with arguments of our own
            [self._binary, "-c", settings],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_end_with_us,  # noqa: PLW1509 - one system call, before any thread of the child
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), name="edge-mosquitto", daemon=True)
        self._reader.start()
        if not self._running.wait(START_S) or self._process.poll() is not None:
            said = " / ".join(list(self._lines)[-3:])
            self.kill()
            raise PartFailed(f"mosquitto does not start: {said}", hint="another may listen at its port; see the lines")

    def reload(self) -> None:
        """Have it read its files again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def save(self) -> None:
        """Have it write what is retained now, as it does every `config.AUTOSAVE_S`, and wait until it begins to."""
        self._saving.clear()
        if self._process is not None:
            self._process.send_signal(signal.SIGUSR1)
            if not self._saving.wait(START_S):
                raise PartFailed("mosquitto does not save what it holds", hint="see its lines")

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would: nothing more is written."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it hang."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    @property
    def log(self) -> tuple[str, ...]:
        """What it said last."""
        return tuple(self._lines)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with contextlib.suppress(ValueError), process.stderr:  # ValueError: closed by whoever ended it
            for line in process.stderr:
                self._lines.append(line.rstrip())
                if line.rstrip().endswith(_RUNNING):
                    self._running.set()
                elif _SAVING in line:
                    self._saving.set()
        self._running.set()  # it ended, and nobody need wait any longer

    def _end(self, by: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(by)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(END_S)
        if self._reader is not None:
            self._reader.join(END_S)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, for its owner only."""
    temporary = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    temporary.replace(path)


def _end_with_us() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
