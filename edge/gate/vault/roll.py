"""Who is enrolled, in memory: the facts of every reference, and in which chunk it stands. No templates.

A roll never changes; a commit makes the next one. Rows of one consent stand next to each other in one chunk.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edge.core.values import ConsentId, SubjectId, WallTime
from edge.gate.vault.papers import PAPERS_A_CHUNK
from edge.gate.vault.references import REFERENCES_A_CHUNK, Facts

_ID_CHARS = 32
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """The facts of one chunk of references."""

    model_sha256: str
    dimensions: int
    facts: Facts


@dataclass(slots=True)
class Place:
    """Where the references of one consent stand."""

    chunk: int
    first: int
    count: int


class Roll:
    """All pieces, by the number of their chunk."""

    def __init__(self, pieces: Mapping[int, Piece]) -> None:
        self._pieces = dict(sorted(pieces.items()))

    @property
    def references(self) -> int:
        """How many there are."""
        return sum(len(piece.facts) for piece in self._pieces.values())

    @cached_property
    def models(self) -> dict[str, int]:
        """The models whose references there are, and how many dimensions each has."""
        return {piece.model_sha256: piece.dimensions for piece in self._pieces.values()}

    @cached_property
    def places(self) -> dict[ConsentId, Place]:
        """Where the references of each consent stand."""
        places: dict[ConsentId, Place] = {}
        for number, piece in self._pieces.items():
            for row, consent in enumerate(ids_of(piece.facts["consent"])):
                place = places.get(consent)
                if place is None:
                    places[consent] = Place(number, row, 1)
                else:
                    place.count += 1
        return places

    @cached_property
    def order(self) -> list[ConsentId]:
        """The consents, sorted."""
        return sorted(self.places)

    @cached_property
    def expires(self) -> dict[ConsentId, WallTime]:
        """When each consent ends."""
        return self._first_of_each("expires")

    @cached_property
    def not_before(self) -> dict[ConsentId, WallTime]:
        """When each consent begins."""
        return self._first_of_each("not_before")

    @cached_property
    def by_paper(self) -> dict[int, list[ConsentId]]:
        """The consents whose signed documents each chunk of papers holds."""
        holders: dict[int, list[ConsentId]] = {}
        for consent, number in self._first_of_each("papers").items():
            holders.setdefault(int(number), []).append(consent)
        return holders

    def piece(self, number: int) -> Piece:
        """One chunk's facts."""
        return self._pieces[number]

    def piece_of(self, consent: ConsentId) -> tuple[Piece, int, int]:
        """The piece that holds a consent's references, the first of them, and their number."""
        place = self.places[consent]
        return self._pieces[place.chunk], place.first, place.count

    def paper_of(self, consent: ConsentId) -> int:
        """The number of the chunk that holds the signed document."""
        piece, first, _ = self.piece_of(consent)
        return int(piece.facts["papers"][first])

    def subject_of(self, consent: ConsentId) -> SubjectId:
        """Whose consent it is."""
        piece, first, _ = self.piece_of(consent)
        return SubjectId(piece.facts["subject"][first].tobytes().hex())

    def consents_of(self, subject: SubjectId) -> list[ConsentId]:
        """The consents of one subject, sorted. An id that cannot be one has none."""
        if not _ID.fullmatch(subject):
            return []
        wanted = np.frombuffer(bytes.fromhex(subject), np.uint8)
        found: set[ConsentId] = set()
        for piece in self._pieces.values():
            found.update(ids_of(piece.facts["consent"][(piece.facts["subject"] == wanted).all(axis=1)]))
        return sorted(found)

    def after(self, consent: str, limit: int) -> list[ConsentId]:
        """At most `limit` consents that come after this one, sorted."""
        start = bisect.bisect_right(self.order, consent)
        return self.order[start : start + limit]

    def with_pieces(self, changed: Mapping[int, Piece | None]) -> Roll:
        """The roll with some chunks replaced, or (None) gone."""
        merged: dict[int, Piece | None] = {**self._pieces, **changed}
        return Roll({number: piece for number, piece in merged.items() if piece is not None})

    def room_for_references(self, model_sha256: str, count: int) -> int:
        """The chunk for `count` more references of a model: one with room, or the number of a new one."""
        for number, piece in self._pieces.items():
            if piece.model_sha256 == model_sha256 and len(piece.facts) + count <= REFERENCES_A_CHUNK:
                return number
        return max(self._pieces, default=-1) + 1

    def room_for_papers(self) -> int:
        """The chunk for one more signed document: one with room, or the number of a new one."""
        with_room = (number for number, held in sorted(self.by_paper.items()) if len(held) < PAPERS_A_CHUNK)
        return next(with_room, max(self.by_paper, default=-1) + 1)

    def comparable(
        self, model_sha256: str, now_wall: WallTime, barred: Iterable[ConsentId]
    ) -> dict[int, NDArray[np.bool_]]:
        """Which references of each chunk of a model may be compared now: within their dates, and not `barred`."""
        masks = {
            number: (piece.facts["not_before"] <= now_wall) & (now_wall < piece.facts["expires"])
            for number, piece in self._pieces.items()
            if piece.model_sha256 == model_sha256
        }
        for consent in barred:
            if (place := self.places.get(consent)) is not None and place.chunk in masks:
                masks[place.chunk][place.first : place.first + place.count] = False
        return masks

    def _first_of_each(self, fact: str) -> dict[ConsentId, WallTime]:
        columns = {number: piece.facts[fact].tolist() for number, piece in self._pieces.items()}
        return {consent: float(columns[place.chunk][place.first]) for consent, place in self.places.items()}


def ids_of(column: NDArray[np.uint8]) -> list[ConsentId]:
    """The consent ids of a column, uint8 [n, 16]."""
    text = np.ascontiguousarray(column).tobytes().hex()
    return [ConsentId(text[at : at + _ID_CHARS]) for at in range(0, len(text), _ID_CHARS)]
