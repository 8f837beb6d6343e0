"""The thread that owns the vault, over the real vault."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.core.lane import CardRead, IntentEnded
from edge.core.quantise import quantise
from edge.core.values import ConsentId, Part, SubjectId
from edge.errors import EdgeError, PartFailed, Refused
from edge.gate.holdings import Holdings
from edge.gate.inbox import Fault, Inbox, Item, Mended, Swap
from edge.gate.storage import Storage
from edge.gate.vault import Erasure, Vault
from tests.fakes.clock import LOST_S, HandClock
from tests.gate.lane import ANN, BOB, DIMENSIONS, FACES, MODEL, OTHER_MODEL
from tests.gate.site import DAY_S, TestSite

OPERATOR = "root"


class Desk:
    """Storage over a vault, and a decision thread that takes every picture at once and remembers them all."""

    def __init__(self, folder: Path, opener: Callable[[TestSite], Vault] | None = None) -> None:
        self.clock, self.inbox = HandClock(), Inbox()
        self.site = TestSite(self.clock)
        self.items: list[Item] = []
        self.shown = threading.Condition()
        self.vaults: list[Vault] = []
        self._marks = itertools.count()

        def real() -> Vault:
            self.vaults.append(opener(self.site) if opener else self.site.vault(folder / "vault"))
            return self.vaults[-1]

        self.storage = Storage(real, self.inbox, self.clock, model_sha256=MODEL, dimensions=DIMENSIONS)
        self._thread = threading.Thread(target=self._decide, daemon=True)
        self._thread.start()
        self.storage.start()
        self.until(lambda item: isinstance(item, Mended | Fault))

    def _decide(self) -> None:
        while not self.inbox.closed:
            self.inbox.wait(LOST_S)
            for item in self.inbox.take_others():
                with self.shown:
                    self.items.append(item)
                    self.shown.notify_all()
                if isinstance(item, Swap):
                    item.taken.set()

    def until(self, wanted: Callable[[Item], bool]) -> Item:
        """The newest item that is wanted; it has to come."""
        with self.shown:
            assert self.shown.wait_for(lambda: any(map(wanted, self.items)), LOST_S), self.items
            return next(item for item in reversed(self.items) if wanted(item))

    @property
    def picture(self) -> Holdings:
        """What the decision thread holds now."""
        with self.shown:
            return next(item.holdings for item in reversed(self.items) if isinstance(item, Swap))

    def enrol(self, who: ConsentId, **dates: int) -> tuple[ConsentId, SubjectId]:
        consent, subject, document = self.site.consent(**dates)  # type: ignore[arg-type]
        self.storage.enrol(document, [FACES[who]], [0.9], OPERATOR)
        return consent, subject

    def look(self) -> None:
        """Let storage look after the vault once, and the decision thread take what came of it."""
        self.storage._worker.ask(self.storage._look)
        mark = IntentEnded(float(next(self._marks)))
        self.inbox.put(mark)
        self.until(lambda item: item == mark)
        with self.shown:
            self.items.remove(mark)

    def newest(self) -> Item:
        """What was last said of the vault."""
        with self.shown:
            return next(item for item in reversed(self.items) if isinstance(item, Fault | Mended))

    def close(self) -> None:
        self.inbox.close()
        self.storage.close()
        self._thread.join(LOST_S)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def test_an_empty_vault_heals_the_lane_and_knows_nobody(desk: Desk) -> None:
    assert desk.newest() == Mended(Part.VAULT)
    assert len(desk.picture.gallery) == 0
    assert desk.picture.gallery.search(FACES[ANN]) == ()


def test_who_enrols_is_in_the_next_picture(desk: Desk) -> None:
    consent, subject = desk.enrol(ANN)
    assert desk.picture.live == {consent}
    (best,) = desk.picture.gallery.search(FACES[ANN])
    assert (best.consent, best.subject) == (consent, subject)
    assert desk.storage.report.references == desk.storage.report.subjects == 1


def test_an_enrolment_that_a_rule_forbids_changes_nothing(desk: Desk) -> None:
    _, _, forged = desk.site.consent(forged=True)
    with pytest.raises(Refused):
        desk.storage.enrol(forged, [FACES[ANN]], [0.9], OPERATOR)
    assert desk.picture.live == frozenset()
    assert Part.VAULT not in {item.part for item in desk.items if isinstance(item, Fault)}


def test_a_withdrawal_is_suspended_in_memory_before_the_disk_is_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    consent, subject = desk.enrol(ANN)
    live_when_asked = []
    suspend = Vault.suspend

    def watched(self: Vault, *args: object, **words: object) -> None:
        live_when_asked.append(desk.picture.live)
        suspend(self, *args, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(Vault, "suspend", watched)
    gone = desk.storage.erase(subject, OPERATOR)
    assert live_when_asked == [frozenset()]
    assert gone.consents == (consent,)
    assert gone.references == 1


def test_after_a_withdrawal_nothing_is_held_on_disk_or_in_memory(desk: Desk) -> None:
    _, subject = desk.enrol(ANN)
    bob, _ = desk.enrol(BOB)
    before = desk.picture.gallery._matrix
    template = quantise(FACES[ANN]).vector
    assert (before == template).all(axis=1).any()
    desk.storage.erase(subject, OPERATOR)
    assert not before.any()
    assert desk.picture.live == {bob}
    assert not (desk.picture.gallery._matrix == template).all(axis=1).any()
    assert desk.storage.subject(subject) == ()
    assert [row.consent for row in desk.storage.subjects("", 10).rows] == [bob]


def test_withdrawing_somebody_who_is_not_held_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused, match="nothing is held"):
        desk.storage.erase(SubjectId("0" * 32), OPERATOR)


def test_the_same_consent_never_enrols_again(desk: Desk) -> None:
    consent, subject, document = desk.site.consent()
    desk.storage.enrol(document, [FACES[ANN]], [0.9], OPERATOR)
    assert desk.storage.remembers(consent) == (True, False)
    desk.storage.erase(subject, OPERATOR)
    assert desk.storage.remembers(consent) == (False, True)
    with pytest.raises(Refused):
        desk.storage.enrol(document, [FACES[ANN]], [0.9], OPERATOR)


def test_a_withdrawal_that_the_disk_refuses_stays_suspended_and_is_tried_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, subject = desk.enrol(ANN)
    full = [True]
    erase = Vault.erase

    def refusing(self: Vault, *args: object, **words: object) -> Erasure:
        if full:
            raise PartFailed("the disk is full", hint="make room")
        return erase(self, *args, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(Vault, "erase", refusing)
    with pytest.raises(PartFailed, match="full"):
        desk.storage.erase(subject, OPERATOR)
    desk.look()
    assert desk.picture.live == frozenset()
    assert isinstance(desk.newest(), Fault)
    full.clear()
    desk.look()
    assert desk.newest() == Mended(Part.VAULT)
    assert desk.storage.subject(subject) == ()
    assert len(desk.picture.gallery) == 0


def test_the_calendar_travels_in_the_picture(desk: Desk) -> None:
    consent, _ = desk.enrol(ANN)
    assert desk.picture.expiries == ((desk.clock.wall() + DAY_S, consent),)


def test_expiries_are_told_in_their_order(desk: Desk) -> None:
    later, _ = desk.enrol(ANN, lasts_s=2 * DAY_S)
    sooner, _ = desk.enrol(BOB, lasts_s=DAY_S)
    assert [consent for _, consent in desk.picture.expiries] == [sooner, later]
    assert desk.picture.next_expiry(desk.clock.wall()) == desk.clock.wall() + DAY_S


def test_what_expired_leaves_the_picture_at_the_next_look(desk: Desk) -> None:
    desk.enrol(ANN)
    desk.clock.advance(DAY_S + 1)
    desk.look()
    assert desk.picture.live == frozenset()
    assert len(desk.picture.gallery) == 0
    assert desk.storage.report.references == 1


def test_who_was_hidden_by_a_calendar_that_fell_back_is_found_again(desk: Desk) -> None:
    consent, _ = desk.enrol(ANN)
    desk.clock.advance(-120)
    desk.look()
    assert desk.picture.live == frozenset()
    assert len(desk.picture.gallery) == 0
    desk.clock.advance(120)
    desk.look()
    assert desk.picture.live == {consent}
    assert len(desk.picture.gallery) == 1


def test_what_expired_long_ago_is_erased(desk: Desk) -> None:
    """`edge.core.retention`: after a day of boot clock past the expiry, whatever the calendar does."""
    _, subject = desk.enrol(ANN)
    for _ in range(60):
        desk.clock.advance(3600)
        desk.look()
    assert desk.storage.subject(subject) == ()
    assert desk.storage.report.references == 0


def test_a_card_is_known_by_its_hash_only(desk: Desk) -> None:
    assert desk.storage.add_card("04A1B2C3", "blue-7", OPERATOR) == 1
    desk.storage.card_shown("04a1b2c3")
    read = desk.until(lambda item: isinstance(item, CardRead))
    assert isinstance(read, CardRead)
    assert read.card is not None
    assert "04A1B2C3" not in read.card.upper()
    assert desk.storage.report.cards == 1


@pytest.mark.parametrize("number", ["", "9999", "' OR 1=1 --", "$(reboot)", "\ufffd", "4" * 1000])
def test_a_card_that_nobody_added_is_unknown_whatever_is_on_it(desk: Desk, number: str) -> None:
    desk.storage.card_shown(number)
    read = desk.until(lambda item: isinstance(item, CardRead))
    assert isinstance(read, CardRead)
    assert read.card is None


def test_a_removed_card_is_unknown_at_once(desk: Desk) -> None:
    desk.storage.add_card("04A1B2C3", "blue-7", OPERATOR)
    assert desk.storage.remove_card("blue-7", OPERATOR) == 0
    desk.storage.card_shown("04A1B2C3")
    read = desk.until(lambda item: isinstance(item, CardRead))
    assert isinstance(read, CardRead)
    assert read.card is None


def test_a_disk_that_hangs_holds_no_card(desk: Desk) -> None:
    desk.storage.add_card("04A1B2C3", "blue-7", OPERATOR)
    let_go, hanging = threading.Event(), threading.Event()

    def hang() -> None:
        hanging.set()
        let_go.wait(LOST_S)

    thread = threading.Thread(target=lambda: desk.storage._worker.ask(hang))
    thread.start()
    assert hanging.wait(LOST_S)
    desk.storage.card_shown("04A1B2C3")
    read = desk.until(lambda item: isinstance(item, CardRead))
    let_go.set()
    thread.join()
    assert isinstance(read, CardRead)
    assert read.card is not None


def test_a_vault_that_fails_takes_the_face_and_leaves_the_cards(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.storage.add_card("04A1B2C3", "blue-7", OPERATOR)
    desk.enrol(ANN)

    def dead(self: Vault) -> None:
        raise PartFailed("Input/output error on the disk", hint="replace it")

    monkeypatch.setattr(Vault, "sweep", dead)
    desk.look()
    fault = desk.until(lambda item: isinstance(item, Fault))
    assert fault == Fault(Part.VAULT, "Input/output error on the disk; the cards known so far go on")
    desk.storage.card_shown("04A1B2C3")
    read = desk.until(lambda item: isinstance(item, CardRead))
    assert isinstance(read, CardRead)
    assert read.card is not None


def test_a_vault_that_failed_is_opened_anew_and_heals(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.enrol(ANN)
    with monkeypatch.context() as broken:
        broken.setattr(Vault, "sweep", lambda self: (_ for _ in ()).throw(PartFailed("I/O", hint="")))
        desk.look()
    heals = sum(isinstance(item, Mended) for item in desk.items)
    desk.look()
    assert sum(isinstance(item, Mended) for item in desk.items) > heals
    assert len(desk.picture.gallery) == 1
    assert len(desk.vaults) >= 2


def test_a_damaged_vault_is_a_fault_with_a_reason_and_never_an_empty_vault(tmp_path: Path) -> None:
    def damaged(site: TestSite) -> Vault:
        raise PartFailed("the vault is damaged: chunk 3 does not open", hint="put the files back")

    desk = Desk(tmp_path, damaged)
    assert desk.items == [Fault(Part.VAULT, "the vault is damaged: chunk 3 does not open; cards are unknown too")]
    with pytest.raises(PartFailed, match="not open"):
        desk.storage.subjects("", 10)
    desk.storage.card_shown("04A1B2C3")
    read = desk.until(lambda item: isinstance(item, CardRead))
    assert isinstance(read, CardRead)
    assert read.card is None
    desk.close()


def test_our_own_mistake_is_a_fault_too_and_not_a_dead_thread(tmp_path: Path) -> None:
    def buggy(site: TestSite) -> Vault:
        raise ZeroDivisionError

    desk = Desk(tmp_path, buggy)
    assert desk.items == [Fault(Part.VAULT, "ZeroDivisionError in the vault; cards are unknown too")]
    with pytest.raises(EdgeError):
        desk.storage.card_labels()
    desk.close()


def test_references_of_another_model_are_held_and_never_compared(desk: Desk) -> None:
    _, _, document = desk.site.consent()

    def of_another_pack() -> None:
        vault = desk.vaults[-1]
        vault.enrol(document, [FACES[ANN]], model_sha256=OTHER_MODEL, operator=OPERATOR)
        desk.storage._reload(vault)

    desk.storage._worker.ask(of_another_pack)
    assert len(desk.picture.gallery) == 0
    assert desk.storage.report.references == 1
    pictures = sum(isinstance(item, Swap) for item in desk.items)
    desk.look()
    assert sum(isinstance(item, Swap) for item in desk.items) == pictures


def test_a_closed_storage_has_overwritten_its_templates(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.enrol(ANN)
    matrix = desk.picture.gallery._matrix
    assert matrix.any()
    desk.close()
    assert not np.any(matrix)


def test_what_was_enrolled_is_there_after_a_restart(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    consent, _ = desk.enrol(ANN)
    desk.storage.add_card("04A1B2C3", "blue-7", OPERATOR)
    desk.close()
    again = Desk(tmp_path, lambda site: desk.site.vault(tmp_path / "vault"))
    assert again.picture.live == {consent}
    assert again.storage.report.cards == 1
    again.close()
