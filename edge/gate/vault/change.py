"""What an enrolment or an erasure does to the chunks: computed first, committed by the store as a whole.

Rule 1.  The references of one consent go into one chunk, next to each other, and its document into one chunk of papers.
Rule 2.  Erasing rewrites every touched chunk without them, or removes a chunk that has nothing left; a burst touches
         each chunk once.
Rule 3.  Plaintext that was built for a change is overwritten as soon as the change is committed, or was not (`wipe`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.core.consent import Consent
from edge.core.quantise import Quantised, quantise
from edge.core.values import ConsentId
from edge.errors import InputError
from edge.gate.vault import papers, references, seal
from edge.gate.vault.references import FACTS, Block
from edge.gate.vault.roll import Piece, Roll
from edge.gate.vault.store import SealedStore
from edge.gate.vault.table import ChunkId, Kind


@dataclass(slots=True)
class Change:
    """Chunks to write and to remove, and the roll as it is afterwards."""

    roll: Roll
    writes: dict[ChunkId, bytearray] = field(default_factory=dict, repr=False)
    removals: set[ChunkId] = field(default_factory=set)

    def wipe(self) -> None:
        """Rule 3."""
        for content in self.writes.values():
            seal.wipe(content)

    @property
    def touched(self) -> list[ChunkId]:
        """The chunks of references and papers that are written."""
        return [chunk for chunk in self.writes if chunk.kind in (Kind.REFERENCES, Kind.CONSENTS)]


def templates_of(
    probes: Sequence[NDArray[np.float32]], qualities: Sequence[float] | None, dimensions: int | None
) -> list[tuple[Quantised, float]]:
    """Template and quality of each probe, which must have `dimensions` if the vault knows its model already.

    Raises:
        InputError: a probe or a quality is impossible, or a probe has another size.
    """
    qualities = [0.0] * len(probes) if qualities is None else qualities
    if len(qualities) != len(probes) or not all(0.0 <= quality <= 1.0 for quality in qualities):
        raise InputError("the qualities of the probes are not one number in [0, 1] for each", hint=_PACK)
    templates = [quantise(probe) for probe in probes]
    sizes = {template.vector.size for template in templates} | ({dimensions} if dimensions else set())
    if len(sizes) != 1:
        raise InputError(f"probes of one model have different sizes: {sorted(sizes)}", hint=_PACK)
    return list(zip(templates, qualities, strict=True))


def enrolment(
    store: SealedStore,
    roll: Roll,
    consent: Consent,
    document: bytes,
    templates: Sequence[tuple[Quantised, float]],
    *,
    model_sha256: str,
    enrolled: int,
) -> Change:
    """Add references (template and quality each) under a consent that the roll does not have yet.

    Raises:
        InputError: the model's digest is none.
    """
    if not _SHA256.fullmatch(model_sha256):
        raise InputError("the digest of the model is no SHA-256", hint=_PACK)
    paper = ChunkId(Kind.CONSENTS, roll.room_for_papers())
    chunk = ChunkId(Kind.REFERENCES, roll.room_for_references(model_sha256, len(templates)))
    facts = np.zeros(len(templates), FACTS)
    facts["consent"] = np.frombuffer(bytes.fromhex(consent.consent), np.uint8)
    facts["subject"] = np.frombuffer(bytes.fromhex(consent.subject), np.uint8)
    facts["not_before"], facts["expires"], facts["enrolled"] = consent.not_before, consent.expires, enrolled
    facts["papers"], facts["quality"] = paper.number, [quality for _, quality in templates]
    block = Block(model_sha256, facts, np.stack([template.vector for template, _ in templates]))
    if chunk.number in store.chunks(Kind.REFERENCES):
        before = store.read(chunk)
        block = references.decode(before).joined(block.facts, block.vectors)
        seal.wipe(before)
    change = Change(roll.with_pieces({chunk.number: Piece(model_sha256, block.vectors.shape[1], block.facts)}))
    change.writes[chunk] = references.encode(block)
    held = _papers(store, paper) if paper.number in store.chunks(Kind.CONSENTS) else {}
    change.writes[paper] = papers.encode({**held, consent.consent: document})
    block.vectors.fill(0)
    return change


def erasure(store: SealedStore, roll: Roll, consents: Iterable[ConsentId]) -> Change:
    """Take away everything under these consents, all of which the roll has."""
    by_chunk: dict[ChunkId, set[ConsentId]] = {}
    for consent in consents:
        by_chunk.setdefault(ChunkId(Kind.REFERENCES, roll.places[consent].chunk), set()).add(consent)
        by_chunk.setdefault(ChunkId(Kind.CONSENTS, roll.paper_of(consent)), set()).add(consent)
    change, pieces = Change(roll), dict[int, Piece | None]()
    for chunk, gone in by_chunk.items():
        if chunk.kind is Kind.REFERENCES:
            pieces[chunk.number] = _without(store, change, chunk, gone)
        elif rest := {c: document for c, document in _papers(store, chunk).items() if c not in gone}:
            change.writes[chunk] = papers.encode(rest)
        else:
            change.removals.add(chunk)
    change.roll = roll.with_pieces(pieces)
    return change


def holds_any(store: SealedStore, chunk: ChunkId, consents: frozenset[ConsentId]) -> bool:
    """Whether a chunk, read back from the disk, still holds something under one of these consents."""
    if chunk.kind is Kind.CONSENTS:
        return not consents.isdisjoint(_papers(store, chunk))
    content = store.read(chunk)
    found = bool(references.rows_of(references.decode(content).facts, consents).any())
    seal.wipe(content)
    return found


def _without(store: SealedStore, change: Change, chunk: ChunkId, gone: set[ConsentId]) -> Piece | None:
    before = store.read(chunk)
    block = references.decode(before).without(gone)
    seal.wipe(before)
    if not len(block.facts):
        change.removals.add(chunk)
        return None
    change.writes[chunk] = references.encode(block)
    block.vectors.fill(0)
    return Piece(block.model_sha256, block.vectors.shape[1], block.facts)


def _papers(store: SealedStore, chunk: ChunkId) -> papers.Papers:
    content = store.read(chunk)
    held = papers.decode(content)
    seal.wipe(content)
    return held


_PACK = "run `edge-gate models verify`; if the pack is whole, vision and gate are of different versions"
_SHA256 = re.compile(r"[0-9a-f]{64}")
