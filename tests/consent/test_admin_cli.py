"""`edge-gate admin`, as somebody types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.cli.main import invoke
from edge.consent import verify


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("admin")
    (folder / "passphrase").write_text("a long walk by the lake\n")
    assert run(folder, "init", "garden-court", "--folder", folder / "site") == 0
    return folder


def run(folder: Path, *words: object) -> int:
    """Run `edge-gate admin …` with the passphrase file where one is needed."""
    secret = () if "show" in words else ("--passphrase-file", str(folder / "passphrase"))
    return invoke(["admin", *map(str, words), *secret, "--json"])


def issue(site: Path, *more: object) -> int:
    return run(site, "consent", "issue", "--folder", site / "site", "--gate", "north", *more)


def test_the_document_that_was_issued_verifies_and_is_shown(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    out = site / "consent.json"
    assert issue(site, "--expires", "365d", "--purpose", "access", "--out", out) == 0
    said = json.loads(capsys.readouterr().out)
    issuer = json.loads((site / "site" / "site.json").read_bytes())["issuer"]
    consent = verify(out.read_bytes(), [issuer])
    assert said["consent"] == consent.consent
    assert said["file"] == str(out)
    assert run(site, "consent", "show", out, "--folder", site / "site") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["verified"] is True
    assert shown["content"]["gates"] == ["north"]


def test_a_document_of_another_site_is_shown_and_not_called_good(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vector = Path(__file__).parents[1] / "vectors" / "consent" / "plain.txt"
    foreign = site / "foreign.json"
    foreign.write_bytes(bytes.fromhex(vector.read_text().partition("\n\n")[2]))
    capsys.readouterr()
    assert run(site, "consent", "show", foreign, "--folder", site / "site") == 0
    assert json.loads(capsys.readouterr().out)["verified"] is False
    assert run(site, "consent", "show", foreign) == 0
    assert json.loads(capsys.readouterr().out)["verified"] is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--expires", "never"], 3),
        (["--expires", "2027-13-01"], 3),
        (["--expires", "2020-01-01"], 4),
        (["--expires", "365d", "--minor"], 5),
        (["--expires", "365d", "--subject", "0" * 32], 5),
        (["--expires", "365d", "--notice", "/nowhere"], 4),
        (["--expires", "365d", "--mode", "everything"], 2),
        ([], 2),
    ],
)
def test_what_cannot_be_issued_ends_with_its_exit_code(
    site: Path, words: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert issue(site, *words) == code
    assert "Traceback" not in capsys.readouterr().err


def test_a_date_ends_the_consent_at_midnight_utc(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert issue(site, "--expires", "2027-06-30", "--not-before", "2027-01-01", "--minor", "--guardian", "file-17") == 0
    assert json.loads(capsys.readouterr().out)["expires"] == 1_814_313_600


def test_without_a_terminal_the_passphrase_comes_from_a_file_or_not_at_all(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGE_GATE_PASSPHRASE", "a long walk by the lake")
    words = ["admin", "consent", "issue", "--folder", str(site / "site"), "--gate", "north", "--expires", "365d"]
    assert invoke(words) == 3
    assert "--passphrase-file" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "\n", "wrong passphrase\n"])
def test_a_wrong_or_empty_passphrase_is_refused(site: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "passphrase").write_text(content)
    words = ["consent", "issue", "--folder", site / "site", "--gate", "north", "--expires", "365d"]
    assert run(tmp_path, *words) == 5


def test_noise_is_no_consent_document(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(site, "consent", "show", site / "passphrase") == 4
    assert run(site, "consent", "show", site / "nothing") == 4
