"""The ACL as data and as text; `test_doors` tries it at a real broker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from edge.broker import acl
from edge.broker.acl import Grant, grants, render
from edge.broker.authority import ADMIN, BEACON
from edge.errors import InputError
from edge.wire.topics import SiteTopics

NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")


def of(user: str, access: str, site: str = "s", gates: tuple[str, ...] = ("north", "south")) -> set[str]:
    return {grant.topic for grant in grants(site, gates) if (grant.user, grant.access) == (user, access)}


def test_a_gate_says_five_things_and_hears_four() -> None:
    own = "edge-gate/s/gates/north/"
    assert of("north", "write") == {own + what for what in ("status", "events", "questions", "receipts", "withdrawals")}
    assert of("north", "read") == {
        "edge-gate/s/state",
        "edge-gate/s/head",
        own + "answers",
        own + "acknowledgements",
    }


def test_only_the_beacon_says_what_gates_hear() -> None:
    assert of(BEACON, "write") == {
        "edge-gate/s/state",
        "edge-gate/s/head",
        "edge-gate/s/gates/+/answers",
        "edge-gate/s/gates/+/acknowledgements",
    }
    for user in ("north", "south", ADMIN):
        for said in of(user, "write"):
            assert not any(topic_matches_sub(heard, said) for heard in of("north", "read") | of("south", "read"))


def test_an_administrator_hands_over_and_looks_on() -> None:
    assert of(ADMIN, "write") == {"edge-gate/s/handover"}
    assert of(ADMIN, "read") == {"edge-gate/s/#"}
    assert "edge-gate/s/handover" in of(BEACON, "read")


def test_home_assistant_is_written_to_only_where_it_is_wanted() -> None:
    assert Grant(BEACON, "write", acl.DISCOVERY) not in grants("s", ())
    assert Grant(BEACON, "write", acl.DISCOVERY) in grants("s", (), discovery=True)


@given(site=NAMES, gates=st.lists(NAMES, unique=True, max_size=6))
def test_no_gate_is_granted_a_topic_of_another(site: str, gates: list[str]) -> None:
    topics = SiteTopics(site)
    for grant in grants(site, gates):
        if grant.user in gates:
            own = topics.gate(grant.user)
            assert grant.topic in {topics.state, *own.said, *own.heard.values()}
            assert not set(grant.topic) & set("+#")


@given(site=NAMES, gates=st.lists(NAMES, unique=True, max_size=6), discovery=st.booleans())
def test_the_text_says_what_the_data_say(site: str, gates: list[str], discovery: bool) -> None:
    read: list[Grant] = []
    user = ""
    for line in render(site, gates, discovery=discovery).splitlines():
        match line.split(" "):
            case ["user", name]:
                user = name
            case ["topic", ("read" | "write") as access, topic]:
                read.append(Grant(user, access, topic))
            case _:
                assert not line or line.startswith("#"), line
    assert read == list(grants(site, gates, discovery=discovery))


@pytest.mark.parametrize(
    "name", ["", "+", "#", "a/b", "a\nuser role:admin", "a b", "role:beacon", "x" * 65, "ä", "a\0"]
)
def test_a_name_that_could_mean_more_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        render("s", ["north", name])
    with pytest.raises(InputError):
        render(name, ["north"])


def test_a_gate_stands_there_once() -> None:
    with pytest.raises(InputError, match="named once"):
        render("s", ["north", "north"])
