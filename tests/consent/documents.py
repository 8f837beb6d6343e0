"""Consents, keys and edits for tests. The keys are made from constants: they protect nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

from edge.consent import keyid_of
from edge.core.consent import ACCESS, MAX_LIFETIME_S, STATUS_LIST_SIZE, Consent, Here, Mode, Notice
from edge.core.values import ConsentId, GateId, SiteId, SubjectId

NOW = 1_800_000_000
YEAR_S = 365 * 24 * 3600
SITE, GATE = SiteId("garden-court"), GateId("north")
HERE = Here(SITE, GATE, Mode.IDENTIFY)

ISSUER = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)


def public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def consent(number: int = 1, **changed: Any) -> Consent:
    """A consent that allows everything that the tests' gate does; `changed` fields replace its own."""
    fields: dict[str, Any] = {
        "site": SITE,
        "consent": ConsentId(f"{number:032x}"),
        "index": number % STATUS_LIST_SIZE,
        "subject": SubjectId(f"{number:032x}"[::-1]),
        "gates": (GATE,),
        "purposes": (ACCESS,),
        "modes": (Mode.IDENTIFY,),
        "notice": Notice("1", "ab" * 32),
        "not_before": NOW - 60,
        "expires": NOW + YEAR_S,
    }
    return Consent(**fields | changed)


def envelope(payload: bytes, key: Ed25519PrivateKey, **changed: Any) -> bytes:
    """A canonical envelope around any payload, honestly signed."""
    kind = b"application/vnd.edge-gate.consent+json"
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    fields = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind.decode(),
        "signatures": [
            {
                "keyid": keyid_of(key.public_key().public_bytes_raw()),
                "sig": base64.b64encode(key.sign(pae)).decode(),
            }
        ],
    }
    return canonical(fields | changed)


def canonical(fields: Any) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def payload_of(consent: Consent, /, **changed: Any) -> bytes:
    """The payload of a consent with some JSON fields replaced; None of `...` removes a field."""
    fields = msgspec.to_builtins(consent) | changed
    return canonical({name: value for name, value in fields.items() if value is not ...})


names = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,20}\Z")


@st.composite
def consents(draw: st.DrawFn) -> Consent:
    """Any consent that stands by itself; often for this site, this gate, and about now."""
    begins = draw(st.integers(0, 2 * NOW) | st.integers(NOW - 10, NOW + 10))
    lasts = draw(st.integers(1, MAX_LIFETIME_S) | st.integers(1, 20))
    return consent(
        draw(st.integers(0, 2**64)),
        site=draw(st.just(SITE) | names),
        gates=tuple(sorted(draw(st.sets(st.just(GATE) | names, min_size=1, max_size=4)))),
        purposes=tuple(sorted(draw(st.sets(st.just(ACCESS) | names, min_size=1, max_size=3)))),
        modes=tuple(sorted(draw(st.sets(st.sampled_from(list(Mode)), min_size=1)))),
        not_before=begins,
        expires=begins + lasts,
        minor=draw(st.booleans()),
        guardian=draw(st.none() | names),
    )
