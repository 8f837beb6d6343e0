"""From sealed chunks to the matrix that probes are compared with, in one pass and one copy.

The matrix belongs to whoever asked: it is fresh memory, which they overwrite when they are done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from edge.core.values import ConsentId, SubjectId
from edge.gate.vault.facts import ReferenceOwner
from edge.gate.vault.references import FACTS, Facts, decode
from edge.gate.vault.roll import Piece, Roll
from edge.gate.vault.store import SealedStore
from edge.gate.vault.table import Kind

Matrix = NDArray[np.int8]


class Owners(Sequence[ReferenceOwner]):
    """Whose each row of a matrix is. Each owner is made when it is asked for: 50,000 of them would take longer to make
    than their templates to decrypt.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def __len__(self) -> int:
        return len(self._facts)

    @overload
    def __getitem__(self, row: int) -> ReferenceOwner: ...
    @overload
    def __getitem__(self, row: slice) -> Owners: ...
    def __getitem__(self, row: int | slice) -> ReferenceOwner | Owners:
        if isinstance(row, slice):
            return Owners(self._facts[row])
        fact = self._facts[row]
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
    pieces: dict[int, Piece] = {}
    stacks: dict[str, _Stack] = {}
    left = store.plain_bytes(Kind.REFERENCES)
    for chunk, plain in store.scan(Kind.REFERENCES):
        block = decode(plain)
        dimensions = block.vectors.shape[1]
        if block.model_sha256 not in stacks:
            stacks[block.model_sha256] = _Stack(left // (FACTS.itemsize + dimensions), dimensions)
        stacks[block.model_sha256].add(block.vectors)
        pieces[chunk.number] = Piece(block.model_sha256, dimensions, block.facts.copy())
        left -= len(plain)
    return Roll(pieces), {model: stack.matrix() for model, stack in stacks.items()}


def assemble(store: SealedStore, masks: Mapping[int, NDArray[np.bool_]], dimensions: int) -> Matrix:
    """The templates whose rows are true in the mask of their chunk; chunks without a mask are left out."""
    stack = _Stack(int(sum(mask.sum() for mask in masks.values())), dimensions)
    for chunk, plain in store.scan(Kind.REFERENCES):
        if chunk.number in masks:
            stack.add(decode(plain).vectors[masks[chunk.number]])
    return stack.matrix()
