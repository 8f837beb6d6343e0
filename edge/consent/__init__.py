"""The consent document: bytes in, a verified `edge.core.consent.Consent` out, and the way back for its issuer.

`edge.gate` reads it, `edge.site` writes it, and neither imports the other (`docs/consent.md`).
"""

from edge.consent.envelope import KeyId, keyid_of, sign, unverified, verify
from edge.consent.errors import ConsentEdited, ConsentInvalid, ConsentRefused, IssuerUnknown

__all__ = [
    "ConsentEdited",
    "ConsentInvalid",
    "ConsentRefused",
    "IssuerUnknown",
    "KeyId",
    "keyid_of",
    "sign",
    "unverified",
    "verify",
]
