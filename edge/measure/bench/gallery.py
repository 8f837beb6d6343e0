"""Galleries and probes to measure with: random directions, three references a subject."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.core.quantise import LARGEST
from edge.core.values import ConsentId, SubjectId
from edge.gate.match import Owner

REFERENCES_A_SUBJECT = 3
_SEED = 7


def templates(n: int, dimensions: int) -> NDArray[np.int8]:
    """int8 [n, dimensions], as the quantiser would make them of Gaussian embeddings."""
    rng = np.random.default_rng(_SEED)
    matrix = np.empty((n, dimensions), np.int8)
    for top in range(0, n, 10_000):  # in blocks: 200,000 x 512 float32 would be 400 MB
        block = rng.standard_normal((min(10_000, n - top), dimensions), dtype=np.float32)
        block *= LARGEST / np.abs(block).max(axis=1, keepdims=True)
        matrix[top : top + len(block)] = np.rint(block)
    return matrix


def probe(dimensions: int) -> NDArray[np.float32]:
    """float32 [dimensions]."""
    return np.random.default_rng(_SEED + 1).standard_normal(dimensions).astype(np.float32)


def owners(n: int) -> list[Owner]:
    """One for each template; the references of a subject share theirs."""
    people = [Owner(SubjectId(f"{i:026x}"), ConsentId(f"{i:026x}")) for i in range(-(-n // REFERENCES_A_SUBJECT))]
    return [people[i // REFERENCES_A_SUBJECT] for i in range(n)]
