"""References, their consents and the cards: never more than the consents allow, and gone when they end.

Rule 1.  A reference exists only under a consent that a trusted issuer signed for this site and gate, that was live when
         it was made, and under which none was made before; an operator answers for it (`edge.core.consent.may_enrol`).
Rule 2.  A reference is compared only while its consent is within its dates and not suspended, and its holder is let in
         only if the consent's signature was verified in this process too (`vouching`).
Rule 3.  Suspending holds from the moment of the call, whatever happens on the disk afterwards. It is never taken back:
         whoever comes back brings a new consent.
Rule 4.  Erasing returns only after the keys were destroyed and absence was read back from the disk (`store`). What was
         erased can never enrol again under the same consent.
Rule 5.  The calendar suspends; it erases only by `edge.core.retention`, from `sweep`.
Rule 6.  Every change is noted in the journal within the same commit.
Rule 7.  After a `PartFailed` the vault is of no use any more: close it and open it anew, which heals it.

One thread at a time. Templates, keys and card numbers are in no `repr` and no message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.consent import ConsentRefused
from edge.core.consent import MAX_LIFETIME_S, Attempt, Here, Mode, may_enrol
from edge.core.quantise import scale_of
from edge.core.retention import Watch, look
from edge.core.values import CardId, ConsentId, GateId, SiteId, SubjectId, WallTime
from edge.errors import InputError, Refused
from edge.gate.vault import change as changes
from edge.gate.vault import gallery, notes, papers
from edge.gate.vault.book import Book
from edge.gate.vault.cards import CardRegister
from edge.gate.vault.change import Change
from edge.gate.vault.errors import VaultFailed
from edge.gate.vault.facts import Enrolment, Erasure, Held, Page, Reference, Standing
from edge.gate.vault.gallery import Matrix, Owners
from edge.gate.vault.notes import CARDS, MAX_CONSENTS_NAMED, MAX_WHY_CHARS, Entry, What
from edge.gate.vault.slots import Destruction
from edge.gate.vault.store import SealedStore
from edge.gate.vault.table import ChunkId, Kind
from edge.gate.vault.vouching import Vouching
from edge.ports import Clock

MAX_REFERENCES = 200_000
VOUCH_AT_A_TIME = 2048
"""Consents whose signatures are verified at the start and in each sweep: about 0.4 s."""
NOTE_WATCH_EVERY_S = 6 * 3600.0
"""Boot clock between two notes of the times in `Watch`; a reboot costs an expired template at most so much longer."""
THE_GATE = "gate"
"""The operator in the journal where no person did it."""


class Vault:
    """One open vault. `rechecked` are consents whose erasure was committed when the vault was open the last time, and
    whose absence this start has verified once more. `clock_jumped` says whether the calendar jumped before the last
    sweep (`edge.core.retention`, rule 4).
    """

    def __init__(
        self, folder: Path, store: SealedStore, *, site: SiteId, gate: GateId, issuers: Sequence[str], clock: Clock
    ) -> None:
        """Read and check everything, and verify the first consents.

        Raises:
            VaultDamaged: a chunk does not open, or is not of its format.
        """
        self._store, self._here, self._clock = store, Here(site, gate, Mode.IDENTIFY), clock
        self._book = Book(folder, store)
        self._vouching = Vouching(issuers, site, gate)
        self._watch = Watch(self._book.state.watched)
        self._barred = self._book.state.suspended
        self.rechecked = self._book.rechecked
        self.clock_jumped = False
        self._vouch()

    # What is held ----------------------------------------------------------------------------
    @property
    def destruction(self) -> Destruction:
        """How surely what was erased is gone: "tpm-nv", or "logical" (`slots`, rule 3)."""
        return self._store.destruction

    def live(self, now_wall: WallTime) -> frozenset[ConsentId]:
        """The consents whose holders may be let in at `now_wall`."""
        return frozenset(c for c in self._book.roll.places if self._standing(c, now_wall) is Standing.LIVE)

    def expired(self, now_wall: WallTime) -> frozenset[ConsentId]:
        """The consents whose references are still here after their time."""
        return frozenset(consent for consent, until in self._book.roll.expires.items() if now_wall >= until)

    def matrix(self, model_sha256: str) -> tuple[Matrix, Owners]:
        """The templates of one model that may be compared now, and whose they are.

        Returns:
            int8 [references, dimensions], C-contiguous, in fresh memory that the caller overwrites when done ([0, 0]
            where the vault knows nothing of this model); and one owner a row.
        """
        masks = self._book.roll.comparable(model_sha256, self._clock.wall(), self._barred)
        facts = [(self._book.roll.piece(number).facts, mask) for number, mask in masks.items()]
        whole = self._book.take_fresh(model_sha256)
        if whole is None or not all(mask.all() for mask in masks.values()):
            if whole is not None:
                whole.fill(0)
            with self._book.formats():
                whole = gallery.assemble(self._store, masks, self._book.roll.models.get(model_sha256, 0))
        return whole, Owners([part if mask.all() else part[mask] for part, mask in facts])

    def references(self) -> Iterator[Reference]:
        """Every reference that may be compared now, one after the other."""
        for model in self._book.roll.models:
            matrix, owners = self.matrix(model)
            for vector, owner in zip(matrix, owners, strict=True):
                yield Reference(owner.consent, owner.subject, model, vector.copy(), scale_of(vector))
            matrix.fill(0)

    def subjects(self, after: str, limit: int) -> Page:
        """At most `limit` rows of what is held, in the order of consent ids, after the consent `after` ("": all)."""
        found = self._book.roll.after(after, limit + 1)
        return Page(tuple(map(self._held, found[:limit])), more=len(found) > limit)

    def subject(self, subject: SubjectId) -> tuple[Held, ...]:
        """Everything that is held on one subject."""
        return tuple(map(self._held, self._book.roll.consents_of(subject)))

    def journal(self) -> tuple[Entry, ...]:
        """The changes that are still on record, oldest first."""
        return self._book.entries()

    # Changes ---------------------------------------------------------------------------------
    def enrol(
        self,
        envelope: bytes,
        probes: Sequence[NDArray[np.float32]],
        *,
        model_sha256: str,
        operator: str,
        qualities: Sequence[float] | None = None,
    ) -> Enrolment:
        """Make one reference of each probe, float32 [dimensions], under the signed consent in `envelope`.

        `qualities` are in [0, 1], one a probe; unknown ones are noted as 0.

        Raises:
            ConsentInvalid, ConsentEdited, IssuerUnknown: the document (`edge.consent`).
            ConsentRefused: a rule, named by its `reason`.
            InputError: a probe, a quality, or the model's digest is impossible.
            Refused: the vault holds as many references as it may.
            VaultFull, VaultFailed: the disk; open the vault anew.
        """
        consent = self._vouching.presented(envelope)
        now = self._clock.wall()
        id_ = consent.consent
        used = id_ in self._book.roll.places or id_ in self._book.state.spent
        attempt = Attempt(operator, len(probes), used=used, suspended=id_ in self._barred)
        if (reason := may_enrol(consent, self._here, attempt, now)) is not None:
            raise ConsentRefused(consent, reason, self._here)
        if self._book.roll.references + len(probes) > MAX_REFERENCES:
            raise Refused(f"the vault holds its limit of {MAX_REFERENCES} references", hint="erase what is expired")
        templates = changes.templates_of(probes, qualities, self._book.roll.models.get(model_sha256))
        with self._book.formats():
            change = changes.enrolment(
                self._store, self._book.roll, consent, envelope, templates, model_sha256=model_sha256, enrolled=int(now)
            )
        entry = self._entry("enrolled", frozenset({id_}), operator, references=len(templates))
        self._book.commit(change, msgspec.structs.replace(entry, subject=consent.subject))
        self._vouching.accepted(id_)
        return Enrolment(id_, consent.subject, len(templates), float(consent.expires))

    def suspend(self, consents: Iterable[ConsentId], *, why: str, operator: str = THE_GATE) -> None:
        """Rule 3: stop comparing them, at once and for good. Consents that are not here are suspended too."""
        new = _ids(consents) - self._barred
        self._barred |= new
        if new:
            state = msgspec.structs.replace(self._book.state, suspended=self._book.state.suspended | new)
            self._book.commit(Change(self._book.roll), self._entry("suspended", new, operator, why), state)

    def erase(self, consents: Iterable[ConsentId], *, why: str, operator: str = THE_GATE) -> Erasure:
        """Rule 4: destroy every reference under these consents, and bar them from enrolling here ever again.

        Raises:
            VaultFailed: the disk did not do it, or not provably. They stay suspended; open the vault anew, erase again.
        """
        asked = _ids(consents)
        self._barred |= asked
        held, places = asked & self._book.roll.places.keys(), self._book.roll.places
        if asked <= self._book.state.spent.keys():
            return Erasure((), 0, self.destruction, self._store.digest)
        gone = sum(places[consent].count for consent in held)
        with self._book.formats():
            change = changes.erasure(self._store, self._book.roll, held)
        never = int(self._clock.wall()) + MAX_LIFETIME_S
        state = msgspec.structs.replace(
            self._book.state,
            suspended=self._book.state.suspended - asked,
            spent=self._book.state.spent | {c: int(self._book.roll.expires.get(c, never)) for c in asked},
            watched={c: seconds for c, seconds in self._watch.watched_s.items() if c not in asked},
            owed=held,
        )
        touched = change.touched
        self._book.commit(change, self._entry("erased", asked, operator, why, gone), state)
        with self._book.formats():
            left = [chunk for chunk in touched if changes.holds_any(self._store, chunk, held)]
        if left or not held.isdisjoint(self._book.roll.places):
            raise VaultFailed("what was erased is still in the vault", hint="start the gate again, then erase again")
        self._book.state = msgspec.structs.replace(self._book.state, owed=frozenset())
        self._vouching.forget(held)
        return Erasure(tuple(sorted(held)), gone, self.destruction, self._store.digest)

    def sweep(self) -> Erasure | None:
        """Rule 5, and the next portion of signatures; to be called every few seconds. What was erased, if anything."""
        unfounded = self._vouch()
        seen = look(self._watch, self._book.roll.expires, now=self._clock.now(), wall=self._clock.wall())
        self._watch, self.clock_jumped = seen.watch, seen.jumped
        expired = self.erase(seen.due, why="expired") if seen.due else None
        self._note_watch()
        if expired and unfounded:
            both = tuple(sorted({*expired.consents, *unfounded.consents}))
            return Erasure(both, expired.references + unfounded.references, self.destruction, self._store.digest)
        return expired or unfounded

    # Cards -----------------------------------------------------------------------------------
    def card(self, number: str) -> CardId | None:
        """The card with this number, or None if it is not let in here."""
        return self._book.cards.find(number)

    def card_labels(self) -> tuple[str, ...]:
        """What the operators call the cards, sorted."""
        return self._book.cards.labels()

    def add_card(self, number: str, label: str, *, operator: str) -> CardId:
        """Let a card in. Raises `Refused` when the number or label is there already, or is none."""
        cards, card = self._book.cards.added(number, label)
        self._change_cards(cards, "card added", label, operator)
        return card

    def remove_card(self, label: str, *, operator: str) -> None:
        """Let a card in no longer. Raises `Refused` when there is none of this label."""
        self._change_cards(self._book.cards.removed(label), "card removed", label, operator)

    def close(self) -> None:
        """Overwrite keys and templates, and let go of the files. Closing twice is no error."""
        self._book.drop_fresh()
        self._store.close()

    # -----------------------------------------------------------------------------------------
    def _change_cards(
        self, cards: CardRegister, what: Literal["card added", "card removed"], label: str, operator: str
    ) -> None:
        if not operator.strip():
            raise Refused("no operator answers for the card", hint="change cards as an operator of this gate")
        entry = msgspec.structs.replace(self._entry(what, frozenset(), operator), card=label)
        self._book.commit(Change(self._book.roll, {CARDS: notes.encode(cards.listed)}), entry)
        self._book.cards = cards

    def _note_watch(self) -> None:
        """Note how long expired consents were watched: now and then, and at once when it must be less than noted."""
        noted = self._book.state.watched
        watched = {c: seconds for c, seconds in self._watch.watched_s.items() if c in self._book.roll.places}
        fallen = any(watched.get(c, 0.0) < seconds for c, seconds in noted.items())
        if fallen or any(seconds - noted.get(c, 0.0) >= NOTE_WATCH_EVERY_S for c, seconds in watched.items()):
            state = msgspec.structs.replace(self._book.state, watched=watched)
            self._book.commit(Change(self._book.roll), None, state)

    def _vouch(self) -> Erasure | None:
        """Verify the next signatures, and erase what turns out to have none (`vouching`, rule 3)."""
        for number in self._vouching.next_papers(self._book.roll, VOUCH_AT_A_TIME):
            chunk = ChunkId(Kind.CONSENTS, number)
            with self._book.formats():
                held = self._book.note(chunk, papers.decode) or {}
            self._vouching.look_at(self._book.roll, number, held)
        unfounded = frozenset(self._vouching.unfounded)
        return self.erase(unfounded, why="no verifiable consent") if unfounded else None

    def _standing(self, consent: ConsentId, now_wall: WallTime) -> Standing:
        if consent in self._barred:
            return Standing.SUSPENDED
        if now_wall >= self._book.roll.expires[consent]:
            return Standing.EXPIRED
        if now_wall < self._book.roll.not_before[consent]:
            return Standing.NOT_YET_VALID
        return Standing.LIVE if consent in self._vouching.vouched else Standing.UNVERIFIED

    def _held(self, consent: ConsentId) -> Held:
        piece, first, count = self._book.roll.piece_of(consent)
        return Held(
            subject=self._book.roll.subject_of(consent),
            consent=consent,
            references=count,
            model_sha256=piece.model_sha256,
            enrolled=float(piece.facts["enrolled"][first]),
            expires=self._book.roll.expires[consent],
            standing=self._standing(consent, self._clock.wall()),
        )

    def _entry(
        self, what: What, consents: frozenset[ConsentId], operator: str, why: str = "", references: int = 0
    ) -> Entry:
        return Entry(
            at=int(self._clock.wall()),
            what=what,
            operator=operator[:MAX_WHY_CHARS],
            why=why[:MAX_WHY_CHARS],
            consents=tuple(sorted(consents)[:MAX_CONSENTS_NAMED]),
            count=len(consents),
            references=references,
        )


def _ids(consents: Iterable[ConsentId]) -> frozenset[ConsentId]:
    """Consent ids from outside. What is none would not be read back."""
    asked = frozenset(consents)
    if not all(_CONSENT_ID.fullmatch(consent) for consent in asked):
        raise InputError("a consent id is not 32 hex digits", hint="see `edge-gate subjects list`")
    return asked


_CONSENT_ID = re.compile(r"[0-9a-f]{32}")
