"""The vault (interface first; the implementation follows in the next commits)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.core.values import CardId, ConsentId, GateId, SiteId, SubjectId, WallTime
from edge.errors import PartFailed
from edge.gate.vault.facts import Enrolment, Erasure, Held, Owners, Page, Reference
from edge.ports import Clock


class Vault(Protocol):
    """References, their consents, and cards: encrypted, erasable, and never more than the consents allow."""

    destruction: str

    def references(self) -> Sequence[Reference]: ...
    def matrix(self, model_sha256: str) -> tuple[NDArray[np.int8], Owners]: ...
    def enrol(
        self,
        envelope: bytes,
        probes: Sequence[NDArray[np.float32]],
        *,
        model_sha256: str,
        operator: str,
        qualities: Sequence[float] | None = None,
    ) -> Enrolment: ...
    def suspend(self, consents: Iterable[ConsentId], *, why: str) -> None: ...
    def erase(self, consents: Iterable[ConsentId], *, why: str, operator: str = "") -> Erasure: ...
    def sweep(self) -> Erasure | None: ...
    def live(self, now_wall: WallTime) -> frozenset[ConsentId]: ...
    def expired(self, now_wall: WallTime) -> frozenset[ConsentId]: ...
    def subjects(self, after: str, limit: int) -> Page: ...
    def subject(self, subject: SubjectId) -> tuple[Held, ...]: ...
    def add_card(self, number: str, label: str, *, operator: str) -> CardId: ...
    def remove_card(self, label: str, *, operator: str) -> None: ...
    def card(self, number: str) -> CardId | None: ...
    def card_labels(self) -> tuple[str, ...]: ...
    def close(self) -> None: ...


def open_vault(folder: Path, *, site: SiteId, gate: GateId, issuers: Sequence[str], clock: Clock) -> Vault:
    """Open the vault in `folder`, or make one where there is no trace of any. `issuers`: Ed25519 public keys, hex."""
    raise PartFailed(f"no vault can be opened in {folder} yet", hint="update edge-gate")
