"""What else the vault must remember: who is suspended, which consents are used up, the cards, the journal.

Each is one chunk (the journal: several) of JSON, sealed like everything else, with a limit on everything it can hold.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from edge.core.consent import STATUS_LIST_SIZE, Pseudonym
from edge.core.values import ConsentId
from edge.gate.vault.references import ChunkInvalid
from edge.gate.vault.table import ChunkId, Kind

MAX_CARDS = 10_000
ENTRIES_A_CHUNK = 128
JOURNAL_CHUNKS = 16
"""The newest 2,048 changes are kept; the oldest go first."""
MAX_CONSENTS_NAMED = 200
"""An entry names so many consents and counts the rest."""
MAX_WHY_CHARS = 128
MAX_LABEL_CHARS = 64

STATE = ChunkId(Kind.STATE, 0)
CARDS = ChunkId(Kind.CARDS, 0)

_Consent = Annotated[ConsentId, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
_Few = Annotated[tuple[_Consent, ...], Meta(max_length=MAX_CONSENTS_NAMED)]
_Hash = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Word = Annotated[str, Meta(max_length=MAX_WHY_CHARS)]


What = Literal["enrolled", "suspended", "erased", "card added", "card removed"]


class State(Struct, frozen=True, forbid_unknown_fields=True):
    """What is true beyond the references.

    `suspended` will not be compared again, whatever the calendar says. `spent` have enrolled here and were erased, with
    the time until which that matters. `watched` is `edge.core.retention.Watch.watched_s`. `owed` are consents whose
    erasure was committed while its verification was still to come: a start that finds some verifies it again.
    """

    suspended: frozenset[_Consent] = frozenset()
    spent: Annotated[dict[_Consent, int], Meta(max_length=STATUS_LIST_SIZE)] = {}
    watched: dict[_Consent, float] = {}
    owed: frozenset[_Consent] = frozenset()


class Card(Struct, frozen=True, forbid_unknown_fields=True):
    """A card that is let in: the keyed hash of its number, and what the operator calls it."""

    hash: _Hash
    label: Annotated[str, Meta(min_length=1, max_length=MAX_LABEL_CHARS)]


class CardList(Struct, frozen=True, forbid_unknown_fields=True):
    """All cards, and the gate's card key (32 bytes, hex) that hashes their numbers."""

    key: _Hash
    cards: Annotated[tuple[Card, ...], Meta(max_length=MAX_CARDS)] = ()

    def __repr__(self) -> str:
        return f"CardList(<hidden key>, {len(self.cards)} cards)"


class Entry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One change, and who made it. Pseudonyms only; never a number, a name or a template."""

    at: int
    what: What
    operator: _Word
    why: _Word = ""
    consents: _Few = ()
    count: Annotated[int, Meta(ge=0)] = 0
    """Consents that the change was about, named or not."""
    references: Annotated[int, Meta(ge=0)] = 0
    subject: Pseudonym | None = None
    card: Annotated[str, Meta(max_length=MAX_LABEL_CHARS)] = ""
    """The card's label."""


Entries = Annotated[tuple[Entry, ...], Meta(min_length=1, max_length=ENTRIES_A_CHUNK)]
T = TypeVar("T")


def encode(note: State | CardList | tuple[Entry, ...]) -> bytearray:
    """The chunk's plaintext, for the caller to wipe."""
    content = bytearray()
    _ENCODER.encode_into(note, content)
    return content


def decode_state(content: bytearray) -> State:
    """Raises `ChunkInvalid`."""
    return _decode(_STATE, content)


def decode_cards(content: bytearray) -> CardList:
    """Raises `ChunkInvalid`."""
    return _decode(_CARDS, content)


def decode_entries(content: bytearray) -> tuple[Entry, ...]:
    """Raises `ChunkInvalid`."""
    return _decode(_ENTRIES, content)


def _decode(decoder: msgspec.json.Decoder[T], content: bytearray) -> T:
    try:
        return decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ChunkInvalid(f"a note does not parse: {error}") from None


_ENCODER = msgspec.json.Encoder(order="sorted")
_STATE = msgspec.json.Decoder(State)
_CARDS = msgspec.json.Decoder(CardList)
_ENTRIES: msgspec.json.Decoder[tuple[Entry, ...]] = msgspec.json.Decoder(Entries)
