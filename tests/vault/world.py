"""A gate's vault in a test: a clock set by hand, a site that signs, and embeddings that are made from numbers."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.consent import sign
from edge.core.consent import Consent
from edge.core.values import ConsentId
from edge.gate.vault import Vault, open_vault
from edge.gate.vault.database import Database
from edge.gate.vault.opening import DATABASE, SLOTS
from edge.gate.vault.slots import FileSlot
from edge.gate.vault.store import Owner, SealedStore
from tests.consent.documents import GATE, ISSUER, NOW, SITE, consent, public

MODEL = "5e" * 32
OTHER_MODEL = "0d" * 32
DIMENSIONS = 32
OPERATOR = "uid 1000"
ISSUERS = [public(ISSUER)]
OWNER = Owner(SITE, GATE)


class HandClock:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.boot_s, self.wall_s = 1000.0, float(NOW)

    def now(self) -> float:
        return self.boot_s

    def wall(self) -> float:
        return self.wall_s

    def pass_s(self, seconds: float) -> None:
        self.boot_s += seconds
        self.wall_s += seconds


def embedding(number: int, dimensions: int = DIMENSIONS) -> NDArray[np.float32]:
    return np.random.default_rng(number).standard_normal(dimensions).astype(np.float32)


def signed(number: int, **changed: Any) -> bytes:
    return sign(consent(number, **changed), ISSUER)


def cid(number: int) -> ConsentId:
    return consent(number).consent


def open_at(folder: Path, clock: HandClock, **changed: Any) -> Vault:
    options: dict[str, Any] = {"site": SITE, "gate": GATE, "issuers": ISSUERS, "clock": clock}
    return open_vault(folder, **options | changed)


def enrol(vault: Vault, number: int, probes: int = 1, *, model: str = MODEL, **changed: Any) -> Consent:
    """Enrol consent `number`, with probes that follow from it."""
    vault.enrol(
        signed(number, **changed),
        [embedding(number * 100 + each) for each in range(probes)],
        model_sha256=model,
        operator=OPERATOR,
    )
    return consent(number, **changed)


def store_of(folder: Path) -> SealedStore:
    """The store below a vault, opened by itself."""
    slots = FileSlot(folder / SLOTS[0]), FileSlot(folder / SLOTS[1])
    return SealedStore(folder, Database(folder / DATABASE), slots, OWNER)


def templates(vault: Vault) -> dict[ConsentId, int]:
    """How many references each consent has, counted from the matrix."""
    counted: dict[ConsentId, int] = {}
    for reference in vault.references():
        counted[reference.consent] = counted.get(reference.consent, 0) + 1
    return counted


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory where the machine has one: what is tested there is order, not the disk."""
    shm = Path("/dev/shm")
    root = tempfile.mkdtemp(dir=shm if os.access(shm, os.W_OK) else None)
    try:
        yield Path(root)
    finally:
        shutil.rmtree(root)
