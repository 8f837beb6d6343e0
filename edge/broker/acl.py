"""Who may say and hear what at the broker, as mosquitto's ACL file.

Rule 1.  Everybody is named: one block for each gate, no pattern over user names. A gate that is retired is not in the
         file, and is silent from the broker's next reload on, whatever its certificate says.
Rule 2.  A gate publishes on its own topics and hears the site's state, heads, and what the beacon tells it. It never
         hears another gate.
Rule 3.  Only the beacon speaks for the site, and only what gates hear. An administrator hands signed targets to it, and
         may look at everything.
Rule 4.  All of this keeps order, and proves nothing: what counts is signed, and gates verify it.

`grants` is the same as data, for brokers that read something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.broker.authority import ADMIN, BEACON
from edge.errors import InputError
from edge.wire.topics import SiteTopics

MAX_GATES = 10_000
DISCOVERY = "homeassistant/#"
"""Where Home Assistant looks for what the beacon describes (MQTT discovery)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """`user` may `access` the topics that match `topic`. Whatever is not granted is refused."""

    user: str
    access: Literal["read", "write"]
    topic: str


def grants(site: str, gates: Sequence[str], *, discovery: bool = False) -> Iterator[Grant]:
    """All grants of a site. Raises `InputError` for a name that no site or gate can have, or a gate named twice."""
    topics = SiteTopics(site)
    if len(gates) > MAX_GATES or len(set(gates)) != len(gates):
        raise InputError(f"a site has at most {MAX_GATES} gates, each named once", hint="look at the list of gates")
    every = topics.gate("+")
    said_to_gates = [topics.state, *every.heard.values()]
    for topic in said_to_gates:
        yield Grant(BEACON, "write", topic)
    for topic in (topics.state, topics.handover, *every.said):
        yield Grant(BEACON, "read", topic)
    if discovery:
        yield Grant(BEACON, "write", DISCOVERY)
    yield Grant(ADMIN, "write", topics.handover)
    yield Grant(ADMIN, "read", f"{topics.root}/#")
    for name in sorted(gates):
        gate = topics.gate(name)
        if name == "+":
            raise InputError("'+' is not the name of a gate", hint="name every gate")
        for topic in gate.said:
            yield Grant(name, "write", topic)
        for topic in (topics.state, *gate.heard.values()):
            yield Grant(name, "read", topic)


def render(site: str, gates: Sequence[str], *, discovery: bool = False) -> str:
    """The file for mosquitto's `acl_file`. Raises as `grants`."""
    lines = ["# Made by edge-gate; changes belong into the list of gates, not here."]
    user = ""
    for grant in grants(site, gates, discovery=discovery):
        if grant.user != user:
            user = grant.user
            lines += ["", f"user {user}"]
        lines.append(f"topic {grant.access} {grant.topic}")
    return "\n".join(lines) + "\n"
