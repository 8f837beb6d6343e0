"""One chunk of references: the templates of up to `REFERENCES_A_CHUNK` captures of one model, and their facts.

Bytes, all integers little endian: `EGREFS1` and a newline, dimensions (u16), count (u32), SHA-256 of the model (32
bytes); then `count` facts of `FACTS.itemsize` bytes; then `count` templates of `dimensions` bytes (int8); no more. The
facts stand apart from the templates so that loading copies each of the two in one piece.

The references of one consent stand in one chunk, next to each other. A template's scale follows from its vector
(`edge.core.quantise.scale_of`) and is not stored: what is not stored cannot disagree.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.core.quantise import LARGEST, MAX_DIMENSIONS, MIN_DIMENSIONS
from edge.core.values import ConsentId

REFERENCES_A_CHUNK = 1024
"""Loading 50,000 costs about twice one blob (`bench`), at 512 a chunk two to three times. An erasure rewrites
one such chunk: 180 KiB at 128 dimensions."""
FACTS = np.dtype(
    [
        ("consent", "u1", (16,)),
        ("subject", "u1", (16,)),
        ("not_before", "<u4"),
        ("expires", "<u4"),
        ("enrolled", "<u4"),
        ("papers", "<u4"),
        ("quality", "<f4"),
    ]
)
"""Ids are the 16 bytes behind their hex; times are seconds since 1970; `papers` is the number of the chunk that holds
the signed consent; quality is in [0, 1]."""

Facts = NDArray[np.void]
"""FACTS [references]."""
_MAGIC = b"EGREFS1\n"
_HEAD = struct.Struct("<8sHI32s")


class ChunkInvalid(ValueError):
    """The plaintext of a chunk is not of its format. It was sealed by us, so this is another version or a bug."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One chunk, read: facts [n] and templates int8 [n, dimensions]. Views of a buffer, unless copied."""

    model_sha256: str
    facts: Facts
    vectors: NDArray[np.int8] = field(repr=False)

    def without(self, consents: Iterable[ConsentId]) -> Block:
        """A copy without the references under these consents."""
        keep = ~rows_of(self.facts, consents)
        return Block(self.model_sha256, self.facts[keep], self.vectors[keep])

    def joined(self, facts: Facts, vectors: NDArray[np.int8]) -> Block:
        """A copy with more references at its end."""
        return Block(self.model_sha256, np.concatenate([self.facts, facts]), np.concatenate([self.vectors, vectors]))


def rows_of(facts: Facts, consents: Iterable[ConsentId]) -> NDArray[np.bool_]:
    """Which references are under one of these consents, bool [references]."""
    found = np.zeros(len(facts), np.bool_)
    for consent in consents:
        found |= (facts["consent"] == np.frombuffer(bytes.fromhex(consent), np.uint8)).all(axis=1)
    return found


def encode(block: Block) -> bytearray:
    """The chunk's plaintext, for the caller to wipe. Raises `ChunkInvalid`."""
    count, dimensions = block.vectors.shape
    _check_size(dimensions, count)
    check_facts(block.facts)
    if block.vectors.min() < -LARGEST:
        raise ChunkInvalid("a template has a component of -128")
    head = _HEAD.pack(_MAGIC, dimensions, count, bytes.fromhex(block.model_sha256))
    content = bytearray(len(head) + count * (FACTS.itemsize + dimensions))
    content[: len(head)] = head
    vectors_at = len(head) + count * FACTS.itemsize
    content[len(head) : vectors_at] = np.ascontiguousarray(block.facts, FACTS).tobytes()
    np.frombuffer(content, np.int8, offset=vectors_at).reshape(count, dimensions)[:] = block.vectors
    return content


def decode(content: bytearray | memoryview) -> Block:
    """The chunk in `content`, as views of it; `check_facts` is left to the caller. Raises `ChunkInvalid`."""
    if len(content) < _HEAD.size:
        raise ChunkInvalid("a chunk of references is too short")
    magic, dimensions, count, model = _HEAD.unpack_from(content)
    if magic != _MAGIC or len(content) != _HEAD.size + count * (FACTS.itemsize + dimensions):
        raise ChunkInvalid("a chunk of references has another format")
    facts = np.frombuffer(content, FACTS, count, _HEAD.size)
    vectors = np.frombuffer(content, np.int8, offset=_HEAD.size + facts.nbytes).reshape(count, dimensions)
    _check_size(dimensions, count)
    return Block(model.hex(), facts, vectors)


def check_facts(facts: Facts) -> None:
    """Raises `ChunkInvalid` for facts that cannot be. Not in `decode`, because a load checks all facts at once."""
    quality = facts["quality"]
    if not ((quality >= 0) & (quality <= 1)).all():
        raise ChunkInvalid("a reference has an impossible quality")
    if not (facts["not_before"] < facts["expires"]).all():
        raise ChunkInvalid("a reference expires before it begins")


def _check_size(dimensions: int, count: int) -> None:
    if not MIN_DIMENSIONS <= dimensions <= MAX_DIMENSIONS or not 1 <= count <= REFERENCES_A_CHUNK:
        raise ChunkInvalid("a chunk of references has an impossible size")
