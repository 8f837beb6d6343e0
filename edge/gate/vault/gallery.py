"""From sealed chunks to the matrix that probes are compared with, in one pass and one copy.

The matrix belongs to whoever asked: it is fresh memory, which they overwrite when they are done.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Mapping, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from edge.core.values import ConsentId, SubjectId
from edge.gate.vault.facts import ReferenceOwner
from edge.gate.vault.references import FACTS, Facts, check_facts, decode
from edge.gate.vault.roll import Piece, Roll
from edge.gate.vault.store import SealedStore
from edge.gate.vault.table import Kind

Matrix = NDArray[np.int8]


class Owners(Sequence[ReferenceOwner]):
    """Whose each row of a matrix is. Each owner is made when it is asked for: 50,000 of them would take longer to make
    than their templates to decrypt.
    """

    def __init__(self, parts: Sequence[Facts]) -> None:
        self._parts = parts
        self._ends = list(itertools.accumulate(map(len, parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, row: int) -> ReferenceOwner: ...
    @overload
    def __getitem__(self, row: slice) -> tuple[ReferenceOwner, ...]: ...
    def __getitem__(self, row: int | slice) -> ReferenceOwner | tuple[ReferenceOwner, ...]:
        if isinstance(row, slice):
            return tuple(self[each] for each in range(*row.indices(len(self))))
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        row %= len(self)
        part = bisect.bisect_right(self._ends, row)
        fact = self._parts[part][row - self._ends[part]]
        return ReferenceOwner(SubjectId(fact["subject"].tobytes().hex()), ConsentId(fact["consent"].tobytes().hex()))


class _Stack:
    """Templates of one model on their way into one matrix of at most `rows_max` rows."""

    def __init__(self, rows_max: int, dimensions: int) -> None:
        # Rows that are never written are never backed by memory.
        self._matrix: Matrix = np.empty((rows_max, dimensions), np.int8)
        self._rows = 0

    def add(self, vectors: Matrix) -> None:
        self._matrix[self._rows : self._rows + len(vectors)] = vectors
        self._rows += len(vectors)

    def matrix(self) -> Matrix:
        return self._matrix[: self._rows]


def load(store: SealedStore) -> tuple[Roll, dict[str, Matrix]]:
    """Read and check every chunk of references: the roll, and the matrix of each model in the order of its chunks."""
    counts: dict[int, tuple[str, int, int]] = {}
    facts = bytearray()
    stacks: dict[str, _Stack] = {}
    left = store.plain_bytes(Kind.REFERENCES)
    for chunk, plain in store.scan(Kind.REFERENCES):
        block = decode(plain)
        dimensions = block.vectors.shape[1]
        if block.model_sha256 not in stacks:
            stacks[block.model_sha256] = _Stack(left // (FACTS.itemsize + dimensions), dimensions)
        stacks[block.model_sha256].add(block.vectors)
        counts[chunk.number] = block.model_sha256, dimensions, len(block.facts)
        facts += block.facts.tobytes()  # as bytes: NumPy copies records field by field
        left -= len(plain)
    every = np.frombuffer(facts, FACTS)
    check_facts(every)
    pieces, at = dict[int, Piece](), 0
    for number, (model, dimensions, count) in counts.items():
        pieces[number] = Piece(model, dimensions, every[at : at + count])
        at += count
    return Roll(pieces), {model: stack.matrix() for model, stack in stacks.items()}


def assemble(store: SealedStore, masks: Mapping[int, NDArray[np.bool_]], dimensions: int) -> Matrix:
    """The templates whose rows are true in the mask of their chunk; chunks without a mask are left out."""
    stack = _Stack(int(sum(mask.sum() for mask in masks.values())), dimensions)
    for chunk, plain in store.scan(Kind.REFERENCES):
        if chunk.number in masks:
            stack.add(decode(plain).vectors[masks[chunk.number]])
    return stack.matrix()
