"""The site's authority on the admin's workstation (`edge.site`). scrypt is slow on purpose: one site for all tests."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.consent import ConsentInvalid, verify
from edge.core.consent import ACCESS, Consent, Mode
from edge.core.values import SubjectId
from edge.errors import ConfigError, InputError, PartFailed, Refused
from edge.site import Authority, Terms, files, found_site, ledger
from edge.site.issuer_key import open_key
from tests.consent.documents import NOW, YEAR_S

PASSPHRASE = "a long walk by the lake"


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authority, Ed25519PrivateKey, Path]:
    folder = tmp_path_factory.mktemp("site") / "garden-court"
    authority = found_site(folder, "garden-court", PASSPHRASE)
    return authority, authority.unlock(PASSPHRASE), folder


def terms(**changed: Any) -> Terms:
    fields: dict[str, Any] = {
        "gates": ("north",),
        "purposes": (ACCESS,),
        "modes": (Mode.IDENTIFY,),
        "not_before": NOW,
        "expires": NOW + YEAR_S,
    }
    return Terms(**fields | changed)


Founded = tuple[Authority, Ed25519PrivateKey, Path]


def test_what_the_site_issues_verifies_under_its_public_key(founded: Founded) -> None:
    authority, key, _ = founded
    issued = authority.issue(key, terms(gates=("north", "east", "north")), NOW)
    assert verify(issued.path.read_bytes(), [authority.issuer]) == issued.consent
    assert issued.consent.gates == ("east", "north")
    assert issued.document == issued.path.read_bytes()


def test_every_consent_has_its_own_id_index_and_subject(founded: Founded) -> None:
    authority, key, _ = founded
    issued = [authority.issue(key, terms(), NOW).consent for _ in range(20)]
    assert len({each.consent for each in issued}) == len({each.index for each in issued}) == 20
    assert len({each.subject for each in issued}) == 20


def test_a_second_consent_of_a_known_subject_keeps_the_pseudonym(founded: Founded) -> None:
    authority, key, _ = founded
    first = authority.issue(key, terms(), NOW).consent
    second = authority.issue(key, terms(subject=first.subject), NOW).consent
    assert second.subject == first.subject
    assert second.consent != first.consent
    with pytest.raises(Refused, match="not known"):
        authority.issue(key, terms(subject=SubjectId("0" * 32)), NOW)


def test_a_minor_needs_a_guardian(founded: Founded) -> None:
    authority, key, _ = founded
    with pytest.raises(Refused, match="guardian"):
        authority.issue(key, terms(minor=True), NOW)
    assert authority.issue(key, terms(minor=True, guardian="file-17"), NOW).consent.guardian == "file-17"


@pytest.mark.parametrize(
    "changed", [{"expires": NOW}, {"gates": ()}, {"gates": ("a b",)}, {"expires": NOW + 4 * YEAR_S}]
)
def test_impossible_terms_are_not_signed(founded: Founded, changed: dict[str, Any]) -> None:
    authority, key, folder = founded
    before = set((folder / "consents").iterdir())
    with pytest.raises(ConsentInvalid) as caught:
        authority.issue(key, terms(**changed), NOW)
    assert "terms" in caught.value.hint
    assert set((folder / "consents").iterdir()) == before


def test_a_consent_names_the_notice_that_was_shown(founded: Founded, tmp_path: Path) -> None:
    authority, key, folder = founded
    shown = tmp_path / "notice.txt"
    shown.write_text("another text")
    assert (
        authority.issue(key, terms(notice=shown), NOW).consent.notice
        != authority.issue(key, terms(), NOW).consent.notice
    )
    with pytest.raises(InputError, match="notice"):
        authority.issue(key, terms(notice=folder / "none.md"), NOW)


def test_a_wrong_passphrase_and_a_damaged_key_are_told_apart(founded: Founded) -> None:
    authority, _, folder = founded
    with pytest.raises(Refused, match="passphrase"):
        authority.unlock("another passphrase")
    sealed = json.loads((folder / "issuer.key").read_bytes())
    for field, value in (("n", 2), ("salt", ""), ("kdf", "none")):
        weak = sealed | {"header": sealed["header"] | {field: value}}
        with pytest.raises(InputError, match="damaged"):
            open_key(json.dumps(weak).encode(), "garden-court", PASSPHRASE)
    with pytest.raises(InputError, match="site"):
        open_key(json.dumps(sealed).encode(), "other-court", PASSPHRASE)


def test_a_key_file_whose_header_was_edited_does_not_open(founded: Founded) -> None:
    sealed = json.loads((founded[2] / "issuer.key").read_bytes())
    sealed["header"]["public"] = "0" * 64
    with pytest.raises(Refused):
        open_key(json.dumps(sealed).encode(), "garden-court", PASSPHRASE)


def test_no_secret_is_readable_by_others_or_in_the_clear(founded: Founded) -> None:
    _, key, folder = founded
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name
            content = path.read_bytes()
            assert key.private_bytes_raw() not in content
            assert key.private_bytes_raw().hex().encode() not in content


@pytest.mark.parametrize("passphrase", ["", " ", "        ", "short", "x" * 1025])
def test_a_passphrase_that_is_none_is_refused(tmp_path: Path, passphrase: str) -> None:
    with pytest.raises(Refused, match="passphrase"):
        found_site(tmp_path / "site", "garden-court", passphrase)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("site", ["", "a b", "../x", "x" * 65])
def test_a_name_that_is_none_is_refused(tmp_path: Path, site: str) -> None:
    with pytest.raises(ConfigError):
        found_site(tmp_path / "site", site, PASSPHRASE)


def test_a_site_is_never_founded_over_something(founded: Founded, tmp_path: Path) -> None:
    for folder in (founded[2], tmp_path):
        (tmp_path / "something").touch()
        with pytest.raises(Refused, match="already"):
            found_site(folder, "garden-court", PASSPHRASE)


def test_a_crash_while_founding_is_cleared_away_by_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger.Ledger, "create", crash)
    with pytest.raises(KeyboardInterrupt):
        found_site(tmp_path / "site", "garden-court", PASSPHRASE)
    assert not (tmp_path / "site").exists()
    monkeypatch.undo()
    assert found_site(tmp_path / "site", "garden-court", PASSPHRASE).site == "garden-court"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_an_id_is_reserved_before_anything_is_signed(founded: Founded, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, key, folder = founded
    taken: list[Consent] = []

    def crash(consent: Consent, _: Ed25519PrivateKey) -> bytes:
        taken.append(consent)
        raise KeyboardInterrupt

    monkeypatch.setattr("edge.site.authority.sign", crash)
    with pytest.raises(KeyboardInterrupt):
        authority.issue(key, terms(), NOW)
    monkeypatch.undo()
    assert taken[0].index in {index for index, in_use in indices(folder).items() if in_use == taken[0].consent}


def indices(folder: Path) -> dict[int, str]:
    with contextlib.closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        return {number: consent for consent, number in db.execute("SELECT consent, number FROM issued")}


def test_the_last_free_indices_are_found(founded: Founded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ledger, "STATUS_LIST_SIZE", 12)
    ledger.Ledger.create(tmp_path / "ledger")
    numbers = [ledger.Ledger(tmp_path / "ledger").reserve(None, NOW)[1] for _ in range(12)]
    assert sorted(numbers) == list(range(12))
    assert numbers != sorted(numbers)


def test_a_site_that_has_used_up_its_list_issues_no_more(founded: Founded, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, key, folder = founded
    monkeypatch.setattr(ledger, "STATUS_LIST_SIZE", len(indices(folder)))
    with pytest.raises(Refused, match="issued all"):
        authority.issue(key, terms(), NOW)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    files.write_whole(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PartFailed, match="No space left"):
        files.write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_folder_without_a_site_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"site\.json"):
        Authority(tmp_path)
    (tmp_path / "site.json").write_text("{}")
    with pytest.raises(InputError, match="damaged"):
        Authority(tmp_path)


def test_nothing_secret_shows_itself(founded: Founded) -> None:
    authority, key, _ = founded
    issued = authority.issue(key, terms(), NOW)
    assert "payload" not in repr(issued)
