"""Writes tests/vectors/consent. Deterministic: Ed25519 signatures are, and the keys are constants."""

from __future__ import annotations

import base64
import json
from typing import Any

from edge.consent import keyid_of, sign
from edge.core.consent import MAX_CONSENT_BYTES, Mode, Reason
from tests.consent.documents import (
    GATE,
    ISSUER,
    NOW,
    SITE,
    STRANGER,
    YEAR_S,
    canonical,
    consent,
    envelope,
    payload_of,
    public,
)
from tests.vectors import write


def main() -> None:
    good: tuple[tuple[str, dict[str, Any]], ...] = (
        ("plain", {}),
        ("several-gates", {"gates": ("east", GATE), "modes": (Mode.IDENTIFY, Mode.VERIFY)}),
        ("minor-with-guardian", {"minor": True, "guardian": "file-17"}),
        ("last-second", {"expires": NOW + 1}),
    )
    for name, changed in good:
        put(name, "accept", sign(consent(**changed), ISSUER))
    refused: tuple[tuple[Reason, dict[str, Any]], ...] = (
        (Reason.OTHER_SITE, {"site": "other-court"}),
        (Reason.OTHER_GATE, {"gates": ("south",)}),
        (Reason.WRONG_PURPOSE, {"purposes": ("statistics",)}),
        (Reason.WRONG_MODE, {"modes": (Mode.VERIFY,)}),
        (Reason.NO_GUARDIAN, {"minor": True}),
        (Reason.NOT_YET_VALID, {"not_before": NOW + 1}),
        (Reason.EXPIRED, {"not_before": NOW - YEAR_S, "expires": NOW}),
    )
    for reason, changed in refused:
        put(reason.name.lower().replace("_", "-"), reason.name, sign(consent(**changed), ISSUER))
    honest = json.loads(sign(consent(), ISSUER))
    edited = honest | {"payload": base64.b64encode(payload_of(consent(), subject="f" * 32)).decode()}
    put("edited-subject", "ConsentEdited", canonical(edited))
    stolen = json.loads(envelope(payload_of(consent()), STRANGER))
    put("stranger", "IssuerUnknown", canonical(stolen))
    stolen["signatures"][0]["keyid"] = keyid_of(ISSUER.public_key().public_bytes_raw())
    put("stranger-under-our-keyid", "ConsentEdited", canonical(stolen))
    put("keyid-twice", "ConsentInvalid", canonical(honest | {"signatures": honest["signatures"] * 2}))
    put("no-signature", "ConsentInvalid", canonical(honest | {"signatures": []}))
    put("other-payload-type", "ConsentInvalid", canonical(honest | {"payloadType": "text/plain"}))
    put("envelope-with-more", "ConsentInvalid", canonical(honest | {"more": 1}))
    put("envelope-with-spaces", "ConsentInvalid", json.dumps(honest).encode())
    put("envelope-truncated", "ConsentInvalid", canonical(honest)[:-1])
    put("too-large", "ConsentInvalid", canonical(honest | {"payload": "A" * MAX_CONSENT_BYTES}))
    for name, payload in (
        ("payload-with-more", payload_of(consent(), colour="blue")),
        ("payload-with-spaces", json.dumps(json.loads(payload_of(consent()))).encode()),
        ("payload-without-expiry", payload_of(consent(), expires=...)),
        ("payload-of-version-2", payload_of(consent(), type="edge-gate/consent/2")),
        ("gates-unsorted", payload_of(consent(), gates=[GATE, "east"])),
        ("gate-twice", payload_of(consent(), gates=[GATE, GATE])),
        ("index-out-of-range", payload_of(consent(), index=65536)),
        ("ends-before-it-begins", payload_of(consent(), expires=NOW - 61)),
        ("lives-too-long", payload_of(consent(), expires=NOW + 4 * YEAR_S)),
        ("subject-is-a-name", payload_of(consent(), subject="Wang Bing")),
    ):
        put(name, "ConsentInvalid", envelope(payload, ISSUER))


def put(name: str, expect: str, document: bytes) -> None:
    header: dict[str, Any] = {"expect": expect, "issuer": public(ISSUER), "site": SITE, "gate": GATE, "now": NOW}
    write("consent", name, document, **header)


if __name__ == "__main__":
    main()
