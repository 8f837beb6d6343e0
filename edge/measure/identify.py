"""Identification against an open set (ISO/IEC 19795-1, 1:N): how often is an enrolled person missed, when strangers
are let through at a given rate?

Rule 1.  A draw enrols `gallery` people with `references` images each, drawn at random with a fixed seed among those who
         have at least one image more. Their other images are mated searches. All images of everybody else are
         non-mated searches.
Rule 2.  A search answers with the best subject; several references of a subject count as the best of them.
Rule 3.  FPIR is the share of non-mated searches whose best score reaches the threshold. FNIR is the share of mated
         searches whose best subject is somebody else, or whose score does not reach it.
Rule 4.  Figures are pooled over `DRAWS` draws: which image happened to be enrolled should not decide. More draws make
         no more strangers, so what can be stated (`edge.measure.rates`, rule 3) follows from one draw.
Rule 5.  The bounds resample people, with all their searches (`edge.measure.bootstrap`). Galleries stay as they were
         drawn: a gallery with one person twice would answer for nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError
from edge.measure.bootstrap import SEED, Weighed, interval, replicates, weighed_share_above
from edge.measure.rates import accepted, threshold_at
from edge.measure.scores import Samples

DRAWS = 10
MISSED = np.float32(-np.inf)
"""The score of a mated search that found somebody else first: no threshold reaches it."""


@dataclass(frozen=True, slots=True)
class Searches:
    """The outcome of all searches of all draws: scores float32, and the person who searched, int32."""

    gallery: int
    references: int
    mated: NDArray[np.float32] = field(repr=False)
    mated_by: NDArray[np.int32] = field(repr=False)
    non_mated: NDArray[np.float32] = field(repr=False)
    non_mated_by: NDArray[np.int32] = field(repr=False)

    @property
    def mated_a_draw(self) -> int:
        """Mated searches of one draw (they may differ by a few)."""
        return len(self.mated) // DRAWS

    @property
    def non_mated_a_draw(self) -> int:
        """Non-mated searches of one draw: what carries an FPIR."""
        return len(self.non_mated) // DRAWS


def search_all(samples: Samples, *, references: int, gallery: int | None) -> Searches:
    """Draw, enrol and search. Without `gallery`, everybody who can be enrolled is.

    Raises:
        ConfigError: fewer people than asked for have `references` + 1 images.
    """
    able = np.flatnonzero(samples.images_of > references)
    size = len(able) if gallery is None else gallery
    if not 1 <= size <= len(able):
        raise ConfigError(
            f"{len(able)} people have {references + 1} usable images: {references} to enrol and one to search with",
            hint=f"ask for at most {len(able)} subjects (--gallery)" if len(able) else "ask for fewer --references",
        )
    rng = np.random.default_rng(SEED)
    rows_of = [np.flatnonzero(samples.people == person) for person in range(len(samples.images_of))]
    mated: list[NDArray[np.float32]] = []
    non_mated: list[NDArray[np.float32]] = []
    mated_by, non_mated_by = [], []
    for _ in range(DRAWS):
        enrolled = np.sort(rng.choice(able, size, replace=False))
        chosen = np.concatenate([rng.choice(rows_of[person], references, replace=False) for person in enrolled])
        searching = np.setdiff1d(np.arange(len(samples)), chosen)
        scores = samples.embeddings[searching] @ samples.embeddings[chosen].T
        best = scores.reshape(len(searching), size, references).max(axis=2)
        who = samples.people[searching]
        seat = np.minimum(np.searchsorted(enrolled, who), size - 1)
        is_mated = enrolled[seat] == who
        rows = np.flatnonzero(is_mated)
        own = best[rows, seat[rows]]
        best_other = best[rows]
        best_other[np.arange(len(rows)), seat[rows]] = MISSED
        mated.append(np.where(own > best_other.max(axis=1), own, MISSED))
        mated_by.append(who[rows])
        non_mated.append(best[~is_mated].max(axis=1))
        non_mated_by.append(who[~is_mated])
    return Searches(
        size,
        references,
        np.concatenate(mated),
        np.concatenate(mated_by),
        np.concatenate(non_mated),
        np.concatenate(non_mated_by),
    )


def threshold_for(searches: Searches, fpir: float) -> float:
    """The lowest threshold at which at most `fpir` of the non-mated searches find somebody."""
    return threshold_at(np.sort(searches.non_mated), fpir)


def fnir_at(searches: Searches, threshold: float) -> float:
    """The share of mated searches that miss at `threshold`."""
    return 1.0 - accepted(np.sort(searches.mated), threshold)


def fnir_intervals(searches: Searches, fpirs: list[float]) -> list[tuple[float, float] | None]:
    """95 % intervals of the FNIR at each of `fpirs`."""
    mated, non_mated = (
        _descending(searches.mated, searches.mated_by),
        _descending(searches.non_mated, searches.non_mated_by),
    )
    people = 1 + int(max(searches.mated_by.max(initial=0), searches.non_mated_by.max(initial=0)))
    found: list[list[float]] = []
    for weights in replicates(people):
        trials = int(weights[searches.non_mated_by].sum())
        shares = weighed_share_above(mated, non_mated, weights, fpirs, trials)
        if shares is not None:
            found.append(shares)
    return [interval([1.0 - shares[i] for shares in found]) for i in range(len(fpirs))]


def _descending(scores: NDArray[np.float32], by: NDArray[np.int32]) -> Weighed:
    order = np.argsort(-scores, kind="stable")
    return Weighed(scores[order], (by[order],))
