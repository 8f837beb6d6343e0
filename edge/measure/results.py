"""What a measurement says, in the shape in which scripts read it.

Rule 1.  A figure travels with its bounds: `Estimate` has a value and a 95 % interval.
Rule 2.  A figure that the data cannot carry is null, and `why` says what is missing. Nothing is extrapolated.
Rule 3.  The JSON of these types is an interface (docs/measuring.md): keys may be added, never renamed or removed.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

Rate = str
"""An error rate as the interface spells it: "1e-4"."""


class Result(Struct, frozen=True):
    """Root of everything that is reported."""


class Estimate(Result, frozen=True, kw_only=True, omit_defaults=True):
    """A rate with its 95 % interval (bootstrap over people), or null and the reason."""

    value: float | None
    low: float | None
    high: float | None
    why: str = ""


class Measured(Result, frozen=True, kw_only=True):
    """What both protocols report about the samples and the model."""

    pack: str
    model_sha256: str
    precision: Literal["int8", "float"]
    people: int
    images: int
    """Files that were tried, the failed ones included."""
    failures: dict[str, int]
    """Failure to acquire, by reason; these images are in no pair."""
    unreadable: tuple[str, ...]
    """The files behind the reasons that are no property of a face, relative to the folder."""
    notes: tuple[str, ...]
    """What a reader of the figures should know about the folder."""
    seconds: float


class Verification(Measured, frozen=True, kw_only=True):
    """1:1, all pairs."""

    protocol: Literal["verification"] = "verification"
    genuine: int
    """Genuine pairs."""
    impostor: int
    """Impostor pairs."""
    tar_at_fmr: dict[Rate, Estimate]
    threshold_at_fmr: dict[Rate, float | None]
    eer: float | None


class Identification(Measured, frozen=True, kw_only=True):
    """1:N, open set."""

    protocol: Literal["identification"] = "identification"
    n: int
    """Enrolled subjects."""
    references: int
    """References of each subject."""
    mated: int
    """Searches by enrolled people, in one draw."""
    non_mated: int
    """Searches by people who are not enrolled, in one draw (the mean over the draws)."""
    draws: int
    fnir_at_fpir: dict[Rate, Estimate]
    threshold_at_fpir: dict[Rate, float | None]


def to_json(result: Result) -> str:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode()


__all__ = ["Estimate", "Identification", "Measured", "Rate", "Verification", "to_json"]
