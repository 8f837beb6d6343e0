"""One row of `edge-gate bench`: a figure of ours beside the figure that it is measured by.

Rule 1.  `value` and `against` are of one unit and of one run, in turns where both are times; `against` may also be a
         fixed budget. `ratio` is what the target is about, and says nothing about how fast the machine is.
Rule 2.  A row that could not be measured is not ok, and `why` says what was missing. No row is left out in silence.
Rule 3.  The JSON is an interface (docs/measuring.md): keys may be added, never renamed or removed.
"""

from __future__ import annotations

from msgspec import Struct


class Row(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was measured, against what, and whether that is as promised."""

    name: str
    value: float | None
    unit: str
    against: float | None
    ratio: float | None
    target: str
    ok: bool
    why: str = ""


def at_most(name: str, value: float, against: float, limit: float, *, unit: str = "ms") -> Row:
    """`value` may be at most `limit` times `against`."""
    ratio = value / against
    return _row(name, value, unit, against, ratio, f"<= {limit:g}", ok=ratio <= limit)


def faster(name: str, value: float, against: float, factor: float, *, unit: str = "ms") -> Row:
    """`value` has to be at least `factor` times smaller than `against`."""
    ratio = against / value
    return _row(name, value, unit, against, ratio, f">= {factor:g}", ok=ratio >= factor)


def within(name: str, value: float, budget: float, *, unit: str = "ms") -> Row:
    """`value` may be at most `budget`."""
    return at_most(name, value, budget, 1.0, unit=unit)


def not_measured(name: str, why: str) -> Row:
    """Rule 2."""
    return Row(name=name, value=None, unit="", against=None, ratio=None, target="", ok=False, why=why)


def _row(name: str, value: float, unit: str, against: float, ratio: float, target: str, *, ok: bool) -> Row:
    return Row(
        name=name,
        value=round(value, 4),
        unit=unit,
        against=round(against, 4),
        ratio=round(ratio, 3),
        target=target,
        ok=ok,
    )
