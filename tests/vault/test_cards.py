"""Cards: let in by number, kept as keyed hashes, removed without a trace. And the journal of all changes."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import Refused
from edge.gate.vault import Vault, cards, journal
from edge.gate.vault.cards import CardRegister
from edge.gate.vault.table import Kind
from tests.consent.documents import consent
from tests.vault.world import OPERATOR, HandClock, cid, enrol, open_at, quick_folder

NUMBER = "0412345678"


def test_a_card_is_known_by_its_number(vault: Vault) -> None:
    card = vault.add_card(NUMBER, "blue", operator=OPERATOR)
    assert vault.card(NUMBER) == card
    assert vault.card("0412345679") is None
    assert vault.card("") is None
    assert vault.card_labels() == ("blue",)


def test_letters_of_a_number_count_without_case(vault: Vault) -> None:
    card = vault.add_card("04AABBcc", "blue", operator=OPERATOR)
    assert vault.card("04aabbCC") == card


def test_cards_outlast_a_restart(vault: Vault, folder: Path, clock: HandClock) -> None:
    card = vault.add_card(NUMBER, "blue", operator=OPERATOR)
    vault.close()
    vault = open_at(folder, clock)
    assert vault.card(NUMBER) == card
    vault.close()


def test_a_removed_card_is_not_known_any_more(vault: Vault, folder: Path, clock: HandClock) -> None:
    vault.add_card(NUMBER, "blue", operator=OPERATOR)
    vault.add_card("87654321", "red", operator=OPERATOR)
    vault.remove_card("blue", operator=OPERATOR)
    assert vault.card(NUMBER) is None
    vault.close()
    vault = open_at(folder, clock)
    assert vault.card(NUMBER) is None
    assert vault.card_labels() == ("red",)
    vault.close()


def test_a_number_and_a_label_are_there_once(vault: Vault) -> None:
    vault.add_card(NUMBER, "blue", operator=OPERATOR)
    with pytest.raises(Refused, match="already"):
        vault.add_card(NUMBER, "red", operator=OPERATOR)
    with pytest.raises(Refused, match="label"):
        vault.add_card("87654321", "blue", operator=OPERATOR)
    with pytest.raises(Refused, match="no card"):
        vault.remove_card("green", operator=OPERATOR)


@pytest.mark.parametrize("number", ["", "123", "1" * 65, "12 34", "12-34", "١٢٣٤", "1234'; DROP TABLE"])
def test_a_number_that_is_none_is_refused(vault: Vault, number: str) -> None:
    with pytest.raises(Refused, match="card number") as caught:
        vault.add_card(number, "blue", operator=OPERATOR)
    assert not number or number not in caught.value.message


@pytest.mark.parametrize(("label", "operator"), [("", OPERATOR), ("x" * 65, OPERATOR), ("blue", ""), ("blue", " ")])
def test_a_card_has_a_label_and_an_operator(vault: Vault, label: str, operator: str) -> None:
    with pytest.raises(Refused):
        vault.add_card(NUMBER, label, operator=operator)
    assert vault.card(NUMBER) is None


def test_no_file_holds_a_number_or_a_hash_that_can_be_recomputed(folder: Path, clock: HandClock) -> None:
    vault = open_at(folder, clock)
    card = vault.add_card(NUMBER, "blue", operator=OPERATOR)
    vault.close()
    for path in folder.iterdir():
        content = path.read_bytes()
        for trace in (NUMBER.encode(), card.encode(), bytes.fromhex(card), hashlib.sha256(NUMBER.encode()).digest()):
            assert trace not in content, path.name


def test_two_gates_hash_the_same_card_differently(clock: HandClock) -> None:
    hashes = set()
    for _ in range(2):
        with quick_folder() as root:
            vault = open_at(root / "vault", clock)
            hashes.add(vault.add_card(NUMBER, "blue", operator=OPERATOR))
            vault.close()
    assert len(hashes) == 2


def test_the_list_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "MAX_CARDS", 3)
    register = CardRegister.of(None)
    for number in range(3):
        register, _ = register.added(f"{number:08}", f"card {number}")
    with pytest.raises(Refused, match="limit of 3"):
        register.added("99999999", "one more")


@given(st.lists(st.tuples(st.sampled_from("1234"), st.sampled_from("abc"), st.booleans()), max_size=20))
def test_the_register_is_a_dictionary(changes: list[tuple[str, str, bool]]) -> None:
    register, known = CardRegister.of(None), dict[str, str]()
    for digit, label, add in changes:
        number = digit * 8
        try:
            if add:
                register, card = register.added(number, label)
                assert label not in known
                assert number not in known.values()
                known[label] = number
                assert register.find(number) == card
            else:
                register = register.removed(label)
                del known[label]
        except Refused:
            assert (label in known or number in known.values()) if add else label not in known
        assert register.labels() == tuple(sorted(known))
        assert {each * 8 for each in "1234" if register.find(each * 8)} == set(known.values())


# The journal --------------------------------------------------------------------------------
def test_every_change_is_noted_with_who_and_when(vault: Vault, clock: HandClock) -> None:
    enrol(vault, 1, probes=2)
    clock.pass_s(60)
    vault.suspend({cid(1)}, why="withdrawn")
    vault.erase({cid(1)}, why="withdrawn", operator="uid 7")
    vault.add_card(NUMBER, "blue", operator=OPERATOR)
    vault.remove_card("blue", operator=OPERATOR)
    noted = vault.journal()
    assert [entry.what for entry in noted] == ["enrolled", "suspended", "erased", "card added", "card removed"]
    assert [entry.operator for entry in noted] == [OPERATOR, "gate", "uid 7", OPERATOR, OPERATOR]
    assert noted[0].subject == consent(1).subject
    assert (noted[2].consents, noted[2].count, noted[2].references) == ((cid(1),), 1, 2)
    assert noted[1].at - noted[0].at == 60
    assert noted[3].card == "blue"


def test_the_journal_names_nobody_and_no_number(vault: Vault) -> None:
    vault.add_card(NUMBER, "blue", operator=OPERATOR)
    enrol(vault, 1)
    assert NUMBER not in repr(vault.journal())


def test_the_journal_is_bounded_and_the_oldest_goes(
    vault: Vault, folder: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "ENTRIES_A_CHUNK", 4)
    monkeypatch.setattr(journal, "JOURNAL_CHUNKS", 3)
    for number in range(1, 22):
        enrol(vault, number)
        if number % 5 == 0:
            vault.close()
            vault = open_at(folder, clock)
    kept = vault.journal()
    assert 8 < len(kept) <= 12
    assert [entry.consents[0] for entry in kept] == [cid(number) for number in range(22 - len(kept), 22)]
    numbers = vault._store.chunks(Kind.JOURNAL)
    assert len(numbers) == 3
    assert all(later == earlier + 1 for earlier, later in itertools.pairwise(numbers))
    vault.close()
