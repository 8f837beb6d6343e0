"""One file, every mistake, and only a faultless file becomes a configuration."""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config.fields import sections
from edge.config.load import MAX_CONFIG_BYTES, _wrong, check, find, load
from edge.config.mistakes import MAX_MISTAKES, ConfigMistakes, Mistake
from edge.config.syntax import parse
from edge.errors import ConfigError
from tests.config.texts import DESK, EXAMPLE, LANE, with_setting

HERE = Path("/etc/edge-gate")


def mistakes(text: str) -> tuple[Mistake, ...]:
    config, found = check(text, HERE)
    assert (config is None) == bool(found)
    return found


def only(text: str) -> Mistake:
    found = mistakes(text)
    assert len(found) == 1, found
    return found[0]


# What stands --------------------------------------------------------------------------------
@pytest.mark.parametrize("text", [DESK, LANE, EXAMPLE.read_text(encoding="utf-8")], ids=["desk", "lane", "example"])
def test_a_faultless_file_has_no_mistake(text: str) -> None:
    assert mistakes(text) == ()


def test_the_example_shows_every_setting() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for section in sections().values():
        assert f"[{section.name}]" in text
        for name in section.fields:
            written = f"\n{name} = " in text or f"\n# {name} = " in text
            assert written or name == "threshold", f"{section.name}.{name}"


def test_what_the_example_comments_out_stands_at_its_default() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    shown = tomllib.loads(re.sub(r"^# (?=[a-z_]+ = )", "", text, flags=re.MULTILINE))
    written = tomllib.loads(text)
    for section in sections().values():
        for name in shown[section.name].keys() - written.get(section.name, {}).keys():
            default = section.fields[name].default
            default = list(default) if isinstance(default, tuple) else default
            assert shown[section.name][name] == ("none" if default is None else default), section.fields[name].key


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "gate.toml").write_text(DESK)
    monkeypatch.chdir("/")
    config = load(tmp_path / "etc" / "gate.toml")
    assert config.paths.state == tmp_path / "etc" / "state"
    assert config.camera.device == str(tmp_path / "etc" / "faces")
    assert config.admin_socket == tmp_path / "etc" / "run" / "admin.sock"


def test_a_device_number_is_no_path() -> None:
    config, _ = check(LANE, HERE)
    assert config is not None
    assert config.camera.device == "0"


def test_an_optional_line_may_be_none() -> None:
    text = with_setting(with_setting(DESK, "pins.presence", '"none"'), "pins.button", "5")
    config, _ = check(text, HERE)
    assert config is not None
    assert (config.pins.presence, config.pins.button) == (None, 5)


# Every mistake at once ----------------------------------------------------------------------
TEN = """\
[site]
id = "north gate"
issuers = []
kind = "flat"

[gate]
id = "g1"
commissioned = maybe
colour = "red"

[paths]
state = "state"
runtime = "run"

[camera]
kind = "v4l"
wdith = 640
fps = 500

[pins]
kind = "sim"

[cards]
kind = "none"

[lane]
attempt_s = "6"
"""


def test_ten_mistakes_are_ten_findings_in_the_order_of_their_lines() -> None:
    found = mistakes(TEN)
    assert [(m.line, m.key) for m in found] == [
        (2, "site.id"),
        (3, "site.issuers"),
        (4, "site.kind"),
        (8, ""),
        (9, "gate.colour"),
        (16, "camera.kind"),
        (17, "camera.wdith"),
        (18, "camera.fps"),
        (24, "cards.kind"),
        (27, "lane.attempt_s"),
    ]
    assert all(m.suggestion for m in found)


def test_mending_them_one_by_one_shows_one_less_each_time() -> None:
    mended = {
        2: 'id = "north"',
        3: f"issuers = {['0' * 64]}",
        4: 'kind = "compound"',
        8: "commissioned = false",
        9: "",
        16: 'kind = "v4l2"\ndevice = "0"',
        17: "",
        18: "fps = 50",
        24: 'kind = "line"',
        27: "attempt_s = 6",
    }
    lines, left = TEN.splitlines(), len(mended)
    for number, line in mended.items():
        lines[number - 1] = line.replace("'", '"')
        left -= 1
        assert len(mistakes("\n".join(lines))) == left


@pytest.mark.parametrize(
    ("key", "value", "message", "suggestion"),
    [
        ("camera.kind", '"v4l"', "is not one of", 'did you mean "v4l2"?'),
        ("camera.width", '"640"', "is not a whole number from 160 to 4096", "without quotes"),
        ("camera.width", "12", "12 is not a whole number", "the default is 640"),
        ("camera.width", "640.0", "is not a whole number", "640"),
        ("camera.zone", "[0.1, 0.2]", "is not a list of 4", "default"),
        ("camera.zone", '[0.1, 0.2, 0.3, "x"]', "is not a list of 4", "default"),
        ("lane.release_s", "nan", "nan is not a number from 0.5 to 15", "the default is 5.0"),
        ("lane.release_s", "inf", "inf is not a number", "the default is 5.0"),
        ("lane.release_s", "-1", "-1 is not a number", "the default is 5.0"),
        ("lane.release_s", "true", "true is not a number", "the default is 5.0"),
        ("gate.commissioned", '"true"', "is not true or false", "without quotes"),
        ("gate.commissioned", "1", "1 is not true or false", "the default is false"),
        ("gate.id", '"a b"', "is not a name", 'for example id = "north-gate"'),
        ("gate.id", '"../x"', "is not a name", "for example"),
        ("gate.id", '""', "is not a name", "for example"),
        ("site.issuers", '["zz"]', "is not a list of 1 to 16", "hexadecimal"),
        ("site.issuers", '"zz"', "is not a list of 1 to 16", "hexadecimal"),
        ("site.kind", '"flat"', "no private space", "compound"),
        ("paths.state", "3", "is not a path", "write a path"),
        ("paths.state", '""', "is not a path", "write a path"),
        ("paths.state", '"a\\u0000b"', "is not a path", "write a path"),
        ("recognition.fmr", "1e-4", 'is not one of "1e-3", "1e-4", "1e-5"', "1e-4"),
        ("recognition.threshold", '"high"', "is not a number from -1 to 1", "write a number"),
        ("gate.id", "1979-05-27", "is not a name", "for example"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_right(key: str, value: str, message: str, suggestion: str) -> None:
    found = only(with_setting(DESK, key, value))
    assert found.key == key
    assert message in found.message
    assert suggestion in found.suggestion
    section = with_setting(DESK, key, value).splitlines()
    assert found.line is not None
    assert section[found.line - 1].startswith(key.split(".")[1])


def test_unknown_names_get_the_nearest_known_one() -> None:
    assert only(DESK + "\n[lnae]\nrest_s = 1\n").suggestion == "did you mean lane?"
    assert only(with_setting(DESK, "camera.hieght", "480")).suggestion == "did you mean height?"
    assert "known here" in only(with_setting(DESK, "camera.xyzzy", "480")).suggestion


def test_a_missing_section_and_a_missing_setting_are_named() -> None:
    missing = only(DESK.replace('[cards]\nkind = "sim"\n', ""))
    assert (missing.line, missing.key) == (None, "cards")
    assert "[cards] with kind" in missing.suggestion
    setting = only(DESK.replace('[gate]\nid = "north"', "[gate]"))
    assert (setting.line, setting.key) == (5, "gate.id")


@pytest.mark.parametrize("value", ["3", '"x"', "[1]"])
def test_a_section_that_is_no_section_is_named(value: str) -> None:
    found = only(f"lane = {value}\n" + DESK)
    assert (found.line, found.key) == (1, "lane")
    assert "[lane]" in found.suggestion


@pytest.mark.parametrize("key", ["password", "broker_password", "key", "site_key", "api_token"])
def test_the_value_of_an_unknown_or_secret_setting_is_never_repeated(key: str) -> None:
    for text in (with_setting(DESK, f"site.{key}", '"hunter2"'), DESK + f'\n[mqtt]\n{key} = "hunter2"\n'):
        for found in mistakes(text):
            assert "hunter2" not in repr(found)


@pytest.mark.parametrize("name", ["password", "site_key", "token"])
def test_the_value_of_a_known_setting_that_sounds_secret_is_not_repeated_either(name: str) -> None:
    field = dataclasses.replace(sections()["gate"].fields["id"], name=name)
    found = _wrong(parse(""), field, "hunter2")
    assert "hunter2" not in repr(found)
    assert "hunter2" in repr(_wrong(parse(""), sections()["gate"].fields["id"], "hunter2"))


def test_a_long_value_is_cut() -> None:
    assert len(only(with_setting(DESK, "gate.id", '"' + "x" * 5000 + '"')).message) < 200


# Syntax -------------------------------------------------------------------------------------
def test_syntax_mistakes_are_found_together_and_hide_nothing_else() -> None:
    text = (
        DESK.replace('id = "compound"', "id = compound").replace('id = "north"', "id north") + "\n[lane]\nrest_s = 99\n"
    )
    found = mistakes(text)
    assert [m.line for m in found] == [2, 6, 23]
    assert all("not TOML" in m.message for m in found[:2])
    assert found[2].key == "lane.rest_s"


def test_a_setting_that_stands_twice_is_named_once() -> None:
    found = only(DESK.replace('id = "north"', 'id = "north"\nid = "south"'))
    assert (found.line, found.message) == (7, "this setting stands twice")


@pytest.mark.parametrize(
    "broken",
    [
        '[site\nid = "x"',
        'id = "never closed',
        "zone = [0.1, 0.2\nfps = 30",
        'text = """never closed',
        "[gate]\n[gate]",
        "\x00",
        "\ufeff[gate]",
        "a = 1\r",
        "x" * MAX_CONFIG_BYTES,
        "[" * 10_000,
        "a = " + "[" * 10_000,
        "a = " + "{b = " * 10_000,
        ".".join("a" * 10_000),
        "[" + ".".join("a" * 10_000) + "]",
        "= 3",
        "a = 0o9",
        "a = 2026-13-41",
        "a = '\n'",
    ],
    ids=lambda text: ascii(text)[:16],
)
def test_whatever_does_not_parse_is_a_mistake_and_never_an_exception(broken: str) -> None:
    assert mistakes(broken)
    assert mistakes(DESK + "\n" + broken)


@given(st.text(max_size=300))
def test_no_text_raises(text: str) -> None:
    mistakes(text)


@given(st.data())
def test_no_damage_to_a_file_raises(data: st.DataObject) -> None:
    text = list(data.draw(st.sampled_from([DESK, LANE, TEN])))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(
            st.sampled_from(['"', "'", "[", "]", "=", "\n", "#", "{", "}", ".", ",", "\\", "x", "9", ""])
        )
    found = mistakes("".join(text))
    assert len(found) <= MAX_MISTAKES
    lines = "".join(text).split("\n")
    assert all(m.line is None or 1 <= m.line <= len(lines) for m in found)


# The file -----------------------------------------------------------------------------------
def test_a_file_with_mistakes_raises_them_all(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text(TEN)
    with pytest.raises(ConfigMistakes, match="has 10 mistakes") as error:
        load(tmp_path / "gate.toml")
    assert len(error.value.mistakes) == 10
    assert error.value.exit_code == 3


def test_what_is_no_readable_file_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"#" * (MAX_CONFIG_BYTES + 1))
    (tmp_path / "latin1").write_bytes(b'[site]\nid = "\xe9"\n')
    for name, why in (
        ("missing", "No such file"),
        (".", "Is a directory"),
        ("pipe", "not a plain file"),
        ("large", "larger than"),
        ("latin1", "not UTF-8 in line 2"),
        ("/dev/zero", "not a plain file"),
    ):
        with pytest.raises(ConfigError, match=why):
            load(tmp_path / name)


def test_a_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text(DESK + "#" * (MAX_CONFIG_BYTES - len(DESK.encode())))
    assert load(tmp_path / "gate.toml").gate.id == "north"


def test_the_places_that_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edge.config.load.SEARCHED", (Path("gate.toml"), tmp_path / "etc.toml"))
    with pytest.raises(ConfigError, match="no configuration was found"):
        find(None)
    (tmp_path / "etc.toml").write_text(DESK)
    assert find(None) == tmp_path / "etc.toml"
    (tmp_path / "gate.toml").write_text(DESK)
    assert find(None) == Path("gate.toml")
    assert find(tmp_path / "named.toml") == tmp_path / "named.toml"
