"""Authenticated encryption of one chunk, bound to the place where it belongs.

Rule 1.  Every key is 32 fresh random bytes and seals at most one chunk, so a chunk's nonce is constant. Only an epoch
         key might meet two plaintexts (a commit that a crash tore, and its repetition); it takes a random nonce.
Rule 2.  The associated data names the place: format, site, gate, chunk, write sequence. A chunk that was moved, taken
         from another gate or put back from an older copy does not open.
Rule 3.  AES-256-GCM where the CPU has AES instructions, ChaCha20-Poly1305 where not (a Pi 4 is 5 times faster with the
         latter). A timed self-test chooses once, when the vault is made; the choice is written down.
Rule 4.  Plaintext comes back in a buffer that the caller overwrites after use (`wipe`).
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Callable
from enum import IntEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from edge.clock import BootClock
from edge.gate.vault.errors import SealBroken

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
_ONCE = bytes(NONCE_BYTES)
_CLOCK = BootClock()
_TRIAL_BYTES = 256 * 1024
_TRIALS = 5


class Cipher(IntEnum):
    """The number stands in the database."""

    AES_256_GCM = 1
    CHACHA20_POLY1305 = 2


_ALGORITHMS: dict[Cipher, type[AESGCM | ChaCha20Poly1305]] = {
    Cipher.AES_256_GCM: AESGCM,
    Cipher.CHACHA20_POLY1305: ChaCha20Poly1305,
}


class Key:
    """32 secret bytes that never show themselves and can be overwritten."""

    __slots__ = ("_bytes",)

    def __init__(self, content: bytes | bytearray | memoryview) -> None:
        if len(content) != KEY_BYTES:
            raise SealBroken("a key has another length")
        self._bytes = bytearray(content)

    @classmethod
    def fresh(cls) -> Key:
        """A new random key (getrandom(2))."""
        return cls(os.urandom(KEY_BYTES))

    def reveal(self) -> bytearray:
        """The secret itself, shared: for sealing and for key slots only."""
        return self._bytes

    def wipe(self) -> None:
        """Overwrite the secret. The key opens nothing any more."""
        wipe(self._bytes)

    def __repr__(self) -> str:
        return "Key(<hidden>)"


def seal(cipher: Cipher, key: Key, plaintext: bytes | bytearray, place: bytes) -> bytes:
    """Seal under a key that is used this once."""
    return _ALGORITHMS[cipher](key.reveal()).encrypt(_ONCE, plaintext, place)


def unseal_into(cipher: Cipher, key: Key, sealed: bytes | bytearray, place: bytes, buffer: memoryview) -> None:
    """Open what `seal` made into `buffer`, `len(sealed) - TAG_BYTES` long. Raises `SealBroken`."""
    try:
        _ALGORITHMS[cipher](key.reveal()).decrypt_into(_ONCE, sealed, place, buffer)
    except (InvalidTag, ValueError):
        raise SealBroken from None


def unseal(cipher: Cipher, key: Key, sealed: bytes, place: bytes) -> bytearray:
    """Open what `seal` made, in a buffer of its own. Raises `SealBroken`."""
    plaintext = bytearray(max(0, len(sealed) - TAG_BYTES))
    unseal_into(cipher, key, sealed, place, memoryview(plaintext))
    return plaintext


def seal_again(cipher: Cipher, key: Key, plaintext: bytes | bytearray, place: bytes) -> bytes:
    """Seal under a key that may have sealed before: random nonce, then ciphertext."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _ALGORITHMS[cipher](key.reveal()).encrypt(nonce, plaintext, place)


def unseal_again(cipher: Cipher, key: Key, sealed: bytes, place: bytes) -> bytearray:
    """Open what `seal_again` made. Raises `SealBroken`."""
    plaintext = bytearray(max(0, len(sealed) - NONCE_BYTES - TAG_BYTES))
    try:
        algorithm = _ALGORITHMS[cipher](key.reveal())
        algorithm.decrypt_into(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place, plaintext)
    except (InvalidTag, ValueError):
        raise SealBroken from None
    return plaintext


def wipe(buffer: bytearray) -> None:
    """Overwrite a buffer with zeros, in place."""
    buffer[:] = bytes(len(buffer))


def place_of(kind: str, site: str, gate: str, *numbers: int) -> bytes:
    """Associated data of rule 2; every part says its length, so no two places look alike."""
    return _whose(kind, site, gate) + struct.pack(f"<{len(numbers)}Q", *numbers)


@functools.lru_cache(maxsize=8)
def _whose(kind: str, site: str, gate: str) -> bytes:
    words = [f"edge-gate vault 1 {kind}".encode(), site.encode(), gate.encode()]
    return b"".join(len(word).to_bytes(2, "little") + word for word in words)


def fastest(timer: Callable[[], float] = _CLOCK.now) -> Cipher:
    """Rule 3: the cipher that seals and opens a trial chunk faster on this CPU, by the median of several turns."""
    plaintext = bytes(_TRIAL_BYTES)

    def seconds(cipher: Cipher) -> float:
        turns = []
        for _ in range(_TRIALS):
            key, began = Key.fresh(), timer()
            unseal(cipher, key, seal(cipher, key, plaintext, b"trial"), b"trial")
            turns.append(timer() - began)
        return sorted(turns)[_TRIALS // 2]

    return min(Cipher, key=seconds)
