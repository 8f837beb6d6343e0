"""From comparison scores to a verdict.

Rule 1.  A probe is *recognised* only if its best score reaches the threshold of the model that made it.
Rule 2.  The best subject must beat every other subject by the margin, wherever that other stands against the
         threshold; otherwise the probe is *ambiguous*. Several references of one subject are one candidate.
Rule 3.  A score that is not a finite number recognises nobody.

Scores are cosines in [-1, 1] (ISO/IEC 2382-37: comparison scores, higher is more alike).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.lane.events import Ambiguous, NotRecognised, Recognised
from edge.core.values import ConsentId, SubjectId


@dataclass(frozen=True, slots=True)
class Candidate:
    """The best reference of one subject, and its comparison score."""

    subject: SubjectId
    consent: ConsentId
    score: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """`accept` in cosine; `margin` in cosine between the best and the second best subject."""

    accept: float
    margin: float


def decide(candidates: Sequence[Candidate], threshold: Threshold) -> Recognised | Ambiguous | NotRecognised:
    """Turn the candidates of one probe (one a subject, any order) into a verdict."""
    if not all(math.isfinite(c.score) for c in candidates):
        return NotRecognised()
    ranked = sorted(candidates, key=lambda c: c.score, reverse=True)
    if not ranked or ranked[0].score < threshold.accept:
        return NotRecognised()
    best, others = ranked[0], [c for c in ranked[1:] if c.subject != ranked[0].subject]
    if others and best.score - others[0].score < threshold.margin:
        return Ambiguous()
    return Recognised(best.subject, best.consent)
