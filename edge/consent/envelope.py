"""Signed bytes (DSSE, https://github.com/secure-systems-lab/dsse) around one consent.

Rule 1.  Nothing is looked at before the size (`MAX_CONSENT_BYTES`), and nothing of the payload is believed before one
         trusted issuer's signature over exactly these bytes has been verified.
Rule 2.  A key is known by its keyid: SHA-256 of the 32 raw bytes of the Ed25519 public key, hex. It is computed from
         the configured key and never read from the document.
Rule 3.  One keyid stands on a document at most once; a second signature under it is an error, not a vote
         (CVE-2020-6174). At most `MAX_SIGNATURES` are tried (CVE-2020-6173). The threshold is one issuer.
Rule 4.  Each consent has one text. Payload and envelope are the JSON that `_canonical` makes: fields sorted, no spaces,
         UTF-8, integers only (for our fields the same as RFC 8785). Anything that does not re-encode to the same
         bytes is refused, so two parsers can never see two documents in one file.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal, NewType

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta, Struct
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, Key, Signature, SSlibKey

from edge.consent.errors import ConsentEdited, ConsentInvalid, IssuerUnknown
from edge.core.consent import MAX_CONSENT_BYTES, Consent, contradiction

PAYLOAD_TYPE = "application/vnd.edge-gate.consent+json"
MAX_SIGNATURES = 4
_THRESHOLD = 1

KeyId = NewType("KeyId", str)
"""SHA-256 of a raw Ed25519 public key, 64 hex digits; also shown to people as the key's fingerprint."""


class _Signature(Struct, frozen=True, forbid_unknown_fields=True):
    keyid: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    sig: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9+/]{86}==\Z")]


class _Envelope(Struct, frozen=True, forbid_unknown_fields=True, rename={"payload_type": "payloadType"}):
    payload: str
    payload_type: Literal["application/vnd.edge-gate.consent+json"]
    signatures: Annotated[tuple[_Signature, ...], Meta(min_length=1, max_length=MAX_SIGNATURES)]


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_CONSENT = msgspec.json.Decoder(Consent)


def keyid_of(public: bytes) -> KeyId:
    """Rule 2, from the 32 raw bytes of a public key."""
    return KeyId(hashlib.sha256(public).hexdigest())


def sign(consent: Consent, key: Ed25519PrivateKey) -> bytes:
    """The signed document of `consent`, at most `MAX_CONSENT_BYTES`.

    Raises:
        ConsentInvalid: `consent` breaks a rule of the format; nothing is signed that `verify` would not take.
    """
    payload = _canonical(consent)
    try:
        _parse(payload)
    except ConsentInvalid as error:
        raise ConsentInvalid(error.message, hint="change the terms, then issue it again") from None
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key, _public(key.public_key().public_bytes_raw())))
    document = msgspec.json.encode(envelope.to_dict(), order="sorted")
    if len(document) > MAX_CONSENT_BYTES:
        raise ConsentInvalid(f"a consent document of {len(document)} bytes is too large", hint="name fewer gates")
    return document


def verify(document: bytes, issuers: Sequence[str]) -> Consent:
    """The consent in `document`, signed by one of `issuers` (raw Ed25519 public keys, hex).

    Raises:
        ConsentInvalid: it is no consent document, or contradicts itself.
        IssuerUnknown: none of the issuers has put a signature on it.
        ConsentEdited: an issuer's signature is on it and does not fit.
    """
    shell = _open(document)
    payload = _bytes(shell.payload)
    keys: list[Key] = [_public(bytes.fromhex(public)) for public in dict.fromkeys(issuers)]
    trusted = {key.keyid for key in keys}
    if not any(signature.keyid in trusted for signature in shell.signatures):
        raise IssuerUnknown(
            f"a consent document is signed by the unknown issuer {shell.signatures[0].keyid[:16]}…",
            hint="have it issued by this site, or add that issuer's public key to `site.issuers`",
        )
    signatures = {s.keyid: Signature(s.keyid, _bytes(s.sig).hex()) for s in shell.signatures}
    try:
        Envelope(payload, PAYLOAD_TYPE, signatures).verify(keys, _THRESHOLD)
    except VerificationError:
        raise ConsentEdited(
            "the signature on a consent document does not fit its content: it was edited or damaged",
            hint=_REISSUE,
        ) from None
    return _parse(payload)


def unverified(document: bytes) -> tuple[Consent, tuple[KeyId, ...]]:
    """What a document says, and under which keyids signatures stand on it, none of them checked: to show it to people.

    Raises:
        ConsentInvalid: it is no consent document, or contradicts itself.
    """
    shell = _open(document)
    return _parse(_bytes(shell.payload)), tuple(KeyId(signature.keyid) for signature in shell.signatures)


def _open(document: bytes) -> _Envelope:
    """Rules 1, 3 and 4 on the outside."""
    if len(document) > MAX_CONSENT_BYTES:
        raise ConsentInvalid(
            f"a consent document of {len(document)} bytes is above the limit of {MAX_CONSENT_BYTES}", hint=_REISSUE
        )
    try:
        shell = _ENVELOPE.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # msgspec names the field and the rule, never the value
        raise ConsentInvalid(f"the bytes are no consent document: {error}"[:_MAX_WHY], hint=_REISSUE) from None
    if _canonical(shell) != document:
        raise ConsentInvalid("a consent document is not in its canonical form", hint=_REISSUE)
    if len({signature.keyid for signature in shell.signatures}) != len(shell.signatures):
        raise ConsentInvalid("a consent document carries two signatures under one keyid", hint=_REISSUE)
    return shell


def _parse(payload: bytes) -> Consent:
    """Rule 4 on the inside, and the rules that a document can break all by itself."""
    try:
        consent = _CONSENT.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConsentInvalid(f"the content of a consent is invalid: {error}"[:_MAX_WHY], hint=_REISSUE) from None
    if _canonical(consent) != payload:
        raise ConsentInvalid("the content of a consent is not in its canonical form", hint=_REISSUE)
    if (why := contradiction(consent)) is not None:
        raise ConsentInvalid(f"the content of a consent contradicts itself: {why}", hint=_REISSUE)
    return consent


def _bytes(text: str) -> bytes:
    """Base64 in its one form: padded, and no bits left over after the last byte."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        content = b""
    if base64.b64encode(content).decode() != text:
        raise ConsentInvalid("a part of a consent document is not base64", hint=_REISSUE)
    return content


def _public(raw: bytes) -> SSlibKey:
    return SSlibKey(keyid_of(raw), "ed25519", "ed25519", {"public": raw.hex()})


def _canonical(value: Struct) -> bytes:
    return msgspec.json.encode(value, order="sorted")


_MAX_WHY = 300
_REISSUE = "ask the site for the document again, and copy the file unchanged"
