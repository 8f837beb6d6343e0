"""The one shape of TUF metadata (https://theupdateframework.github.io/specification/v1.0.31/) that this project signs.

Rule 1.  A size is checked before anything is parsed, and every field, name, count and number has a bound. What is not
         in `edge.state.shapes` is refused, also where TUF would let it pass: a gate that skips what it does not
         understand skips the next critical field (threat 16).
Rule 2.  Each file has one text: JSON with sorted keys, no spaces, ASCII. For these types that is the canonical JSON
         that python-tuf signs and the compact JSON that it writes, so no two parsers can see two files in one.
Rule 3.  All keys are Ed25519, and a keyid is the SHA-256 of the 32 raw bytes. python-tuf takes any keyid: one key under
         two ids would count twice towards a threshold (CVE-2020-6174).
Rule 4.  The roles and files are fixed. No name from outside reaches a path (CVE-2021-41131).
Rule 5.  Every file names its site, and lengths and hashes are never left out (TUF makes them optional).

This module checks form. Who signed, in which order, and how old it may be, is for `edge.state.trust`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from edge.core.freshness import BOUND_MAX_S
from edge.state.errors import Duplicated, ForgedKeyId, StateDamaged, because
from edge.state.shapes import (
    MAX_METADATA_BYTES,
    MAX_SIGNATURES,
    SUSPEND_ROLE,
    Delegation,
    Keys,
    PublicKey,
    Root,
    Signature,
    Signed,
    Snapshot,
    Suspend,
    Targets,
    Timestamp,
)

_DATE = "%Y-%m-%dT%H:%M:%SZ"
Role = TypeVar("Role", bound=Signed)
_NAMES: dict[type[Signed], str] = {
    Root: "root",
    Timestamp: "timestamp",
    Snapshot: "snapshot",
    Targets: "targets",
    Suspend: SUSPEND_ROLE,
}


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    signatures: Annotated[tuple[Signature, ...], Meta(min_length=1, max_length=MAX_SIGNATURES)]
    signed: msgspec.Raw


_FILE = msgspec.json.Decoder(_File)
_SIGNED: dict[type[Signed], msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(kind) for kind in _NAMES}


def canonical(value: Struct) -> bytes:
    """Rule 2."""
    return msgspec.json.encode(value, order="sorted")


def write(signed: Signed, signatures: tuple[Signature, ...]) -> bytes:
    """The metadata file of `signed`. Its signatures are over `canonical(signed)`."""
    return canonical(_File(signatures, msgspec.Raw(canonical(signed))))


def read(data: bytes, kind: type[Role]) -> Role:
    """The signed part of `data`; nobody's signature has been looked at.

    Raises:
        StateDamaged: a rule of this module is broken; `Duplicated` and `ForgedKeyId` where they apply.
    """
    name = _NAMES[kind]
    if len(data) > MAX_METADATA_BYTES:
        raise StateDamaged(f"{name} of {len(data)} bytes is above the limit of {MAX_METADATA_BYTES}", hint=AGAIN)
    try:
        file = _FILE.decode(data)
        signed: Role = _SIGNED[kind].decode(file.signed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StateDamaged(f"{name} is not metadata of this project: {because(error)}", hint=AGAIN) from None
    if write(signed, file.signatures) != data:
        raise StateDamaged(f"{name} is not in its canonical form", hint=AGAIN)
    if len({signature.keyid for signature in file.signatures}) != len(file.signatures):
        raise Duplicated(f"{name} carries two signatures under one keyid", hint=AGAIN)
    _check(signed, name)
    return signed


def seconds(date: str) -> int:
    """Whole seconds since 1970-01-01 UTC of an `expires`. Raises `StateDamaged` if the calendar has no such day."""
    try:
        moment = dt.datetime.fromisoformat(date)
    except ValueError:
        raise StateDamaged(f"{date} is no date", hint=AGAIN) from None
    return int(moment.timestamp())


def date(at: float) -> str:
    """`seconds` the other way round."""
    return dt.datetime.fromtimestamp(int(at), dt.UTC).strftime(_DATE)


def sha256(data: bytes) -> str:
    """Hex."""
    return hashlib.sha256(data).hexdigest()


def keyid_of(public: bytes) -> str:
    """Rule 3, from 32 raw bytes."""
    return sha256(public)


def _check(signed: Signed, name: str) -> None:
    """What the types cannot say."""
    seconds(signed.expires)
    match signed:
        case Root(keys=keys, roles=roles):
            _check_keys(keys, name)
            for role in (roles.root, roles.snapshot, roles.targets, roles.timestamp):
                _check_role(role, keys, name)
            if signed.consistent_snapshot:
                raise StateDamaged("root asks for consistent snapshots, which a bundle is by itself", hint=AGAIN)
        case Targets(delegations=delegations):
            _check_keys(delegations.keys, name)
            _check_role(delegations.roles[0], delegations.keys, name)
            if not delegations.roles[0].terminating:
                raise StateDamaged("the suspend role is delegated without an end", hint=AGAIN)
        case Timestamp(signed_at=signed_at, expires=expires):
            if not 0 < seconds(expires) - signed_at <= BOUND_MAX_S:
                raise StateDamaged("a timestamp has an impossible life", hint=AGAIN)
        case _:
            pass


def _check_keys(keys: Mapping[str, PublicKey], name: str) -> None:
    for keyid, key in keys.items():
        if keyid != keyid_of(bytes.fromhex(key.keyval.public)):
            raise ForgedKeyId(f"{name} holds a key under an id that is not its own: {keyid[:16]}…", hint=AGAIN)


def _check_role(role: Keys | Delegation, keys: Mapping[str, PublicKey], name: str) -> None:
    if len(set(role.keyids)) != len(role.keyids):
        raise Duplicated(f"{name} counts one key twice", hint=AGAIN)
    if not set(role.keyids) <= keys.keys():
        raise StateDamaged(f"{name} names a key that it does not hold", hint=AGAIN)
    if role.threshold > len(role.keyids):
        raise StateDamaged(f"{name} asks for {role.threshold} of {len(role.keyids)} keys", hint=AGAIN)


AGAIN = "fetch the site's state again; if it goes on, publish it anew on the administrator's workstation"
