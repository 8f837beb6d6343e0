"""One chunk of papers: the signed consents that references rest on, byte for byte as they were presented.

They are kept because a reference counts only while its consent can be verified again (promise 1): a row that somebody
with the keys wrote into the vault has no issuer's signature.

Bytes, all integers little endian: `EGPAPR1` and a newline, count (u32); then `count` times: consent id (16 bytes),
length (u16), the document. Nothing follows, and no consent stands in it twice.
"""

from __future__ import annotations

import struct

from edge.core.consent import MAX_CONSENT_BYTES
from edge.core.values import ConsentId
from edge.gate.vault.references import ChunkInvalid

PAPERS_A_CHUNK = 64
"""A withdrawal rewrites one such chunk: about 50 KiB."""
Papers = dict[ConsentId, bytes]
_MAGIC = b"EGPAPR1\n"
_HEAD = struct.Struct("<8sI")
_ENTRY = struct.Struct("<16sH")


def encode(papers: Papers) -> bytearray:
    """The chunk's plaintext, for the caller to wipe. Raises `ChunkInvalid`."""
    if not 1 <= len(papers) <= PAPERS_A_CHUNK:
        raise ChunkInvalid("a chunk of papers has an impossible size")
    content = bytearray(_HEAD.pack(_MAGIC, len(papers)))
    for consent, document in papers.items():
        if len(document) > MAX_CONSENT_BYTES:
            raise ChunkInvalid("a consent document is too large for the vault")
        content += _ENTRY.pack(bytes.fromhex(consent), len(document)) + document
    return content


def decode(content: bytearray) -> Papers:
    """The papers in `content`. Raises `ChunkInvalid`."""
    if len(content) < _HEAD.size:
        raise ChunkInvalid("a chunk of papers is too short")
    magic, count = _HEAD.unpack_from(content)
    if magic != _MAGIC or not 1 <= count <= PAPERS_A_CHUNK:
        raise ChunkInvalid("a chunk of papers has another format")
    papers: Papers = {}
    at = _HEAD.size
    for _ in range(count):
        if len(content) < at + _ENTRY.size:
            raise ChunkInvalid("a chunk of papers is truncated")
        consent, length = _ENTRY.unpack_from(content, at)
        at += _ENTRY.size
        if length > MAX_CONSENT_BYTES or len(content) < at + length:
            raise ChunkInvalid("a chunk of papers is truncated")
        papers[ConsentId(consent.hex())] = bytes(content[at : at + length])
        at += length
    if at != len(content) or len(papers) != count:
        raise ChunkInvalid("a chunk of papers holds more than it says")
    return papers
