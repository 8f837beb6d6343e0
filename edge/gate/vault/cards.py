"""Which cards are let in, without knowing their numbers.

Rule 1.  A number becomes HMAC-SHA256 under the gate's own random card key, and is forgotten. The key lives in the vault
         and never leaves it, so hashes of two gates cannot be compared.
Rule 2.  Whoever holds the key can try all 2**26 numbers of a common card in seconds: the hash protects a stolen copy of
         the list, not the list in a gate that runs. The documentation says so too.
Rule 3.  Looking up needs no comparison of secrets: the hash is found in a dictionary, and what timing tells about a
         keyed hash does not help to find a number.
Rule 4.  Letters of a number count without case; readers disagree about the case of hex digits.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from edge.core.values import CardId
from edge.errors import Refused
from edge.gate.vault.notes import MAX_CARDS, MAX_LABEL_CHARS, Card, CardList

MIN_NUMBER_CHARS = 4
MAX_NUMBER_CHARS = 64


class CardRegister:
    """An immutable list of cards; a change makes a new one."""

    def __init__(self, listed: CardList) -> None:
        self.listed = listed
        self._labels = {CardId(card.hash): card.label for card in listed.cards}

    @classmethod
    def of(cls, listed: CardList | None) -> CardRegister:
        """The cards of a list; without one, no cards and a new card key."""
        return cls(listed or CardList(os.urandom(hashlib.sha256().digest_size).hex()))

    def find(self, number: str) -> CardId | None:
        """The card with this number, or None if it is not let in."""
        card = self._hash(number)
        return card if card in self._labels else None

    def labels(self) -> tuple[str, ...]:
        """What the operators call the cards, sorted."""
        return tuple(sorted(self._labels.values()))

    def added(self, number: str, label: str) -> tuple[CardRegister, CardId]:
        """With one card more. Raises `Refused` for a number or label that is there already, or too many cards."""
        if not (MIN_NUMBER_CHARS <= len(number) <= MAX_NUMBER_CHARS and number.isascii() and number.isalnum()):
            raise Refused(
                f"a card number has {MIN_NUMBER_CHARS} to {MAX_NUMBER_CHARS} letters and digits, and nothing else",
                hint="read the card again, or type the number that is printed on it",
            )
        if not 1 <= len(label) <= MAX_LABEL_CHARS:
            raise Refused(f"a card's label has 1 to {MAX_LABEL_CHARS} characters", hint="choose another label")
        card = self._hash(number)
        if card in self._labels:
            raise Refused(f"this card is let in already, as {self._labels[card]!r}", hint="remove that label first")
        if label in self._labels.values():
            raise Refused(f"another card has the label {label!r}", hint="choose another label, or remove that card")
        if len(self._labels) >= MAX_CARDS:
            raise Refused(f"the list holds its limit of {MAX_CARDS} cards", hint="remove cards that are out of use")
        return CardRegister(CardList(self.listed.key, (*self.listed.cards, Card(card, label)))), card

    def removed(self, label: str) -> CardRegister:
        """Without the card of this label. Raises `Refused` if there is none."""
        rest = tuple(card for card in self.listed.cards if card.label != label)
        if len(rest) == len(self.listed.cards):
            raise Refused(f"no card has the label {label!r}", hint="see `edge-gate cards list`")
        return CardRegister(CardList(self.listed.key, rest))

    def _hash(self, number: str) -> CardId:
        return CardId(hmac.new(bytes.fromhex(self.listed.key), number.upper().encode(), hashlib.sha256).hexdigest())

    def __repr__(self) -> str:
        return f"CardRegister({len(self._labels)} cards, <hidden>)"
