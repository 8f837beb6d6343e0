"""`edge-gate check`, and how other commands speak of a configuration with mistakes."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run
from tests.config.test_load import TEN
from tests.config.texts import EXAMPLE


def test_a_faultless_file(edge_gate: Run, config: Path) -> None:
    ended = edge_gate("check", config)
    assert (ended.code, ended.out) == (0, f"{config}: no mistake\n")
    assert edge_gate("check", config, "--json").json == {"config": str(config), "ok": True, "mistakes": []}


def test_the_example_checks_clean(edge_gate: Run) -> None:
    assert edge_gate("check", EXAMPLE).code == 0


def test_ten_mistakes_are_ten_rows_with_line_and_suggestion(edge_gate: Run, config: Path) -> None:
    config.write_text(TEN)
    ended = edge_gate("check", config, "--json")
    assert ended.code == 3
    assert not ended.json["ok"]
    assert len(ended.json["mistakes"]) == 10
    for mistake in ended.json["mistakes"]:
        assert set(mistake) == {"line", "key", "message", "suggestion"}
        assert mistake["suggestion"]
    drawn = edge_gate("check", config)
    assert drawn.code == 3
    assert drawn.err == ""
    assert "10 to mend" in drawn.out
    for mistake in ended.json["mistakes"]:
        assert mistake["key"] in drawn.out


def test_without_a_name_the_usual_places_are_searched(edge_gate: Run, config: Path, monkeypatch: object) -> None:
    import os  # noqa: PLC0415

    here = Path.cwd()
    os.chdir(config.parent)
    try:
        assert edge_gate("check").code == 0
    finally:
        os.chdir(here)


def test_other_commands_list_the_mistakes_before_their_two_lines(edge_gate: Run, config: Path) -> None:
    config.write_text(TEN)
    ended = edge_gate("status", "--config", config)
    assert (ended.code, ended.out) == (3, "")
    *mistakes, error, hint = ended.err.splitlines()
    assert len(mistakes) == 10
    assert mistakes[0].startswith("line 2: site.id: ")
    assert error == f"edge-gate: error: {config} has 10 mistakes"
    assert hint.startswith("hint: ")
    said = edge_gate("status", "--config", config, "--json").json
    assert len(said["mistakes"]) == 10
    assert said["exit_code"] == 3


def test_a_file_that_cannot_be_read(edge_gate: Run, tmp_path: Path) -> None:
    ended = edge_gate("check", tmp_path / "missing.toml")
    assert ended.code == 3
    assert "missing.toml cannot be read: No such file or directory" in ended.err
