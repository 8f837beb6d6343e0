"""A compound with one gate, made anew in a temporary folder, with everything real but camera, pins and card reader.

The site's issuer key exists in this process only and dies with it; the gate's three processes are the ones that stand
in a lane, started by the command that an installer would type.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.consent import sign
from edge.core.consent import ACCESS, Consent, Mode, Notice
from edge.core.values import ConsentId, GateId, SiteId, SubjectId
from edge.errors import NotRunning, ShownOtherwise
from edge.ports import Clock
from edge.sim.director import Director
from edge.wire.admin import Answer, Request, Status, StatusRequest
from edge.wire.client import ask

SITE, GATE = SiteId("demo-compound"), GateId("demo-gate")
READY_WITHIN_S = 45.0
"""On a small machine with a cold disk; about two seconds otherwise."""
STOP_WITHIN_S = 10.0
POLL_S = 0.1
CONSENT_LASTS_S = 24 * 3600

_CONFIG = """\
# Written by `edge-gate demo`; a gate that is commissioned would refuse every "sim" in it.
[site]
id = "{site}"
issuers = ["{issuer}"]

[gate]
id = "{gate}"

[paths]
state = "{folder}/state"
runtime = "{folder}/run"

[camera]
{camera}

[pins]
kind = "sim"

[cards]
kind = "sim"

[lane]
attempt_s = 5.0
release_s = 4.0
rest_s = 0.3

[recognition]
pad = "simulated"
"""


@dataclass(frozen=True, slots=True)
class LaneCamera:
    """The simulated camera with faces from a folder (empty device), or a real one as `kind:device`."""

    kind: str = "sim"
    device: str = ""


class House:
    """A context manager: the processes run inside, and nothing is left outside (the log only after a failure)."""

    def __init__(self, camera: LaneCamera, clock: Clock) -> None:
        self._camera, self._clock = camera, clock
        self._issuer = Ed25519PrivateKey.generate()
        self._impostor = Ed25519PrivateKey.generate()
        self.folder = Path(tempfile.mkdtemp(prefix="edge-gate-"))  # short: a Unix socket's path ends at 107 bytes
        self.faces = self.folder / "faces"
        self.director = Director(self.folder / "run" / "stage")
        self.log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._failed = False

    def __enter__(self) -> Self:
        for name in (self.faces, self.folder / "state", self.folder / "run"):
            name.mkdir(mode=0o700)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.director.close()
        self._stop()
        if not self._failed:
            shutil.rmtree(self.folder, ignore_errors=True)

    # The gate ------------------------------------------------------------------------------
    def start(self) -> Status:
        """Start the gate and wait until every part of it works. Raises `ShownOtherwise` with where its log is."""
        device = str(self.faces) if self._camera.kind == "sim" else self._camera.device
        text = _CONFIG.format(
            site=SITE,
            gate=GATE,
            issuer=self._issuer.public_key().public_bytes_raw().hex(),
            folder=self.folder,
            camera=f'kind = "{self._camera.kind}"\ndevice = "{device}"',
        )
        config = self.folder / "gate.toml"
        config.write_text(text, encoding="utf-8")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
                [sys.executable, "-m", "edge", "run", "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._until_ready()

    def ask(self, request: Request) -> Answer:
        """Ask the gate as its operator."""
        return ask(self.folder / "run" / "admin.sock", request)

    def status(self) -> Status:
        """What `edge-gate status` shows."""
        answer = self.ask(StatusRequest())
        if not isinstance(answer, Status):
            raise self.failed(f"the gate answered {type(answer).__name__} to a question for its status")
        return answer

    def failed(self, message: str) -> ShownOtherwise:
        """An error that leaves the log behind."""
        self._failed = True
        return ShownOtherwise(message, hint=f"the log of the three processes is {self.log}")

    def _until_ready(self) -> Status:
        until = self._clock.now() + READY_WITHIN_S
        status = None
        while self._clock.now() < until:
            if self._process is None or self._process.poll() is not None:
                raise self.failed("the gate's processes ended at once")
            with contextlib.suppress(NotRunning):
                status = self.status()
                if all(part.ok for part in status.parts):
                    return status
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(POLL_S)
        broken = "; ".join(f"{p.part.value}: {p.why}" for p in status.parts if not p.ok) if status else "no answer"
        raise self.failed(f"the gate was not ready within {READY_WITHIN_S:g} s ({broken})")

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    # The site ------------------------------------------------------------------------------
    def consent(self, *, genuine: bool = True) -> tuple[SubjectId, bytes]:
        """A consent for a new subject at this gate; not genuine: signed by somebody whom the site does not know."""
        now = int(self._clock.wall())
        subject = SubjectId(secrets.token_hex(16))
        consent = Consent(
            site=SITE,
            consent=ConsentId(secrets.token_hex(16)),
            index=secrets.randbelow(2**16),
            subject=subject,
            gates=(GATE,),
            purposes=(ACCESS,),
            modes=(Mode.IDENTIFY,),
            notice=Notice(version="demo-1", sha256="0" * 64),
            not_before=now - 60,
            expires=now + CONSENT_LASTS_S,
        )
        return subject, sign(consent, self._issuer if genuine else self._impostor)
