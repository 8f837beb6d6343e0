"""What travels through the broker under which name, and who may say it (docs/broker.md).

Rule 1.  Everything of a site is under `edge-gate/<site>/`. Names are of the alphabet of the configuration, so none of
         them can hold a wildcard or a separator.
Rule 2.  Signed things are opaque here: state, heads, answers, acknowledgements, receipts, withdrawals, questions.
Rule 3.  What a gate says unsigned (`Status`, `PublishedEvent`) is a hint, and carries enums and counters only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from msgspec import Struct

from edge.errors import InputError
from edge.wire.messages import GateEvent, GateState, Kind, Owing

HEAD_EXPIRY_S = 60
"""After this a broker no longer delivers a head that waits somewhere."""
MAX_STATUS_BYTES = 2048
MAX_EVENT_BYTES = 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Status(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type", tag="edge-gate/status/1"):
    """Retained; the last will is `OFFLINE`. `gate` is None while `sync` hears the broker and not the gate."""

    online: bool
    gate: GateState | None = None
    poison: int = 0
    """Messages from the broker that `sync` refused since it started."""
    events_dropped: int = 0


class PublishedEvent(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="edge-gate/event/1"):
    """What happened, as the gate told it."""

    event: GateEvent


@dataclass(frozen=True, slots=True)
class SiteTopics:
    """The names of one site."""

    site: str

    def __post_init__(self) -> None:
        _demand_name(self.site, "site")

    @property
    def root(self) -> str:
        """Above all others."""
        return f"edge-gate/{self.site}"

    @property
    def state(self) -> str:
        """Retained: the newest bundle. From the beacon to all gates."""
        return f"{self.root}/state"

    @property
    def head(self) -> str:
        """The newest timestamp; never retained, gone after `HEAD_EXPIRY_S`. From the beacon to all gates."""
        return f"{self.root}/head"

    @property
    def handover(self) -> str:
        """Signed targets. From the administrators to the beacon."""
        return f"{self.root}/handover"

    def gate(self, gate: str) -> GateTopics:
        """The names of one gate."""
        return GateTopics(self, gate)


@dataclass(frozen=True, slots=True)
class GateTopics:
    """The names of one gate."""

    site: SiteTopics
    gate: str

    def __post_init__(self) -> None:
        if self.gate != "+":  # all gates, for who may hear them all
            _demand_name(self.gate, "gate")

    def _own(self, name: str) -> str:
        return f"{self.site.root}/gates/{self.gate}/{name}"

    @property
    def status(self) -> str:
        """Retained, with the last will."""
        return self._own("status")

    @property
    def events(self) -> str:
        """Droppable."""
        return self._own("events")

    @property
    def questions(self) -> str:
        """For the beacon: what time is it?"""
        return self._own("questions")

    @property
    def owed(self) -> dict[Owing, str]:
        """For the beacon, again and again until it acknowledges."""
        return {Owing.RECEIPT: self._own("receipts"), Owing.WITHDRAWAL: self._own("withdrawals")}

    @property
    def heard(self) -> dict[Kind, str]:
        """What the beacon says to this gate, besides the state."""
        return {
            Kind.HEAD: self.site.head,
            Kind.ANSWER: self._own("answers"),
            Kind.ACKNOWLEDGEMENT: self._own("acknowledgements"),
        }

    @property
    def said(self) -> tuple[str, ...]:
        """Everything that this gate may publish."""
        return (self.status, self.events, self.questions, *self.owed.values())


def _demand_name(name: str, what: str) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(f"{name[:80]!r} is not the name of a {what}", hint="letters, digits, dots, dashes, at most 64")
