"""Writes tests/vectors/vault. Keys, nonces and templates are constants or follow from a counter."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from edge.core.values import ConsentId
from edge.gate.vault import papers, references, seal, table
from edge.gate.vault.references import FACTS, Block
from edge.gate.vault.seal import Cipher, Key
from edge.gate.vault.table import ChunkId, Kind
from tests.vault.world import OWNER
from tests.vectors import write

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
NONCE = bytes(range(12))
EPOCH = 7


def main() -> None:
    _slots()
    _tables()
    _references()
    _papers()
    _seals()


def _slots() -> None:
    body = b"EGSLOT1\n" + EPOCH.to_bytes(8, "little") + KEY
    whole = body + hashlib.sha256(body).digest()[:16]
    put("slot-plain", "slot", "accept", whole, epoch=EPOCH, key=KEY.hex())
    put("slot-wiped", "slot", "empty", bytes(64))
    put("slot-torn", "slot", "empty", whole[:32] + bytes(32))
    put("slot-check-differs", "slot", "empty", whole[:-1] + bytes([whole[-1] ^ 1]))
    put("slot-magic-differs", "slot", "empty", b"EGSLOT2\n" + whole[8:])
    put("slot-short", "slot", "empty", whole[:-1])
    put("slot-long", "slot", "empty", whole + b"\x00")


def _tables() -> None:
    one, two = ChunkId(Kind.REFERENCES, 0), ChunkId(Kind.CONSENTS, 3)
    whole = bytes(table.encode(EPOCH, {one: table.Entry(5, Key(KEY)), two: table.Entry(EPOCH, Key(OTHER))}))
    first, second = whole[20:68], whole[68:]
    listed = f"{one.row}/5 {two.row}/{EPOCH}"
    put("table-plain", "table", "accept", whole, epoch=EPOCH, entries=listed)
    put("table-empty", "table", "accept", bytes(table.encode(1, {})), epoch=1, entries="")
    for name, body in (
        ("truncated", whole[:-1]),
        ("with-more", whole + b"\x00"),
        ("count-too-high", whole[:16] + b"\x03" + whole[17:]),
        ("magic-differs", b"EGKEYS2\n" + whole[8:]),
        ("of-another-epoch", whole[:8] + b"\x08" + whole[9:]),
        ("entry-of-the-future", whole[:76] + b"\x08" + whole[77:]),
        ("entry-of-no-epoch", whole[:28] + bytes(8) + whole[36:]),
        ("unsorted", whole[:20] + second + first),
        ("chunk-twice", whole[:20] + first + first),
        ("unknown-kind", whole[:24] + b"\x09" + whole[25:]),
    ):
        put(f"table-{name}", "table", "refuse", body, epoch=EPOCH)


def _references() -> None:
    facts = np.zeros(2, FACTS)
    facts["consent"], facts["subject"] = [list(range(16)), list(range(16, 32))], [list(range(32, 48))] * 2
    facts["not_before"], facts["expires"], facts["enrolled"] = 1_800_000_000, 1_831_536_000, 1_800_000_060
    facts["papers"], facts["quality"] = 3, [0.5, 1.0]
    vectors = np.arange(-16, 16, dtype=np.int8).reshape(2, 16)
    whole = bytes(references.encode(Block("ab" * 32, facts, vectors)))
    shown: dict[str, Any] = {
        "model": "ab" * 32,
        "count": 2,
        "dimensions": 16,
        "consents": f"{bytes(range(16)).hex()} {bytes(range(16, 32)).hex()}",
    }
    put("references-plain", "references", "accept", whole, **shown)
    for name, body in (
        ("truncated", whole[:-1]),
        ("with-more", whole + b"\x00"),
        ("magic-differs", b"EGREFS2\n" + whole[8:]),
        ("none", whole[:10] + bytes(4) + whole[14:46]),
        ("too-few-dimensions", whole[:8] + b"\x0f\x00" + whole[10:-2]),
        ("quality-is-no-number", whole[:94] + b"\x00\x00\xc0\x7f" + whole[98:]),
        ("expires-before-it-begins", whole[:82] + bytes(4) + whole[86:]),
    ):
        put(f"references-{name}", "references", "refuse", body)


def _papers() -> None:
    one, two = ConsentId(bytes(range(16)).hex()), ConsentId(bytes(range(16, 32)).hex())
    whole = bytes(papers.encode({one: b"first document", two: b"second"}))
    put("papers-plain", "papers", "accept", whole, consents=f"{one} {two}")
    for name, body in (
        ("truncated", whole[:-1]),
        ("with-more", whole + b"\x00"),
        ("magic-differs", b"EGPAPR2\n" + whole[8:]),
        ("none", whole[:8] + bytes(4)),
        ("consent-twice", whole[:44] + whole[12:28] + whole[60:]),
    ):
        put(f"papers-{name}", "papers", "refuse", body)


def _seals() -> None:
    chunk, sequence = ChunkId(Kind.REFERENCES, 2), 5
    plain = b"the plaintext of a chunk"
    for cipher, algorithm in ((Cipher.AES_256_GCM, AESGCM), (Cipher.CHACHA20_POLY1305, ChaCha20Poly1305)):
        about: dict[str, Any] = {
            "cipher": cipher.value,
            "key": KEY.hex(),
            "site": OWNER.site,
            "gate": OWNER.gate,
            "row": chunk.row,
            "sequence": sequence,
        }
        sealed = seal.seal(cipher, Key(KEY), plain, OWNER.chunk_place(chunk.row, sequence))
        name = cipher.name.lower().replace("_", "-")
        put(f"chunk-{name}", "chunk", "accept", sealed, **about, plain=plain.hex())
        for change, value in (
            ("row", chunk.row + 1),
            ("sequence", 4),
            ("gate", "south"),
            ("site", "x"),
            ("key", OTHER.hex()),
        ):
            put(f"chunk-{name}-other-{change}", "chunk", "refuse", sealed, **about | {change: value})
        put(f"chunk-{name}-other-cipher", "chunk", "refuse", sealed, **about | {"cipher": 3 - cipher.value})
        put(f"chunk-{name}-truncated", "chunk", "refuse", sealed[:-1], **about)
        content = bytes(table.encode(EPOCH, {chunk: table.Entry(sequence, Key(OTHER))}))
        keys = NONCE + algorithm(KEY).encrypt(NONCE, content, OWNER.table_place(EPOCH, 1))
        about = {
            "cipher": cipher.value,
            "key": KEY.hex(),
            "site": OWNER.site,
            "gate": OWNER.gate,
            "epoch": EPOCH,
            "slot": 1,
        }
        put(f"keys-{name}", "keys", "accept", keys, **about, plain=content.hex())
        for change, value in (("epoch", 6), ("slot", 0), ("gate", "south"), ("key", OTHER.hex())):
            put(f"keys-{name}-other-{change}", "keys", "refuse", keys, **about | {change: value})
        put(f"keys-{name}-other-nonce", "keys", "refuse", b"\xff" + keys[1:], **about)


def put(name: str, kind: str, expect: str, body: bytes, **header: str | int) -> None:
    write("vault", name, body, format=kind, expect=expect, **header)


if __name__ == "__main__":
    main()
