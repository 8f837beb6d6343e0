"""The vault's formats as files (`docs/vault.md`, `tests/vectors/README.md`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.gate.vault import papers, references, table
from edge.gate.vault.errors import SealBroken
from edge.gate.vault.references import ChunkInvalid
from edge.gate.vault.seal import Cipher, Key, seal, unseal, unseal_again
from edge.gate.vault.slots import FileSlot
from edge.gate.vault.store import Owner
from tests.vectors import Vector, read_all

VECTORS = read_all("vault")


def test_there_are_vectors_of_every_format_and_most_are_traps() -> None:
    formats = {vector.header["format"] for vector in VECTORS}
    assert formats == set(READERS)
    for kind in formats:
        expected = Counter(v.expect == "accept" for v in VECTORS if v.header["format"] == kind)
        assert expected[True] >= 1
        assert expected[False] >= 4 * expected[True]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_a_vector_is_read_as_it_says(vector: Vector, tmp_path: Path) -> None:
    try:
        found = READERS[vector.header["format"]](vector, tmp_path)
    except (SealBroken, ChunkInvalid):
        found = "refuse"
    assert found == vector.expect


def slot(vector: Vector, folder: Path) -> str:
    (folder / "slot").write_bytes(vector.body)
    held = FileSlot(folder / "slot").read()
    if held is None:
        return "empty"
    assert (held[0], held[1].reveal().hex()) == (int(vector.header["epoch"]), vector.header["key"])
    FileSlot(folder / "slot").wipe()
    FileSlot(folder / "slot").write(*held)
    assert (folder / "slot").read_bytes() == vector.body
    return "accept"


def keys_in_plain(vector: Vector, _: Path) -> str:
    epoch = int(vector.header["epoch"])
    found = table.decode(epoch, bytearray(vector.body))
    assert " ".join(f"{c.row}/{entry.sequence}" for c, entry in found.items()) == vector.header["entries"]
    assert table.encode(epoch, found) == vector.body
    return "accept"


def chunk_of_references(vector: Vector, _: Path) -> str:
    found = references.decode(bytearray(vector.body))
    references.check_facts(found.facts)
    assert found.model_sha256 == vector.header["model"]
    assert found.vectors.shape == (int(vector.header["count"]), int(vector.header["dimensions"]))
    assert " ".join(fact["consent"].tobytes().hex() for fact in found.facts) == vector.header["consents"]
    assert references.encode(found) == vector.body
    return "accept"


def chunk_of_papers(vector: Vector, _: Path) -> str:
    found = papers.decode(bytearray(vector.body))
    assert " ".join(found) == vector.header["consents"]
    assert papers.encode(found) == vector.body
    return "accept"


def sealed_chunk(vector: Vector, _: Path) -> str:
    head = vector.header
    owner, cipher, key = Owner(head["site"], head["gate"]), Cipher(int(head["cipher"])), Key(bytes.fromhex(head["key"]))
    place = owner.chunk_place(int(head["row"]), int(head["sequence"]))
    plain = unseal(cipher, key, vector.body, place)
    assert plain.hex() == head["plain"]
    assert seal(cipher, key, plain, place) == vector.body
    return "accept"


def sealed_keys(vector: Vector, _: Path) -> str:
    head = vector.header
    owner, key = Owner(head["site"], head["gate"]), Key(bytes.fromhex(head["key"]))
    place = owner.table_place(int(head["epoch"]), int(head["slot"]))
    assert unseal_again(Cipher(int(head["cipher"])), key, vector.body, place).hex() == head["plain"]
    return "accept"


READERS: dict[str, Callable[[Vector, Path], str]] = {
    "slot": slot,
    "table": keys_in_plain,
    "references": chunk_of_references,
    "papers": chunk_of_papers,
    "chunk": sealed_chunk,
    "keys": sealed_keys,
}
