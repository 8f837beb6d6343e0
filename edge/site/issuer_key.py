"""The issuer's private key on the admin's disk, under a passphrase.

Rule 1.  The passphrase becomes a key by scrypt with N = 2**17, r = 8, p = 1 (RFC 7914; 128 MiB and about half a second
         a guess) and 32 random bytes of salt. The encrypted PKCS#8 of the `cryptography` package would take PBKDF2 with
         2,048 rounds, which is a thousand times cheaper to guess.
Rule 2.  ChaCha20-Poly1305 seals the 32 bytes of the Ed25519 key. The whole header is associated data, so no field of
         the file can be exchanged.
Rule 3.  The parameters are fixed. A file that asks for others is refused, so none can ask for a weak key or for all of
         the memory.
"""

from __future__ import annotations

import os
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Meta, Struct

from edge.core.consent import Name
from edge.errors import InputError, Refused

MAX_KEY_FILE_BYTES = 4096
MIN_PASSPHRASE_CHARS = 8
MAX_PASSPHRASE_BYTES = 1024
_SALT_BYTES, _NONCE_BYTES, _KEY_BYTES = 32, 12, 32

_Hex32 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class _Header(Struct, frozen=True, forbid_unknown_fields=True):
    type: Literal["edge-gate/issuer-key/1"]
    site: Name
    public: _Hex32
    kdf: Literal["scrypt"]
    n: Literal[131072]
    r: Literal[8]
    p: Literal[1]
    salt: _Hex32
    nonce: Annotated[str, Meta(pattern=r"\A[0-9a-f]{24}\Z")]


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    header: _Header
    sealed: Annotated[str, Meta(pattern=r"\A[0-9a-f]{96}\Z")]


_FILE = msgspec.json.Decoder(_File)


def check_passphrase(passphrase: str) -> str:
    """The passphrase, if it can be one. Raises `Refused`."""
    if len(passphrase.strip()) < MIN_PASSPHRASE_CHARS or len(passphrase.encode()) > MAX_PASSPHRASE_BYTES:
        raise Refused(
            f"a passphrase has at least {MIN_PASSPHRASE_CHARS} characters",
            hint="take several words that nobody would guess; whoever has the key file can try many",
        )
    return passphrase


def seal_key(key: Ed25519PrivateKey, site: str, passphrase: str) -> bytes:
    """The content of a key file. Raises `Refused` for a passphrase that is too short."""
    header = _Header(
        type="edge-gate/issuer-key/1",
        site=site,
        public=key.public_key().public_bytes_raw().hex(),
        kdf="scrypt",
        n=131072,
        r=8,
        p=1,
        salt=os.urandom(_SALT_BYTES).hex(),
        nonce=os.urandom(_NONCE_BYTES).hex(),
    )
    cipher = _cipher(header, check_passphrase(passphrase))
    sealed = cipher.encrypt(bytes.fromhex(header.nonce), key.private_bytes_raw(), msgspec.json.encode(header))
    return msgspec.json.format(msgspec.json.encode(_File(header, sealed.hex())), indent=2)


def open_key(content: bytes, site: str, passphrase: str) -> Ed25519PrivateKey:
    """The key in a key file of this site.

    Raises:
        InputError: it is no key file, or that of another site.
        Refused: the passphrase does not open it.
    """
    try:
        file = _FILE.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the issuer's key file is damaged: {error}", hint="restore it from your backup") from None
    if file.header.site != site:
        raise InputError(
            f"the issuer's key is that of site {file.header.site}", hint="restore this site's own key file"
        )
    try:
        nonce, place = bytes.fromhex(file.header.nonce), msgspec.json.encode(file.header)
        secret = _cipher(file.header, passphrase).decrypt(nonce, bytes.fromhex(file.sealed), place)
    except InvalidTag:
        raise Refused("the passphrase does not open the issuer's key", hint="type it again") from None
    return Ed25519PrivateKey.from_private_bytes(secret)


def _cipher(header: _Header, passphrase: str) -> ChaCha20Poly1305:
    scrypt = Scrypt(salt=bytes.fromhex(header.salt), length=_KEY_BYTES, n=header.n, r=header.r, p=header.p)
    return ChaCha20Poly1305(scrypt.derive(passphrase.encode()))
