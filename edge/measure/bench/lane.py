"""A lane in a temporary folder with as many people enrolled as one likes, for measuring the gate's own processes.

Everything is real but camera, pins and card reader. The issuer's key lives in this process only. The vault is written
in one commit, chunk by chunk as the vault itself writes them, because enrolling 16,667 people one after the other
would take minutes; every consent in it is signed, and the gate verifies each.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from edge.consent import sign
from edge.core.consent import ACCESS, Consent, Mode, Notice
from edge.core.values import ConsentId, GateId, SiteId, SubjectId
from edge.errors import NotRunning
from edge.gate.service import VAULT
from edge.gate.vault import papers, references
from edge.gate.vault.database import Database
from edge.gate.vault.opening import DATABASE, SLOTS, make
from edge.gate.vault.papers import PAPERS_A_CHUNK
from edge.gate.vault.references import FACTS, REFERENCES_A_CHUNK, Block
from edge.gate.vault.slots import FileSlot
from edge.gate.vault.store import Owner, SealedStore
from edge.gate.vault.table import ChunkId, Kind
from edge.measure.bench.gallery import REFERENCES_A_SUBJECT
from edge.ports import Clock
from edge.sim.director import Director

SITE, GATE = SiteId("bench-compound"), GateId("bench-gate")
STOP_WITHIN_S = 10.0
_DAY_S = 24 * 3600
_CONFIG = """\
[site]
id = "{site}"
issuers = ["{issuer}"]

[gate]
id = "{gate}"

[paths]
state = "{folder}/state"
runtime = "{folder}/run"

[camera]
kind = "sim"
device = "{folder}/faces"

[pins]
kind = "sim"

[cards]
kind = "sim"

[lane]
rest_s = 0.2
"""


class BenchLane:
    """A context manager; nothing is left outside."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._issuer = Ed25519PrivateKey.generate()
        self.folder = Path(tempfile.mkdtemp(prefix="edge-gate-"))  # short: a Unix socket's path ends at 107 bytes
        self.faces = self.folder / "faces"
        self.config = self.folder / "gate.toml"
        self.director = self._new_director()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        for name in ("faces", "state", "run"):
            (self.folder / name).mkdir(mode=0o700)
        issuer = self._issuer.public_key().public_bytes_raw().hex()
        self.config.write_text(_CONFIG.format(site=SITE, gate=GATE, issuer=issuer, folder=self.folder), "utf-8")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Processes -----------------------------------------------------------------------------
    def start(self, command: str) -> int:
        """Start `edge-gate run`, or one of the processes; its id."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
                [sys.executable, "-P", "-m", "edge", command, "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._process.pid

    def stop(self) -> None:
        """End it, and wait until it has ended; another one may be started then."""
        self.director.close()
        self.director = self._new_director()  # what the next one shows is news
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _new_director(self) -> Director:
        return Director(self.folder / "run" / "stage")

    def wait(self, seconds: float) -> None:
        """Let it work for a while. Raises `NotRunning` with the last line of its log if it has ended."""
        if self._process is None:
            raise NotRunning("the gate was not started", hint="this is a defect of the bench")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            lines = (self.folder / "log").read_text("utf-8", "replace").splitlines() or ["it said nothing"]
            raise NotRunning(f"the gate's processes ended at once: {lines[-1]}", hint="try `edge-gate demo`")

    # People ----------------------------------------------------------------------------------
    def enrol(self, templates: NDArray[np.int8], model_sha256: str) -> None:
        """Write a vault with these templates, int8 [n, dimensions]: three a subject, each under a signed consent."""
        chunks: dict[ChunkId, bytearray] = {}
        held: papers.Papers = {}
        rows = REFERENCES_A_CHUNK - REFERENCES_A_CHUNK % REFERENCES_A_SUBJECT
        for first in range(0, len(templates), rows):
            vectors = templates[first : first + rows]
            facts = np.zeros(len(vectors), FACTS)
            facts["quality"] = 1.0
            for top in range(0, len(vectors), REFERENCES_A_SUBJECT):
                if len(held) == PAPERS_A_CHUNK:
                    _close_papers(chunks, held)
                consent = self._consent()
                held[consent.consent] = sign(consent, self._issuer)
                _write_facts(facts[top : top + REFERENCES_A_SUBJECT], consent, _papers_so_far(chunks))
            chunk = ChunkId(Kind.REFERENCES, first // rows)
            chunks[chunk] = references.encode(Block(model_sha256, facts, vectors))
        _close_papers(chunks, held)
        folder, owner = self.folder / "state" / VAULT, Owner(SITE, GATE)
        make(folder, owner)
        slots = FileSlot(folder / SLOTS[0]), FileSlot(folder / SLOTS[1])
        store = SealedStore(folder, Database(folder / DATABASE), slots, owner)
        store.commit(chunks)
        store.close()

    def _consent(self) -> Consent:
        now = int(self._clock.wall())
        return Consent(
            site=SITE,
            consent=ConsentId(secrets.token_hex(16)),
            index=secrets.randbelow(2**16),
            subject=SubjectId(secrets.token_hex(16)),
            gates=(GATE,),
            purposes=(ACCESS,),
            modes=(Mode.IDENTIFY,),
            notice=Notice(version="bench-1", sha256="0" * 64),
            not_before=now - 60,
            expires=now + _DAY_S,
        )


def _write_facts(facts: NDArray[np.void], consent: Consent, paper: int) -> None:
    facts["consent"] = np.frombuffer(bytes.fromhex(consent.consent), np.uint8)
    facts["subject"] = np.frombuffer(bytes.fromhex(consent.subject), np.uint8)
    facts["not_before"], facts["expires"], facts["enrolled"] = consent.not_before, consent.expires, consent.not_before
    facts["papers"] = paper


def _papers_so_far(chunks: dict[ChunkId, bytearray]) -> int:
    return sum(chunk.kind is Kind.CONSENTS for chunk in chunks)


def _close_papers(chunks: dict[ChunkId, bytearray], held: papers.Papers) -> None:
    chunks[ChunkId(Kind.CONSENTS, _papers_so_far(chunks))] = papers.encode(held)
    held.clear()
