"""Every comparison that a set of labelled samples allows, as one flat array.

Rule 1.  All pairs are compared, once each, none with itself. Nothing is drawn at random, so two runs agree to the bit.
Rule 2.  A pair is *genuine* (mated) when both samples are of one person, else *impostor* (non-mated).
Rule 3.  No pair is an object. Pair `p` has a score in a float32 array, in the order (0,1), (0,2) … (1,2) …; which two
         samples it joins is worked out from `p` when somebody asks. Three thousand samples are 4.4 million pairs.

Scores are cosines. ISO/IEC 19795-1 calls this a full cross-comparison; its impostor pairs share samples and people, so
they are not independent: `edge.measure.rates` resamples people, never pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError

MAX_SAMPLES = 15_000
"""112 million pairs in about 1.5 GB of memory. Above it, evaluate a part of the people."""
_BLOCK_ROWS = 256


@dataclass(frozen=True, slots=True)
class Samples:
    """Embeddings float32 [n, d], each of length one, and whose they are: int32 [n], people numbered from 0."""

    embeddings: NDArray[np.float32] = field(repr=False)
    people: NDArray[np.int32] = field(repr=False)

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or self.people.shape != self.embeddings.shape[:1]:  # noqa: PLR2004 - rows, columns
            raise InputError("embeddings and people differ in number", hint="give one person for each embedding")

    def __len__(self) -> int:
        return len(self.people)

    @property
    def images_of(self) -> NDArray[np.int64]:
        """How many samples each person has: [number of people]."""
        return np.bincount(self.people) if len(self.people) else np.zeros(0, np.int64)


class Comparisons:
    """The scores of all pairs of `samples`, and which of them are genuine."""

    def __init__(self, samples: Samples) -> None:
        n = len(samples)
        if n > MAX_SAMPLES:
            raise InputError(
                f"{n} samples are above the {MAX_SAMPLES} of which all pairs fit in memory",
                hint="evaluate a part of the people",
            )
        self.people = samples.people
        row_lengths = np.arange(n - 1, -1, -1, dtype=np.int64)
        self._starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(row_lengths)])
        self.scores = np.empty(int(self._starts[-1]), np.float32)
        self.is_genuine = np.empty(len(self.scores), np.bool_)
        for top in range(0, n, _BLOCK_ROWS):
            self._compare(samples, top, min(top + _BLOCK_ROWS, n))
        self.images_of = samples.images_of

    def _compare(self, samples: Samples, top: int, bottom: int) -> None:
        block = samples.embeddings[top:bottom] @ samples.embeddings[top:].T
        same = samples.people[top:bottom, None] == samples.people[None, top:]
        for row in range(top, bottom):
            pairs = slice(self._starts[row], self._starts[row + 1])
            self.scores[pairs] = block[row - top, row - top + 1 :]
            self.is_genuine[pairs] = same[row - top, row - top + 1 :]

    @cached_property
    def genuine(self) -> NDArray[np.float32]:
        """Scores of the genuine pairs, ascending."""
        return np.sort(self.scores[self.is_genuine])

    @cached_property
    def impostor(self) -> NDArray[np.float32]:
        """Scores of the impostor pairs, ascending."""
        return np.sort(self.scores[~self.is_genuine])

    def persons(self, pairs: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The people of the first and of the second sample of each of `pairs` (positions in `scores`)."""
        # A row may be empty (the last one is), so several starts can be equal: the last of them holds the pair.
        first = np.searchsorted(self._starts, pairs, side="right") - 1
        second = pairs - self._starts[first] + first + 1
        return self.people[first], self.people[second]

    def __repr__(self) -> str:
        return f"Comparisons({len(self.people)} samples, {len(self.scores)} pairs)"
