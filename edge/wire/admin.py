"""The local admin socket of `gate`: one request, one answer, then the connection ends.

Rule 1.  Whoever may connect is decided by the kernel's word on the peer (uid, gid), and the operator in the journal is
         that uid, never a name from the request.
Rule 2.  Requests change things only through the same rules as everything else: a request to erase is an event.
Rule 3.  No answer holds a template, a key or a card number.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from edge.core.values import Part
from edge.wire.messages import MAX_FDS, Count, Decoder, Id, Message, Sha256, Text

MAX_CONSENT_BYTES = 16 * 1024
MAX_SUBJECTS_A_PAGE = 100
MAX_CARDS_A_PAGE = 500
MAX_STATE = 64
"""Characters of a state in words. With it the longest page of each kind fits into one datagram."""

ConsentBytes = Annotated[bytes, Meta(min_length=2, max_length=MAX_CONSENT_BYTES)]


class StatusRequest(Message, frozen=True):
    """What is the state of everything?"""


class EnrolRequest(Message, frozen=True):
    """Make references under `consent` (a DSSE envelope), from images that ride along or (count 0) from the camera."""

    consent: ConsentBytes
    images: Annotated[int, Meta(ge=0, le=MAX_FDS)]


class SubjectsRequest(Message, frozen=True):
    """One page of what is held, after the consent id `after`."""

    after: Annotated[str, Meta(max_length=64)] = ""


class SubjectRequest(Message, frozen=True):
    """Everything that is held on one subject."""

    subject: Id


class EraseRequest(Message, frozen=True):
    """Suspend at once, then erase, then prove: every reference of one subject."""

    subject: Id


class CardAddRequest(Message, frozen=True):
    """Let a card in. The number is hashed at once and never kept."""

    number: Annotated[str, Meta(min_length=4, max_length=64, pattern=r"\A[0-9A-Za-z]+\Z")]
    label: Id


class CardRemoveRequest(Message, frozen=True):
    """Let the card with this label in no longer."""

    label: Id


class CardsRequest(Message, frozen=True):
    """One page of the labels of the cards that are let in, after the label `after`."""

    after: Annotated[str, Meta(max_length=64)] = ""


Request = (
    StatusRequest
    | EnrolRequest
    | SubjectsRequest
    | SubjectRequest
    | EraseRequest
    | CardAddRequest
    | CardRemoveRequest
    | CardsRequest
)


class PartReport(Struct, frozen=True, forbid_unknown_fields=True):
    """One part of the lane as `status` shows it."""

    part: Part
    ok: bool
    why: Text


class Status(Message, frozen=True):
    """Answer to `StatusRequest`. Counters and enums only."""

    site: Id
    gate: Id
    commissioned: bool
    lane: Text
    face: Text
    parts: Annotated[tuple[PartReport, ...], Meta(max_length=16)]
    pack: Text
    embedder_sha256: Text
    threshold: float
    margin: float
    pad: Text
    references: Count
    subjects: Count
    cards: Count
    destruction: Text
    link: Text
    sandboxes: dict[Id, Text]
    releases: Count
    refusals: Count
    embeddings: Count
    uptime_s: float


class Enrolled(Message, frozen=True):
    """Answer to `EnrolRequest`."""

    subject: Id
    consent: Id
    references: Count
    expires: float
    unfit: Annotated[tuple[Text, ...], Meta(max_length=MAX_FDS)]


class SubjectRow(Struct, frozen=True, forbid_unknown_fields=True):
    """What is held under one consent: facts about the references, never the references."""

    subject: Id
    consent: Id
    references: Count
    model_sha256: Sha256
    enrolled: float
    expires: float
    state: Annotated[str, Meta(max_length=MAX_STATE)]


class Subjects(Message, frozen=True):
    """Answer to `SubjectsRequest` and `SubjectRequest`."""

    rows: Annotated[tuple[SubjectRow, ...], Meta(max_length=MAX_SUBJECTS_A_PAGE)]
    more: bool = False


class Erased(Message, frozen=True):
    """Answer to `EraseRequest`, sent after absence was verified on disk and in memory."""

    subject: Id
    consents: tuple[Id, ...]
    references: Count
    destruction: Text
    state_sha256: Sha256


class Cards(Message, frozen=True):
    """Answer to `CardsRequest`, and to a change: then `labels` holds the card that was changed. `total` counts all."""

    labels: Annotated[tuple[Id, ...], Meta(max_length=MAX_CARDS_A_PAGE)]
    total: Count
    more: bool = False


class Problem(Message, frozen=True):
    """The request was not done. `exit_code` is a row of `edge.errors.EXIT_CODES`."""

    exit_code: int
    message: Text
    hint: Text


Answer = Status | Enrolled | Subjects | Erased | Cards | Problem

decode_request: Decoder[Request] = Decoder(Request)
decode_answer: Decoder[Answer] = Decoder(Answer)
