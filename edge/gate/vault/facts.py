"""What the vault tells the rest of the gate. Templates hide in every `repr`; names do not exist here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edge.core.values import ConsentId, SubjectId, WallTime


class Standing(StrEnum):
    """Whether the references under one consent may be compared, and if not, why."""

    LIVE = "live"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    SUSPENDED = "suspended"
    UNVERIFIED = "signature not yet verified"
    """Not verified in this process so far, or signed by a key that the site no longer trusts."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One template of one subject: int8 [dimensions] and one over its length (`edge.core.quantise`)."""

    consent: ConsentId
    subject: SubjectId
    model_sha256: str
    vector: NDArray[np.int8] = field(repr=False)
    scale: float


@dataclass(frozen=True, slots=True)
class ReferenceOwner:
    """Whose row of the matrix this is."""

    subject: SubjectId
    consent: ConsentId


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What one enrolment made."""

    consent: ConsentId
    subject: SubjectId
    references: int
    expires: WallTime


@dataclass(frozen=True, slots=True)
class Erasure:
    """What one erasure destroyed, after its absence was read back from the disk.

    `destruction` is the class of the key slots ("tpm-nv" or "logical"); `state_sha256` is the digest of the sealed key
    table that remained, which names every chunk that the vault still holds.
    """

    consents: tuple[ConsentId, ...]
    references: int
    destruction: str
    state_sha256: str


@dataclass(frozen=True, slots=True)
class Held:
    """What is held under one consent: facts about the references, never the references."""

    subject: SubjectId
    consent: ConsentId
    references: int
    model_sha256: str
    enrolled: WallTime
    expires: WallTime
    standing: Standing


@dataclass(frozen=True, slots=True)
class Page:
    """One page of what is held, in the order of consent ids; `more` says whether another one follows."""

    rows: tuple[Held, ...]
    more: bool
