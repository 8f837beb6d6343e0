"""Signed statements that are not TUF's: what a gate, or the beacon, says once (DSSE, https://github.com/secure-systems-lab/dsse).

Rule 1.  A statement has a form: its own payload type, its fields, its largest size. The payload type is part of what is
         signed, and TUF signs bare JSON, so no signature can be carried over from one kind of thing to another.
Rule 2.  Who may speak is told by whoever asks, never by the document. A keyid is the SHA-256 of the raw key; a keyid
         stands there once, and at most `MAX_SIGNATURES` are tried (CVE-2020-6174, CVE-2020-6173).
Rule 3.  Size, form and canonical text come before any signature, a signature before any meaning. What does not
         re-encode to the same bytes is refused: one statement has one text and one SHA-256.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta, Struct
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import Key, Signer, SSlibKey
from securesystemslib.signer import Signature as SslibSignature

from edge.core.freshness import Role, Signers
from edge.state.errors import NotSigned, StatementDamaged, StatementEdited, because
from edge.state.metadata import canonical, keyid_of
from edge.state.shapes import KeyId

MAX_SIGNATURES = 8
T = TypeVar("T", bound=Struct)


@dataclass(frozen=True, slots=True)
class Speakers:
    """Raw Ed25519 public keys, any `threshold` of which make a statement."""

    publics: tuple[bytes, ...]
    threshold: int = 1

    @property
    def role(self) -> Role:
        """The same by keyid."""
        return Role(frozenset(map(keyid_of, self.publics)), self.threshold)


class _Signature(Struct, frozen=True, forbid_unknown_fields=True):
    keyid: KeyId
    sig: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9+/]{86}==\Z")]


class _Envelope(Struct, frozen=True, forbid_unknown_fields=True, rename={"payload_type": "payloadType"}):
    payload: str
    payload_type: str
    signatures: Annotated[tuple[_Signature, ...], Meta(min_length=1, max_length=MAX_SIGNATURES)]


_ENVELOPE = msgspec.json.Decoder(_Envelope)


class Form(Generic[T]):
    """One kind of statement. `name` is what people call it, and the middle of its payload type."""

    def __init__(self, kind: type[T], name: str, max_bytes: int) -> None:
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)
        self._name = name
        self._type = f"application/vnd.edge-gate.{name.replace(' ', '-')}+json"
        self._max_bytes = max_bytes

    def write(self, value: T, signers: Iterable[Signer]) -> bytes:
        """The signed document. Raises `StatementDamaged` if `read` would not take it."""
        envelope = Envelope(canonical(value), self._type, {})
        for signer in sorted(signers, key=lambda s: str(s.public_key.keyid)):
            envelope.sign(signer)
        document = msgspec.json.encode(envelope.to_dict(), order="sorted")
        self._parse(_bytes(self._open(document).payload, self._name))
        return document

    def read(self, document: bytes, speakers: Speakers) -> tuple[T, Signers]:
        """What `document` says, and which of `speakers` have signed it.

        Raises:
            StatementDamaged: it does not have this form.
            NotSigned: too few of the speakers are named on it.
            StatementEdited: they are, and their signatures do not fit.
        """
        shell = self._open(document)
        payload = _bytes(shell.payload, self._name)
        role = speakers.role
        named = {signature.keyid for signature in shell.signatures}
        if not role.met(frozenset(named)):
            raise NotSigned(f"the {self._name} is not signed by who must have signed it", hint=_WHO)
        signatures = {s.keyid: SslibSignature(s.keyid, _bytes(s.sig, self._name).hex()) for s in shell.signatures}
        keys: list[Key] = [
            SSlibKey(keyid_of(public), "ed25519", "ed25519", {"public": public.hex()}) for public in speakers.publics
        ]
        try:
            signed = Envelope(payload, self._type, signatures).verify(keys, speakers.threshold)
        except VerificationError:
            raise StatementEdited(
                f"a signature on the {self._name} does not fit: it was edited or damaged", hint=_AGAIN
            ) from None
        return self._parse(payload), frozenset(signed)

    def _open(self, document: bytes) -> _Envelope:
        if len(document) > self._max_bytes:
            raise StatementDamaged(
                f"a {self._name} of {len(document)} bytes is above the limit of {self._max_bytes}", hint=_AGAIN
            )
        try:
            shell = _ENVELOPE.decode(document)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise StatementDamaged(f"the bytes are no {self._name}: {because(error)}", hint=_AGAIN) from None
        if shell.payload_type != self._type:
            raise StatementDamaged(f"the bytes are signed as something else than a {self._name}", hint=_AGAIN)
        if canonical(shell) != document:
            raise StatementDamaged(f"the {self._name} is not in its canonical form", hint=_AGAIN)
        if len({signature.keyid for signature in shell.signatures}) != len(shell.signatures):
            raise StatementDamaged(f"the {self._name} carries two signatures under one keyid", hint=_AGAIN)
        return shell

    def _parse(self, payload: bytes) -> T:
        try:
            value: T = self._decoder.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise StatementDamaged(f"the {self._name} is invalid: {because(error)}", hint=_AGAIN) from None
        if canonical(value) != payload:
            raise StatementDamaged(f"the content of the {self._name} is not in its canonical form", hint=_AGAIN)
        return value


def _bytes(text: str, name: str) -> bytes:
    """Base64 in its one form: padded, and no bits left over after the last byte."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        content = b""
    if base64.b64encode(content).decode() != text:
        raise StatementDamaged(f"a part of the {name} is not base64", hint=_AGAIN)
    return content


_AGAIN = "ask whoever made it to send it again, and copy the file unchanged"
_WHO = "check that it belongs to this site; after a rotation of keys the beacon must sign anew"
