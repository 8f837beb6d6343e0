"""No consent, no template: what enrols, what does not, and what becomes of references whose consent is no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.consent import ConsentEdited, ConsentInvalid, ConsentRefused, IssuerUnknown, sign
from edge.core.consent import MAX_CONSENT_BYTES, MAX_PROBES, Mode, Reason
from edge.core.quantise import quantise
from edge.errors import EdgeError, InputError, Refused
from edge.gate.vault import Held, Standing, Vault
from edge.gate.vault import vault as vault_module
from edge.gate.vault.change import Change
from edge.gate.vault.papers import encode
from edge.gate.vault.references import REFERENCES_A_CHUNK
from edge.gate.vault.table import ChunkId, Kind
from tests.consent.documents import ISSUER, NOW, STRANGER, YEAR_S, consent, public
from tests.vault.world import (
    DIMENSIONS,
    MODEL,
    OPERATOR,
    OTHER_MODEL,
    HandClock,
    cid,
    embedding,
    enrol,
    open_at,
    signed,
    templates,
)


def test_an_enrolment_makes_one_reference_of_each_probe(vault: Vault, clock: HandClock) -> None:
    made = vault.enrol(
        signed(1), [embedding(1), embedding(2)], model_sha256=MODEL, operator=OPERATOR, qualities=[0.5, 1.0]
    )
    assert (made.consent, made.subject, made.references) == (cid(1), consent(1).subject, 2)
    assert made.expires == NOW + YEAR_S
    for reference, number in zip(vault.references(), (1, 2), strict=True):
        assert reference.vector.tolist() == quantise(embedding(number)).vector.tolist()
        assert reference.scale == quantise(embedding(number)).scale
        assert (reference.consent, reference.model_sha256) == (cid(1), MODEL)
    assert vault.live(clock.wall()) == {cid(1)}


def test_what_was_enrolled_is_there_after_a_restart(vault: Vault, folder: Path, clock: HandClock) -> None:
    for number in range(1, 4):
        enrol(vault, number, probes=number)
    before = [(reference.consent, reference.vector.tolist()) for reference in vault.references()]
    vault.close()
    vault = open_at(folder, clock)
    assert [(reference.consent, reference.vector.tolist()) for reference in vault.references()] == before
    assert vault.live(clock.wall()) == {cid(1), cid(2), cid(3)}
    vault.close()


REFUSED: dict[str, tuple[dict[str, Any], Reason]] = {
    "for another site": ({"site": "other-court"}, Reason.OTHER_SITE),
    "for another gate": ({"gates": ("south",)}, Reason.OTHER_GATE),
    "for another purpose": ({"purposes": ("statistics",)}, Reason.WRONG_PURPOSE),
    "for another mode": ({"modes": (Mode.VERIFY,)}, Reason.WRONG_MODE),
    "of a minor without a guardian": ({"minor": True}, Reason.NO_GUARDIAN),
    "that is not yet valid": ({"not_before": NOW + 1}, Reason.NOT_YET_VALID),
    "that has expired": ({"expires": NOW}, Reason.EXPIRED),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_consent_never_enrols(vault: Vault, what: str) -> None:
    changed, reason = REFUSED[what]
    with pytest.raises(ConsentRefused, match=reason.value) as caught:
        enrol(vault, 1, **changed)
    assert caught.value.reason is reason
    assert caught.value.hint
    nothing_is_held(vault)


DOCUMENTS: dict[str, tuple[bytes, type[EdgeError]]] = {
    "edited": (signed(1)[:-40] + b"A" + signed(1)[-39:], ConsentEdited),
    "of a stranger": (sign(consent(1), STRANGER), IssuerUnknown),
    "truncated": (signed(1)[:-1], ConsentInvalid),
    "too large": (b" " * (MAX_CONSENT_BYTES + 1), ConsentInvalid),
    "empty": (b"", ConsentInvalid),
    "something else": (b"\x89PNG\r\n", ConsentInvalid),
}


@pytest.mark.parametrize("what", DOCUMENTS)
def test_a_document_never_enrols(vault: Vault, what: str) -> None:
    document, error = DOCUMENTS[what]
    with pytest.raises(error):
        vault.enrol(document, [embedding(1)], model_sha256=MODEL, operator=OPERATOR)
    nothing_is_held(vault)


def test_a_consent_enrols_once(vault: Vault, folder: Path, clock: HandClock) -> None:
    enrol(vault, 1)
    for _ in range(2):
        with pytest.raises(ConsentRefused, match="enrolled here before"):
            enrol(vault, 1)
        assert templates(vault) == {cid(1): 1}
        vault.close()
        vault = open_at(folder, clock)
    vault.close()


def test_a_second_consent_of_the_same_subject_enrols(vault: Vault) -> None:
    enrol(vault, 1)
    enrol(vault, 2, subject=consent(1).subject)
    assert [row.consent for row in vault.subject(consent(1).subject)] == [cid(1), cid(2)]


@pytest.mark.parametrize("operator", ["", " ", "\t"])
def test_nobody_enrols_without_an_operator(vault: Vault, operator: str) -> None:
    with pytest.raises(ConsentRefused) as caught:
        vault.enrol(signed(1), [embedding(1)], model_sha256=MODEL, operator=operator)
    assert caught.value.reason is Reason.NO_OPERATOR
    nothing_is_held(vault)


@pytest.mark.parametrize("probes", [0, MAX_PROBES + 1])
def test_an_enrolment_has_a_bounded_number_of_probes(vault: Vault, probes: int) -> None:
    with pytest.raises(ConsentRefused):
        enrol(vault, 1, probes=probes)
    nothing_is_held(vault)


BAD: dict[str, Callable[[], Any]] = {
    "not a number": lambda: np.full(DIMENSIONS, np.nan, np.float32),
    "infinite": lambda: np.full(DIMENSIONS, np.inf, np.float32),
    "all zero": lambda: np.zeros(DIMENSIONS, np.float32),
    "too small": lambda: embedding(1, 15),
    "too large": lambda: embedding(1, 1025),
    "of another size": lambda: embedding(1, DIMENSIONS * 2),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_probe_spoils_the_whole_enrolment(vault: Vault, what: str) -> None:
    enrol(vault, 7)
    with pytest.raises(InputError):
        vault.enrol(signed(1), [embedding(2), BAD[what]()], model_sha256=MODEL, operator=OPERATOR)
    assert templates(vault) == {cid(7): 1}
    enrol(vault, 1)


def test_a_model_has_one_size_and_another_model_may_have_another(vault: Vault) -> None:
    enrol(vault, 1)
    with pytest.raises(InputError, match="sizes"):
        vault.enrol(signed(2), [embedding(2, 64)], model_sha256=MODEL, operator=OPERATOR)
    vault.enrol(signed(2), [embedding(2, 64)], model_sha256=OTHER_MODEL, operator=OPERATOR)
    assert vault.matrix(MODEL)[0].shape == (1, DIMENSIONS)
    assert vault.matrix(OTHER_MODEL)[0].shape == (1, 64)


@pytest.mark.parametrize("model", ["", "x" * 64, "AB" * 32, "ab" * 31])
def test_a_digest_that_is_none_is_refused(vault: Vault, model: str) -> None:
    with pytest.raises(InputError, match="SHA-256"):
        enrol(vault, 1, model=model)


@pytest.mark.parametrize("qualities", [[], [0.5, 0.5], [float("nan")], [-0.1], [1.1]])
def test_qualities_that_cannot_be_are_refused(vault: Vault, qualities: list[float]) -> None:
    with pytest.raises(InputError, match="qualit"):
        vault.enrol(signed(1), [embedding(1)], model_sha256=MODEL, operator=OPERATOR, qualities=qualities)
    nothing_is_held(vault)


def test_a_full_vault_says_so(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_module, "MAX_REFERENCES", 2)
    enrol(vault, 1, probes=2)
    with pytest.raises(Refused, match="limit of 2"):
        enrol(vault, 2)


def nothing_is_held(vault: Vault) -> None:
    assert templates(vault) == {}
    assert vault.subjects("", 10).rows == ()
    assert vault.journal() == ()


# Chunks -------------------------------------------------------------------------------------
def test_chunks_fill_up_and_holes_are_used_again(folder: Path, clock: HandClock) -> None:
    vault = open_at(folder, clock)
    people = REFERENCES_A_CHUNK // MAX_PROBES + 2
    for number in range(1, people + 1):
        enrol(vault, number, probes=MAX_PROBES)
    assert vault._store.chunks(Kind.REFERENCES) == [0, 1]
    vault.erase({cid(1), cid(2)}, why="withdrawn")
    enrol(vault, 1000, probes=MAX_PROBES)
    assert vault._store.chunks(Kind.REFERENCES) == [0, 1]
    vault.erase({cid(people), cid(people - 1)}, why="withdrawn")
    assert vault._store.chunks(Kind.REFERENCES) == [0]
    held = templates(vault)
    vault.close()
    vault = open_at(folder, clock)
    assert templates(vault) == held
    assert set(held) == {cid(number) for number in range(3, people - 1)} | {cid(1000)}
    vault.close()


def test_the_matrix_and_its_owners_stand_in_the_same_order(vault: Vault) -> None:
    for number in range(1, 8):
        enrol(vault, number, probes=1 + number % 3, model=MODEL if number % 2 else OTHER_MODEL)
    vault.erase({cid(3)}, why="withdrawn")
    for model in (MODEL, OTHER_MODEL):
        matrix, owners = vault.matrix(model)
        assert matrix.flags.c_contiguous
        assert matrix.flags.writeable
        assert len(matrix) == len(owners) == len(owners[:]) == len(list(owners))
        expected = {cid(n): [quantise(embedding(n * 100 + k)).vector.tolist() for k in range(3)] for n in range(1, 8)}
        for row, owner in zip(matrix, owners, strict=True):
            assert row.tolist() in expected[owner.consent]
            assert owner.subject == consent(int(owner.consent, 16)).subject
        assert owners[-1] == owners[len(owners) - 1]
        with pytest.raises(IndexError):
            owners[len(owners)]


def test_each_reader_gets_a_matrix_of_its_own(vault: Vault, folder: Path, clock: HandClock) -> None:
    enrol(vault, 1)
    vault.close()
    vault = open_at(folder, clock)
    first, _ = vault.matrix(MODEL)
    kept = first.copy()
    first.fill(0)
    assert (vault.matrix(MODEL)[0] == kept).all()
    assert vault.matrix("00" * 32)[0].shape == (0, 0)
    vault.close()


def test_what_nobody_took_is_overwritten(folder: Path, clock: HandClock) -> None:
    vault = open_at(folder, clock)
    enrol(vault, 1)
    vault.close()
    for end in (Vault.close, lambda vault: vault.suspend({cid(8)}, why="withdrawn")):
        vault = open_at(folder, clock)
        fresh = vault._book._fresh[MODEL]
        assert fresh.any()
        end(vault)
        assert not fresh.any()
        vault.close()


# Pages --------------------------------------------------------------------------------------
def test_subjects_come_in_pages(vault: Vault, clock: HandClock) -> None:
    for number in range(1, 8):
        enrol(vault, number, probes=number % 2 + 1)
    after = ""
    seen: list[Held] = []
    while True:
        page = vault.subjects(after, 3)
        seen += page.rows
        if not page.more:
            break
        assert len(page.rows) == 3
        after = page.rows[-1].consent
    assert [row.consent for row in seen] == sorted(cid(number) for number in range(1, 8))
    assert {row.consent: row.references for row in seen} == templates(vault)
    assert {row.standing for row in seen} == {Standing.LIVE}
    assert {row.enrolled for row in seen} == {clock.wall()}
    assert vault.subjects("zzz", 3).rows == ()


@pytest.mark.parametrize("subject", ["", "x", "f" * 32, "F" * 32, "' OR 1=1 --"])
def test_an_unknown_subject_has_nothing(vault: Vault, subject: Any) -> None:
    enrol(vault, 1)
    assert vault.subject(subject) == ()


# A consent that cannot be verified again -----------------------------------------------------
def test_a_reference_that_somebody_with_the_keys_wrote_is_erased(vault: Vault, folder: Path, clock: HandClock) -> None:
    """Threat 14: the vault is sound, the keys are right, and nobody consented."""
    enrol(vault, 1)
    enrol(vault, 2)
    forged = {cid(1): signed(1), cid(2): signed(3)}  # a genuine consent, of somebody else
    change = Change(vault._book.roll, {ChunkId(Kind.CONSENTS, 0): encode(forged)})
    vault._book.commit(change, None)
    vault.close()
    vault = open_at(folder, clock)
    assert vault.live(clock.wall()) == {cid(1)}
    assert templates(vault) == {cid(1): 1}
    assert vault.journal()[-1].why == "no verifiable consent"
    vault.close()


PAPERS = {
    "missing": {cid(1): signed(1)},
    "edited": {cid(1): signed(1), cid(2): signed(2)[:-40] + b"A" + signed(2)[-39:]},
    "for another site": {cid(1): signed(1), cid(2): signed(2, site="other-court")},
    "for another gate": {cid(1): signed(1), cid(2): signed(2, gates=("south",))},
    "of another subject": {cid(1): signed(1), cid(2): signed(2, subject=consent(3).subject)},
    "of another consent": {cid(1): signed(1), cid(2): signed(3, subject=consent(2).subject)},
    "beginning earlier": {cid(1): signed(1), cid(2): signed(2, not_before=NOW - 61)},
    "ending later": {cid(1): signed(1), cid(2): signed(2, expires=NOW + YEAR_S + 1)},
}


@pytest.mark.parametrize("what", PAPERS)
def test_papers_that_say_something_else_end_a_reference(
    vault: Vault, folder: Path, clock: HandClock, what: str
) -> None:
    enrol(vault, 1)
    enrol(vault, 2)
    vault._book.commit(Change(vault._book.roll, {ChunkId(Kind.CONSENTS, 0): encode(PAPERS[what])}), None)
    vault.close()
    vault = open_at(folder, clock)
    assert templates(vault) == {cid(1): 1}
    vault.close()


def test_losing_trust_in_an_issuer_suspends_and_does_not_erase(vault: Vault, folder: Path, clock: HandClock) -> None:
    enrol(vault, 1)
    vault.close()
    vault = open_at(folder, clock, issuers=[public(STRANGER)])
    assert vault.live(clock.wall()) == frozenset()
    assert vault.subjects("", 1).rows[0].standing is Standing.UNVERIFIED
    vault.sweep()
    vault.close()
    vault = open_at(folder, clock, issuers=[public(STRANGER), public(ISSUER)])
    assert vault.live(clock.wall()) == {cid(1)}
    vault.close()


def test_signatures_are_verified_in_portions_and_nobody_is_live_before(
    vault: Vault, folder: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 151):
        enrol(vault, number)
    vault.close()
    monkeypatch.setattr(vault_module, "VOUCH_AT_A_TIME", 64)
    vault = open_at(folder, clock)
    seen = [len(vault.live(clock.wall()))]
    for _ in range(3):
        vault.sweep()
        seen.append(len(vault.live(clock.wall())))
    assert seen == [64, 128, 150, 150]
    assert len(vault.matrix(MODEL)[0]) == 150
    vault.close()
