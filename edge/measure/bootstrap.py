"""How sure a rate is: draw as many people as there are, with replacement, and measure again; many times.

Rule 1.  People are drawn, not pairs and not images: the errors of one face hang together, and pairs share people.
Rule 2.  The threshold is found anew in every replicate, so its own uncertainty is inside the bounds.
Rule 3.  A person drawn twice counts twice in each of their genuine pairs and in each of their impostor pairs with
         others; the pairs between the two copies are none.
Rule 4.  The seed is a constant: two runs over one folder print the same bounds.

A replicate never copies a score. It is a vector of weights over people; a pair weighs the product of its two people.
(Bolle, Ratha and Pankanti, 2004, "Error analysis of pattern recognition systems: the subsets bootstrap".)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edge.measure.rates import CONFIDENCE, allowed_errors, zero_error_bound
from edge.measure.results import Estimate
from edge.measure.scores import Comparisons

REPLICATES = 1_000
SEED = 20_261_123
_TAIL = 4
"""The weighted threshold of a replicate is looked for among this many times the impostor pairs that the rate allows."""


def replicates(people: int) -> Iterator[NDArray[np.int64]]:
    """How often each of `people` was drawn: [people], once a replicate."""
    rng = np.random.default_rng(SEED)
    for _ in range(REPLICATES):
        yield np.bincount(rng.integers(people, size=people), minlength=people)


def interval(values: list[float]) -> tuple[float, float] | None:
    """The central 95 % of what the replicates said; None if there were none."""
    if not values:
        return None
    tail = (1.0 - CONFIDENCE) / 2.0 * 100.0
    low, high = np.percentile(values, [tail, 100.0 - tail])
    return float(low), float(high)


def estimate(value: float, bounds: tuple[float, float] | None, people: int) -> Estimate:
    """`value` within `bounds`; where all or none of `people` succeeded, the exact bound instead (rates, rule 4)."""
    if bounds is None:
        return Estimate(value=value, low=None, high=None, why="too few people for bounds")
    low, high = bounds
    if value == 1.0:
        low = min(low, 1.0 - zero_error_bound(people))
    if value == 0.0:
        high = max(high, zero_error_bound(people))
    return Estimate(value=value, low=low, high=high)


@dataclass(frozen=True, slots=True)
class Weighed:
    """Scores in descending order, and the people whose weights multiply into each: int32 [n] each."""

    scores: NDArray[np.floating] = field(repr=False)
    factors: tuple[NDArray[np.int32], ...] = field(repr=False)
    floor: float = -np.inf
    """All scores above this are here; below it some may be missing."""

    def cumulated(self, weights: NDArray[np.int64]) -> NDArray[np.int64]:
        """The weight of the best 1, 2, 3 … scores."""
        product = weights[self.factors[0]]
        for factor in self.factors[1:]:
            product = product * weights[factor]
        return np.cumsum(product)


def weighed_share_above(
    wanted: Weighed, errors: Weighed, weights: NDArray[np.int64], rates: list[float], trials: int
) -> list[float] | None:
    """The share of `wanted` above the threshold at which at most each of `rates` of the weight `trials` errs.

    None if the replicate holds no trial of one of the two kinds.
    """
    of_wanted, of_errors = wanted.cumulated(weights), errors.cumulated(weights)
    if trials <= 0 or not len(of_wanted) or not of_wanted[-1]:
        return None
    shares = []
    for rate in rates:
        # The first score whose acceptance would be one error too many. Everything above it may be accepted.
        first_bad = int(np.searchsorted(of_errors, allowed_errors(rate, trials), side="right"))
        bar = errors.scores[first_bad] if first_bad < len(errors.scores) else errors.floor
        above = int(np.searchsorted(-wanted.scores, -bar, side="left"))
        shares.append(float(of_wanted[above - 1]) / float(of_wanted[-1]) if above else 0.0)
    return shares


def verification_intervals(comparisons: Comparisons, rates: list[float]) -> list[tuple[float, float] | None]:
    """95 % intervals of the TAR at each of the FMRs `rates`."""
    if not rates:
        return []
    images = comparisons.images_of
    tail = min(_TAIL * (allowed_errors(max(rates), len(comparisons.impostor)) + 1), len(comparisons.impostor))
    floor = float(comparisons.impostor[-tail]) if tail < len(comparisons.impostor) else -np.inf
    genuine = _descending(comparisons, np.flatnonzero(comparisons.is_genuine))
    impostor = _descending(comparisons, np.flatnonzero((comparisons.scores >= floor) & ~comparisons.is_genuine))
    # Both samples of a genuine pair are of one person, who weighs once (rule 3).
    genuine = replace(genuine, factors=genuine.factors[:1])
    impostor = replace(impostor, floor=floor)
    seen: list[list[float]] = []
    for weights in replicates(len(images)):
        drawn = weights * images
        trials = (int(drawn.sum()) ** 2 - int((drawn**2).sum())) // 2
        shares = weighed_share_above(genuine, impostor, weights, rates, trials)
        if shares is not None:
            seen.append(shares)
    return [interval([shares[i] for shares in seen]) for i in range(len(rates))]


def _descending(comparisons: Comparisons, pairs: NDArray[np.int64]) -> Weighed:
    order = np.argsort(-comparisons.scores[pairs], kind="stable")
    first, second = comparisons.persons(pairs[order])
    return Weighed(comparisons.scores[pairs[order]], (first, second))
