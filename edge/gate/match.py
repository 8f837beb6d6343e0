"""Which enrolled subject does a probe look like? Exact search over int8 templates.

Rule 1.  Every reference is compared with every probe. Nothing is approximated and nothing is skipped: an index that
         misses one neighbour in a hundred would shut one resident in a hundred out, or hide the second best from the
         margin.
Rule 2.  Several references of one subject are one candidate, with the score of the best of them and its consent. The
         best subject and the best other subject come back; nobody else can change a verdict (`edge.core.decide`).
Rule 3.  The score is the cosine of the two int8 vectors, from an integer dot product that does not round.
Rule 4.  Equal scores: the reference that was given first wins. The same gallery always gives the same answer.
Rule 5.  A gallery never changes. Enrolment and erasure make a new one over new memory; the caller wipes the old.

The dot products are simsimd's; why not faiss, and what was measured: docs/decisions/0002-search-library.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import simsimd
from numpy.typing import NDArray

from edge.core.decide import Candidate
from edge.core.quantise import LARGEST, quantise
from edge.core.values import ConsentId, SubjectId
from edge.errors import InputError

_TAKEN = -math.inf


class Owned(Protocol):
    """Whose a reference is: what the vault knows of a row (`edge.gate.vault.ReferenceOwner`), or an `Owner`."""

    @property
    def subject(self) -> SubjectId:
        """Whom it shows."""
        ...

    @property
    def consent(self) -> ConsentId:
        """Under which it was made."""
        ...


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose reference it is, and the consent under which it was made."""

    subject: SubjectId
    consent: ConsentId


class Gallery:
    """References that a probe is compared with.

    Args:
        matrix: int8 [references, dimensions], C-contiguous, components in [-127, 127]. Borrowed, not copied.
        owners: one a reference, in the order of `matrix`. Borrowed; only those of the best rows are ever looked at, so
            a sequence that makes its owners when asked saves their time and memory (50,000 take 0.2 s to make).
    """

    def __init__(self, matrix: NDArray[np.int8], owners: Sequence[Owned]) -> None:
        if matrix.ndim != 2 or matrix.dtype != np.int8 or not matrix.flags.c_contiguous:  # noqa: PLR2004 - a matrix
            raise InputError("the templates are no row-wise int8 matrix", hint="the vault is damaged; see `status`")
        if len(matrix) != len(owners):
            raise InputError(
                f"{len(matrix)} templates have {len(owners)} owners", hint="the vault is damaged; see `status`"
            )
        self._matrix = matrix
        self._owners = owners
        self._scales = _scales(matrix)

    def __len__(self) -> int:
        return len(self._owners)

    @property
    def dimensions(self) -> int:
        """Components of a template."""
        return int(self._matrix.shape[1])

    def search(self, embedding: NDArray[np.float32]) -> tuple[Candidate, ...]:
        """The best subject and the best other subject, best first; fewer if fewer are enrolled.

        Args:
            embedding: float32 [dimensions], of any length.

        Raises:
            InputError: the probe is not finite, is all zero, or has other dimensions than the references.
        """
        probe = quantise(embedding)
        if not len(self):
            return ()
        if probe.vector.size != self.dimensions:
            raise InputError(
                f"a probe has {probe.vector.size} dimensions, the references have {self.dimensions}",
                hint="templates of different models are never compared; enrol again under this model",
            )
        scores = _dots(probe.vector[None, :], self._matrix)
        # The probe's scale is the same for all rows, so it cannot change who is first; it joins at the end.
        scores *= self._scales
        best = second = self._best(scores, probe.scale)
        # One pass for each reference by which the best subject also beats all others: a consent makes few of them.
        while second and best and second.subject == best.subject:
            second = self._best(scores, probe.scale)
        return tuple(candidate for candidate in (best, second) if candidate)

    def _best(self, scores: NDArray[np.float64], probe_scale: float) -> Candidate | None:
        """Take the best row out of `scores`; None if all were taken."""
        row = int(scores.argmax())
        score = float(scores[row])
        if score == _TAKEN:
            return None
        scores[row] = _TAKEN
        owner = self._owners[row]
        # Two lengths rounded to float32 can carry a perfect match a millionth beyond 1.
        return Candidate(owner.subject, owner.consent, min(max(score * probe_scale, -1.0), 1.0))

    def __repr__(self) -> str:
        return f"Gallery({len(self)} references of {self.dimensions} dimensions, <hidden>)"


def _scales(matrix: NDArray[np.int8]) -> NDArray[np.float64]:
    """One over the length of each row, rounded as `edge.core.quantise.scale_of` rounds it."""
    if not len(matrix):
        return np.empty(0, np.float64)
    if int(matrix.min()) < -LARGEST:
        raise InputError("a template has a component of -128", hint="the vault is damaged; see `status`")
    squared = _dots(matrix, matrix)
    if not squared.all():
        raise InputError("a template is all zero", hint="the vault is damaged; see `status`")
    scales: NDArray[np.float64] = (1.0 / np.sqrt(squared)).astype(np.float32).astype(np.float64)
    return scales


def _dots(a: NDArray[np.int8], b: NDArray[np.int8]) -> NDArray[np.float64]:
    """Dot products row by row, [rows of b]; a single row of `a` meets every row of `b`.

    simsimd sums in int32 and hands out float64, which holds every such sum exactly.
    """
    return np.asarray(simsimd.dot(a, b), np.float64).reshape(len(b))
