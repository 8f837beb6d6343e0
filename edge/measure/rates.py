"""Error rates from comparison scores: FMR, FNMR, TAR at FMR, EER, and the points of a DET curve.

Rule 1.  A pair is accepted when its score reaches the threshold: `score >= threshold`, as in `edge.core.decide`.
Rule 2.  The threshold for an FMR is the lowest one at which no more than that share of the impostor pairs is accepted.
         Ties go against us: pairs of equal score are accepted together or not at all.
Rule 3.  A rate `f` is stated from `n` trials only if n * f >= `MIN_EXPECTED_ERRORS`. Below that, even a run without one
         error would not show it (the "rule of 3", ISO/IEC 19795-1), so the answer is null with the reason.
Rule 4.  0 errors of n are not 0 %: where no error was seen, the bound is the exact binomial one over *people*.

All arrays of scores are sorted in ascending order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]

MIN_EXPECTED_ERRORS = 3
CONFIDENCE = 0.95
_ROUNDING = 1e-9
"""0.29 * 100 is 28.999999999999996."""


def allowed_errors(rate: float, trials: int) -> int:
    """The largest k with k / trials <= rate."""
    return int(rate * trials + _ROUNDING)


def unsupported(rate: str, trials: int, what: str) -> str:
    """Why `trials` cannot carry `rate`, in words; empty if they can (rule 3)."""
    if trials * float(rate) + _ROUNDING >= MIN_EXPECTED_ERRORS:
        return ""
    if not trials:
        return f"there are no {what}"
    return f"{trials} {what} cannot show {rate}; that takes {round(MIN_EXPECTED_ERRORS / float(rate))}"


def threshold_at(impostor: Scores, rate: float) -> float:
    """The lowest threshold at which at most `rate` of `impostor` is accepted (rule 2)."""
    k = allowed_errors(rate, len(impostor))
    if k >= len(impostor):
        return -1.0
    return float(np.nextafter(impostor[len(impostor) - 1 - k], impostor.dtype.type(np.inf)))


def accepted(scores: Scores, threshold: float) -> float:
    """The share of `scores` that reaches `threshold`."""
    return 1.0 - float(np.searchsorted(scores, scores.dtype.type(threshold), side="left")) / len(scores)


def equal_error_rate(genuine: Scores, impostor: Scores) -> float | None:
    """The mean of FMR and FNMR where they are closest; None without both kinds of pairs."""
    if not len(genuine) or not len(impostor):
        return None

    def rates(threshold: float) -> tuple[float, float]:
        return accepted(impostor, threshold), 1.0 - accepted(genuine, threshold)

    # FNMR - FMR only grows with the threshold, so the crossing lies beside the first impostor score where it is >= 0.
    low, high = 0, len(impostor)
    while low < high:
        middle = (low + high) // 2
        fmr, fnmr = rates(float(impostor[middle]))
        low, high = (low, middle) if fnmr >= fmr else (middle + 1, high)
    below = float(impostor[low - 1]) if low else -np.inf
    above = float(impostor[low]) if low < len(impostor) else np.inf
    between = genuine[(genuine > below) & (genuine < above)]
    points = [rates(float(t)) for t in (below, *between, above)]
    return min((abs(fmr - fnmr), (fmr + fnmr) / 2) for fmr, fnmr in points)[1]


@dataclass(frozen=True, slots=True)
class Det:
    """A DET curve: FNMR over FMR, float64 [points] each, FMR ascending."""

    fmr: NDArray[np.float64]
    fnmr: NDArray[np.float64]


def det_curve(genuine: Scores, impostor: Scores, *, trials: int, points: int = 400) -> Det:
    """`points` points of the curve, even on a logarithmic scale from the lowest FMR that `trials` can show up to 1."""
    lowest = min(MIN_EXPECTED_ERRORS / trials, 1.0)
    asked = np.geomspace(lowest, 1.0, points)
    thresholds = [threshold_at(impostor, float(rate)) for rate in asked]
    return Det(
        np.array([accepted(impostor, t) for t in thresholds]),
        np.array([1.0 - accepted(genuine, t) for t in thresholds]),
    )


def zero_error_bound(trials: int) -> float:
    """The upper bound of an error rate of which `trials` independent trials showed nothing (Clopper and Pearson)."""
    tail = (1.0 - CONFIDENCE) / 2.0
    return 1.0 - float(tail ** (1.0 / trials))
