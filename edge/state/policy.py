"""What the site decides for all its gates, signed with the status list and never without it.

Rule 1.  Every field is typed and bounded, and an unknown one is refused: a gate does not run on half a policy.
Rule 2.  The policy names the public keys that matter: the issuers whose consents count (a key that is taken away
         suspends what it issued), and one key for each gate, so that nobody can mint a gate that never existed
         (threat 30). A gate is retired, not deleted: its old receipts stay verifiable.
Rule 3.  Times that only harm people when they are too long have an upper bound that no administrator can lift:
         `freshness_bound_s` 5 minutes to 24 hours, `max_idle_s` three years (requirement US-1).
Rule 4.  One policy has one text: JSON, fields sorted, lists sorted and without repetition.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from edge.core.consent import MAX_LIFETIME_S, Name, Notice
from edge.core.freshness import BOUND_DEFAULT_S, BOUND_MAX_S, BOUND_MIN_S
from edge.state.errors import StateDamaged, because
from edge.state.metadata import AGAIN, canonical
from edge.state.shapes import Hex32, Site

MAX_POLICY_BYTES = 512 * 1024
MAX_ISSUERS = 16
MAX_NOTICES = 64
MAX_GATES = 2048
MAX_HOURS = 64

Minute = Annotated[int, Meta(ge=0, le=24 * 60)]
"""Minutes since midnight, local time of the site."""


class GateKeys(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One gate of the site. `key` (Ed25519) signs its receipts; `sealing` (X25519) opens what is sealed to it."""

    id: Name
    key: Hex32
    sealing: Hex32 | None = None
    retired: bool = False


class Hours(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A window of the week in which the site's lanes serve: ISO weekday 1 to 7, `opens` before `closes`."""

    day: Annotated[int, Meta(ge=1, le=7)]
    opens: Minute
    closes: Minute


class SitePolicy(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file `policy.json`. `hours` empty means always; `card_stale_max_s` None means that cards never go stale."""

    type: Literal["edge-gate/site-policy/1"] = "edge-gate/site-policy/1"
    site: Site
    issuers: Annotated[tuple[Hex32, ...], Meta(max_length=MAX_ISSUERS)]
    gates: Annotated[tuple[GateKeys, ...], Meta(max_length=MAX_GATES)]
    notices: Annotated[tuple[Notice, ...], Meta(max_length=MAX_NOTICES)]
    freshness_bound_s: Annotated[int, Meta(ge=BOUND_MIN_S, le=BOUND_MAX_S)] = BOUND_DEFAULT_S
    max_idle_s: Annotated[int, Meta(ge=1, le=MAX_LIFETIME_S)] = MAX_LIFETIME_S
    card_stale_max_s: Annotated[int, Meta(ge=0, le=MAX_LIFETIME_S)] | None = None
    hours: Annotated[tuple[Hours, ...], Meta(max_length=MAX_HOURS)] = ()

    def gate(self, gate: str) -> GateKeys | None:
        """The entry of `gate`, retired or not."""
        return next((entry for entry in self.gates if entry.id == gate), None)


_DECODER = msgspec.json.Decoder(SitePolicy)


def write_policy(policy: SitePolicy) -> bytes:
    """The file of `policy`. Raises `StateDamaged` where `read_policy` would."""
    data = canonical(policy)
    read_policy(data)
    return data


def read_policy(data: bytes) -> SitePolicy:
    """The policy in `data`, whose signature is not looked at here. Raises `StateDamaged`."""
    if len(data) > MAX_POLICY_BYTES:
        raise StateDamaged(f"a site policy of {len(data)} bytes is above the limit of {MAX_POLICY_BYTES}", hint=AGAIN)
    try:
        policy = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StateDamaged(f"the bytes are no site policy: {because(error)}", hint=AGAIN) from None
    if canonical(policy) != data:
        raise StateDamaged("a site policy is not in its canonical form", hint=AGAIN)
    if (why := _contradiction(policy)) is not None:
        raise StateDamaged(f"a site policy contradicts itself: {why}", hint=AGAIN)
    return policy


def _contradiction(policy: SitePolicy) -> str | None:
    keys = [key for gate in policy.gates for key in (gate.key, gate.sealing) if key is not None]
    lists: tuple[tuple[str, list[str]], ...] = (
        ("issuers", list(policy.issuers)),
        ("gates", [gate.id for gate in policy.gates]),
        ("notices", [notice.version for notice in policy.notices]),
    )
    for name, values in lists:
        if values != sorted(set(values)):
            return f"`{name}` is not sorted or names something twice"
    if len(set(keys)) != len(keys):
        return "two gates share a key"
    if any(hours.opens >= hours.closes for hours in policy.hours):
        return "`hours` close before they open"
    return None
