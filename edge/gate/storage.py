"""Everything that touches the vault, on a thread of its own, so that nothing on a disk can hold the door.

Rule 1.  Only this thread changes or reads the vault. Others hand it jobs and wait for the answer; the decision thread
         never does. A card is looked up in memory, on the thread of its reader: no disk can hold a card.
Rule 2.  After each change the decision thread is handed a new picture (`Holdings`). The templates of the one before
         are overwritten once it has let go.
Rule 3.  A withdrawal counts in memory first: the picture without these consents is with the decision thread before the
         disk is asked for anything. Then it is suspended, erased and verified absent on disk, then gone from memory,
         and only then answered. What was suspended in memory stays so, whatever the disk says, and the erasure is
         tried again at every look.
Rule 4.  What the calendar ended is suspended at once by the picture itself (`Holdings.expiries`), and erased by the
         vault's own rule, which trusts no clock alone (`edge.core.retention`); it is asked every `SWEEP_S`.
Rule 5.  A vault that fails is a failed part, with its reason, never an empty vault. So is one that cannot erase what
         it owes. It is opened anew, at once and then every `RETRY_S`. Cards that were known before it failed go on;
         from a vault that could never be opened none are known, and `status` says so.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.core.lane import CardRead
from edge.core.values import CardId, ConsentId, Part, SubjectId
from edge.errors import EdgeError, PartFailed, Refused
from edge.gate.holdings import Holdings, nothing_held
from edge.gate.inbox import Fault, Inbox, Mended, Swap
from edge.gate.match import Gallery
from edge.gate.vault import Enrolment, Erasure, Held, Page, Standing, Vault
from edge.gate.worker import Worker
from edge.ports import Clock

SWEEP_S = 10.0
AGAIN_S = 0.05
"""While something comes of it: the vault verifies the signatures of its consents a portion at a time."""
RETRY_S = 10.0
TAKEN_S = 0.2
"""How often we ask, while the decision thread has not taken a picture, whether the gate is stopping."""
PAGE_ROWS = 1000
WITHDRAWN = "withdrawn"
_COMPARED = (Standing.LIVE, Standing.UNVERIFIED)
"""Whose references the vault puts into the matrix. Who is not verified yet is compared, and not let in."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StorageReport:
    """What `status` may know of the vault."""

    references: int = 0
    subjects: int = 0
    cards: int = 0
    destruction: str = "unknown"


class Storage:
    """Methods may be called from any thread but the decision thread. They raise what the vault raises."""

    def __init__(
        self, opener: Callable[[], Vault], inbox: Inbox, clock: Clock, *, model_sha256: str, dimensions: int
    ) -> None:
        self._opener, self._inbox, self._clock = opener, inbox, clock
        self._model_sha256 = model_sha256
        self._vault: Vault | None = None
        self._matrix: NDArray[np.int8] = np.empty((0, dimensions), np.int8)
        self._picture = threading.Lock()
        self._rows: dict[ConsentId, Held] = {}
        self._suspended: frozenset[ConsentId] = frozenset()
        self._ours: frozenset[ConsentId] = frozenset()
        """Consents whose references are of our model; those of another wait for a gate that runs it."""
        self._compared: frozenset[ConsentId] = frozenset()
        """Those of them whose references are in the picture."""
        self._holdings = nothing_held(model_sha256, dimensions)
        self._find_card: Callable[[str], CardId | None] | None = None
        self._worker = Worker("storage", clock, self._look, self._end)
        self.report = StorageReport()

    def start(self) -> None:
        """Open the vault, in the background."""
        self._worker.start()

    def close(self) -> None:
        """Finish what was begun, close the vault, and overwrite the templates in memory."""
        self._worker.close()

    # Jobs ---------------------------------------------------------------------------------
    def enrol(
        self, envelope: bytes, probes: Sequence[NDArray[np.float32]], qualities: Sequence[float], operator: str
    ) -> Enrolment:
        """Make references under a signed consent."""

        def job(vault: Vault) -> Enrolment:
            made = vault.enrol(
                envelope, probes, model_sha256=self._model_sha256, operator=operator, qualities=qualities
            )
            self._reload(vault)
            return made

        return self._ask(job)

    def erase(self, subject: SubjectId, operator: str) -> Erasure:
        """Withdraw everything of one subject (rule 3). Raises `Refused` when nothing is held."""
        with self._picture:
            consents = frozenset(consent for consent, row in self._rows.items() if row.subject == subject)
            self._suspended |= consents
        if not consents:
            raise Refused(f"nothing is held on subject {subject}", hint="see `edge-gate subjects list`")
        self._hand_over()

        def job(vault: Vault) -> Erasure:
            vault.suspend(consents, why=WITHDRAWN, operator=operator)
            gone = vault.erase(consents, why=WITHDRAWN, operator=operator)
            self._reload(vault)
            return gone

        return self._ask(job)

    def remembers(self, consent: ConsentId) -> tuple[bool, bool]:
        """Whether references are held under this consent, and whether it was withdrawn here since the start."""
        with self._picture:
            return consent in self._rows, consent in self._suspended

    def subjects(self, after: str, limit: int) -> Page:
        """One page of what is held."""
        return self._ask(lambda vault: vault.subjects(after, limit))

    def subject(self, subject: SubjectId) -> tuple[Held, ...]:
        """What is held on one subject."""
        return self._ask(lambda vault: vault.subject(subject))

    def add_card(self, number: str, label: str, operator: str) -> int:
        """Let a card in; how many there are afterwards."""

        def job(vault: Vault) -> int:
            vault.add_card(number, label, operator=operator)
            return self._recount(vault)

        return self._ask(job)

    def remove_card(self, label: str, operator: str) -> int:
        """Let a card in no longer; how many there are afterwards."""

        def job(vault: Vault) -> int:
            vault.remove_card(label, operator=operator)
            return self._recount(vault)

        return self._ask(job)

    def card_labels(self) -> tuple[str, ...]:
        """The labels of the cards that are let in, sorted."""
        return self._ask(lambda vault: vault.card_labels())

    def card_shown(self, number: str) -> None:
        """A reader read this. The decision thread gets the card's keyed hash, or None; the number is forgotten here."""
        card = None if self._find_card is None else self._find_card(number)
        self._inbox.put(CardRead(self._clock.now(), card))

    def _ask(self, work: Callable[[Vault], T]) -> T:
        def job() -> T:
            vault = self._vault
            if vault is None:
                raise PartFailed("the vault is not open", hint="`edge-gate status` says why")
            try:
                return work(vault)
            except PartFailed as error:
                self._broken(error)
                raise

        return self._worker.ask(job)

    # The thread ---------------------------------------------------------------------------
    def _look(self) -> float:
        """Open the vault, or ask it what the calendar ended; seconds until the next look."""
        was_open = self._vault is not None
        try:
            if self._vault is None:
                self._vault = self._opener()
                self._reload(self._vault)
            came = self._sweep(self._vault)
            if not was_open:
                self._inbox.put(Mended(Part.VAULT))
        except Exception as error:  # noqa: BLE001 - rule 5: whatever it is, the part has failed and the gate goes on
            self._broken(error)
            return AGAIN_S if was_open else RETRY_S
        return AGAIN_S if came else SWEEP_S

    def _sweep(self, vault: Vault) -> bool:
        """Rule 4. Whether anything came of it, so that looking again soon is worth it."""
        with self._picture:
            owed = self._suspended & self._rows.keys()
            before = self._holdings.live
        if owed:
            vault.erase(owed, why=WITHDRAWN)
        swept = vault.sweep()
        live = vault.live(self._clock.wall())
        if owed or swept is not None or before - live or (live & self._ours) - self._compared:
            self._reload(vault)
        elif live != before:  # more signatures were verified; the templates are the same
            with self._picture:
                self._holdings = self._picture_of(self._holdings.gallery, live)
            self._hand_over()
        return live != before

    def _broken(self, error: Exception) -> None:
        """Rule 5."""
        vault, self._vault = self._vault, None
        if vault is not None:
            with contextlib.suppress(EdgeError):
                vault.close()
            self._worker.look_soon()
        why = error.message if isinstance(error, EdgeError) else f"{type(error).__name__} in the vault"
        cards = "cards are unknown too" if self._find_card is None else "the cards known so far go on"
        self._inbox.put(Fault(Part.VAULT, f"{why}; {cards}"))

    def _reload(self, vault: Vault) -> None:
        """Rule 2."""
        self._find_card = vault.card  # before the references: cards go on without them
        rows = {row.consent: row for row in _rows(vault)}
        ours = frozenset(consent for consent, row in rows.items() if row.model_sha256 == self._model_sha256)
        matrix, owners = vault.matrix(self._model_sha256)
        live = vault.live(self._clock.wall())
        before, self._matrix = self._matrix, matrix
        with self._picture:
            self._rows, self._ours = rows, ours
            self._compared = frozenset(consent for consent in ours if rows[consent].standing in _COMPARED)
            self._holdings = self._picture_of(Gallery(matrix, owners), live)
        self._recount(vault)
        self._hand_over()
        before.fill(0)

    def _picture_of(self, gallery: Gallery, live: frozenset[ConsentId]) -> Holdings:
        expiries = sorted((self._rows[consent].expires, consent) for consent in live & self._rows.keys())
        return Holdings(self._model_sha256, gallery, live, tuple(expiries))

    def _hand_over(self) -> None:
        """Give the present picture to the decision thread, and wait until it has let go of the one before.

        Pictures arrive in the order in which they were made. A gate that is stopping is not waited for.
        """
        with self._picture:
            held = self._holdings
            swap = Swap(Holdings(held.model_sha256, held.gallery, held.live - self._suspended, held.expiries))
            self._inbox.put(swap)
        while not (swap.taken.wait(TAKEN_S) or self._inbox.closed):
            continue

    def _recount(self, vault: Vault) -> int:
        cards = len(vault.card_labels())
        self.report = StorageReport(
            references=sum(row.references for row in self._rows.values()),
            subjects=len({row.subject for row in self._rows.values()}),
            cards=cards,
            destruction=vault.destruction,
        )
        return cards

    def _end(self) -> None:
        if self._vault is not None:
            with contextlib.suppress(EdgeError):
                self._vault.close()
        self._matrix.fill(0)


def _rows(vault: Vault) -> Iterator[Held]:
    after, more = "", True
    while more:
        page = vault.subjects(after, PAGE_ROWS)
        yield from page.rows
        more = page.more and bool(page.rows)
        after = page.rows[-1].consent if page.rows else ""
