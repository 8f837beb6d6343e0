"""mosquitto's configuration as text; `test_doors` runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.broker import config
from edge.broker.config import BrokerFiles, render
from edge.errors import InputError
from edge.sync import frames
from edge.wire.messages import MAX_STATE_BYTES

FILES = BrokerFiles(Path("/b/ca"), Path("/b/c"), Path("/b/k"), Path("/b/acl"), Path("/b/data"), Path("/b/crl"))


def settings(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition(" ")
            found.setdefault(name, []).append(value)
    return found


def test_nobody_gets_in_without_a_certificate_and_nobody_beside_the_acl() -> None:
    said = settings(render(FILES))
    for name, value in {
        "require_certificate": "true",
        "use_identity_as_username": "true",
        "use_username_as_clientid": "true",
        "allow_anonymous": "false",
        "acl_file": "/b/acl",
        "cafile": "/b/ca",
        "crlfile": "/b/crl",
        "listener": "8883",
    }.items():
        assert said[name] == [value]
    assert not {"bridge", "connection", "password_file", "plugin", "include_dir", "user"} & said.keys()


def test_a_state_fits_and_nothing_much_larger_does() -> None:
    said = settings(render(FILES))
    assert said["max_packet_size"] == [str(config.MAX_PACKET_BYTES)]
    assert MAX_STATE_BYTES < config.MAX_PACKET_BYTES <= frames.MAX_PACKET_BYTES


def test_what_is_optional_is_left_out() -> None:
    files = BrokerFiles(Path("/b/ca"), Path("/b/c"), Path("/b/k"), Path("/b/acl"), Path("/b/data"))
    assert "crlfile" not in settings(render(files))
    assert settings(render(files, bind="127.0.0.1", port=1, user="edge"))["listener"] == ["1 127.0.0.1"]


@given(st.text(min_size=1, max_size=40))
def test_no_value_can_become_a_second_line(text: str) -> None:
    files = BrokerFiles(Path("/b/ca"), Path("/b/c"), Path("/b/k"), Path("/b") / text.replace("\0", ""), Path("/b/data"))
    try:
        said = render(files, user=text)
    except InputError:
        return
    assert settings(said).keys() <= settings(render(FILES, user="edge")).keys()
    assert len(said.splitlines()) <= len(render(FILES, user="edge").splitlines())


@pytest.mark.parametrize("text", ["a\nallow_anonymous true", "a\r", "a\u2028b", " a", "a ", "\x1b"])
def test_a_value_that_the_syntax_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        render(FILES, user=text)


def test_no_repr_shows_where_the_key_is() -> None:
    assert "/b/k" not in repr(FILES)
