"""The bytes of every chunk: what is written comes back, and nothing else is taken for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.consent import MAX_CONSENT_BYTES, MAX_LIFETIME_S
from edge.core.values import ConsentId
from edge.gate.vault import notes, papers, references, table
from edge.gate.vault.errors import SealBroken
from edge.gate.vault.notes import CardList, Entry, State
from edge.gate.vault.references import FACTS, REFERENCES_A_CHUNK, Block, ChunkInvalid
from edge.gate.vault.seal import (
    KEY_BYTES,
    TAG_BYTES,
    Cipher,
    Key,
    fastest,
    place_of,
    seal,
    seal_again,
    unseal,
    unseal_again,
)
from edge.gate.vault.table import ChunkId, Kind

ciphers = st.sampled_from(list(Cipher))
ids = st.binary(min_size=16, max_size=16).map(lambda raw: ConsentId(raw.hex()))
CIPHERS = pytest.mark.parametrize("cipher", list(Cipher))


# Seals ----------------------------------------------------------------------------------------
@given(ciphers, st.binary(max_size=300), st.binary(max_size=40))
def test_what_was_sealed_opens(cipher: Cipher, plain: bytes, place: bytes) -> None:
    key = Key.fresh()
    assert unseal(cipher, key, seal(cipher, key, plain, place), place) == plain
    assert unseal_again(cipher, key, seal_again(cipher, key, plain, place), place) == plain


@given(ciphers, st.binary(max_size=100), st.data())
def test_no_bit_of_a_seal_can_be_changed(cipher: Cipher, plain: bytes, data: st.DataObject) -> None:
    key = Key.fresh()
    for made, opened in ((seal, unseal), (seal_again, unseal_again)):
        sealed = bytearray(made(cipher, key, plain, b"here"))
        sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        with pytest.raises(SealBroken):
            opened(cipher, key, bytes(sealed), b"here")


@CIPHERS
def test_a_seal_opens_with_its_key_in_its_place_and_in_no_other(cipher: Cipher) -> None:
    key, other = Key.fresh(), next(each for each in Cipher if each is not cipher)
    sealed = seal(cipher, key, b"template", b"here")
    attempts: tuple[Callable[[], object], ...] = (
        lambda: unseal(cipher, Key.fresh(), sealed, b"here"),
        lambda: unseal(cipher, key, sealed, b"there"),
        lambda: unseal(other, key, sealed, b"here"),
        lambda: unseal_again(cipher, key, sealed, b"here"),
        lambda: unseal(cipher, key, sealed[:-1], b"here"),
        lambda: unseal(cipher, key, b"", b"here"),
        lambda: unseal_again(cipher, key, b"", b"here"),
    )
    for attempt in attempts:
        with pytest.raises(SealBroken):
            attempt()


names = st.text(st.sampled_from("ab|\x00"), max_size=4)
places = st.tuples(st.sampled_from(["chunk", "keys"]), names, names, st.lists(st.integers(0, 300), max_size=3))


@given(places, places)
def test_no_two_places_look_alike(one: Any, two: Any) -> None:
    def made(parts: Any) -> bytes:
        return place_of(parts[0], parts[1], parts[2], *parts[3])

    assert (made(one) == made(two)) == (one == two)


def test_the_faster_cipher_is_chosen_by_the_clock() -> None:
    def told(slow: Cipher) -> Callable[[], float]:
        """A clock on which trials of one cipher (they come first or last) take longer."""
        state = {"calls": 0, "now": 0.0}

        def clock() -> float:
            first_half = state["calls"] < 10
            state["calls"] += 1
            state["now"] += 2.0 if first_half == (slow is Cipher.AES_256_GCM) else 1.0
            return state["now"]

        return clock

    assert fastest(told(Cipher.AES_256_GCM)) is Cipher.CHACHA20_POLY1305
    assert fastest(told(Cipher.CHACHA20_POLY1305)) is Cipher.AES_256_GCM
    assert fastest() in Cipher


@pytest.mark.parametrize("length", [0, KEY_BYTES - 1, KEY_BYTES + 1])
def test_a_key_has_one_length(length: int) -> None:
    with pytest.raises(SealBroken):
        Key(bytes(length))


def test_a_wiped_key_is_zero() -> None:
    key = Key.fresh()
    shared = key.reveal()
    key.wipe()
    assert shared == bytes(KEY_BYTES)


# The key table ----------------------------------------------------------------------------------
chunk_ids = st.builds(ChunkId, st.sampled_from(list(Kind)), st.integers(0, 2**32 - 1))
tables = st.dictionaries(chunk_ids, st.integers(1, 90), max_size=12)


@given(tables)
def test_a_key_table_comes_back(sequences: dict[ChunkId, int]) -> None:
    made = {chunk: table.Entry(sequence, Key.fresh()) for chunk, sequence in sequences.items()}
    content = table.encode(90, made)
    found = table.decode(90, content)
    assert {chunk: (entry.sequence, entry.key.reveal()) for chunk, entry in found.items()} == {
        chunk: (entry.sequence, entry.key.reveal()) for chunk, entry in made.items()
    }
    assert table.encode(90, found) == content


@given(tables, st.data())
def test_no_other_bytes_are_a_key_table(sequences: dict[ChunkId, int], data: st.DataObject) -> None:
    content = table.encode(90, {chunk: table.Entry(n, Key.fresh()) for chunk, n in sequences.items()})
    cut = data.draw(st.integers(0, len(content) - 1))
    for other in (content[:cut], content + b"\x00", b"X" + content[1:]):
        with pytest.raises(SealBroken):
            table.decode(90, bytearray(other))
    with pytest.raises(SealBroken):
        table.decode(91, content)


def test_a_key_table_is_in_order_and_of_its_time() -> None:
    entry = table.Entry(3, Key.fresh())
    two = {ChunkId(Kind.REFERENCES, 0): entry, ChunkId(Kind.REFERENCES, 1): entry}
    content = table.encode(5, two)
    first, second = content[20:68], content[68:]
    for other in (
        content[:20] + second + first,
        content[:20] + first + first,
        table.encode(2, two),
        content[:20] + bytes(8) + first[8:] + second,
    ):
        with pytest.raises(SealBroken):
            table.decode(int.from_bytes(other[8:16], "little"), bytearray(other))


@given(st.binary(max_size=200))
def test_noise_is_no_key_table(noise: bytes) -> None:
    with pytest.raises(SealBroken):
        table.decode(1, bytearray(noise))


# References ---------------------------------------------------------------------------------------
def block(count: int = 3, dimensions: int = 16, **facts: Any) -> Block:
    rng = np.random.default_rng(count)
    made = np.zeros(count, FACTS)
    made["consent"] = rng.integers(0, 256, (count, 16))
    made["subject"] = rng.integers(0, 256, (count, 16))
    made["expires"], made["enrolled"], made["quality"] = MAX_LIFETIME_S, 5, 0.5
    for name, value in facts.items():
        made[name] = value
    return Block("ab" * 32, made, rng.integers(-127, 128, (count, dimensions), dtype=np.int8))


@given(st.integers(1, 40), st.sampled_from([16, 17, 128, 1024]))
def test_references_come_back(count: int, dimensions: int) -> None:
    made = block(count, dimensions)
    content = references.encode(made)
    found = references.decode(content)
    references.check_facts(found.facts)
    assert found.model_sha256 == made.model_sha256
    assert found.facts.tobytes() == made.facts.tobytes()
    assert (found.vectors == made.vectors).all()
    assert references.encode(found) == content
    assert len(content) == 46 + count * (FACTS.itemsize + dimensions)


@given(st.integers(1, 4), st.data())
def test_no_other_bytes_are_references(count: int, data: st.DataObject) -> None:
    content = references.encode(block(count))
    cut = data.draw(st.integers(0, len(content) - 1))
    for other in (content[:cut], content + b"\x00", b"X" + content[1:]):
        with pytest.raises(ChunkInvalid):
            references.decode(bytearray(other))


@given(st.binary(max_size=300))
def test_noise_is_no_chunk_of_any_kind(noise: bytes) -> None:
    for decode in (references.decode, papers.decode, notes.decode_cards, notes.decode_entries):
        with pytest.raises(ChunkInvalid):
            decode(bytearray(noise))


@pytest.mark.parametrize(
    "facts", [{"quality": np.nan}, {"quality": 1.5}, {"quality": -1}, {"expires": 0}, {"not_before": MAX_LIFETIME_S}]
)
def test_facts_that_cannot_be_are_neither_written_nor_read(facts: dict[str, Any]) -> None:
    with pytest.raises(ChunkInvalid):
        references.encode(block(**facts))
    with pytest.raises(ChunkInvalid):
        references.check_facts(block(**facts).facts)


def test_a_chunk_has_its_limits() -> None:
    for count, dimensions in ((0, 16), (REFERENCES_A_CHUNK + 1, 16), (1, 15), (1, 1025)):
        with pytest.raises(ChunkInvalid):
            references.encode(block(count, dimensions))
    wild = block()
    wild.vectors[0, 0] = -128
    with pytest.raises(ChunkInvalid, match="-128"):
        references.encode(wild)


@given(st.lists(ids, min_size=1, max_size=6, unique=True), st.data())
def test_taking_consents_out_leaves_the_others_as_they_were(consents: list[ConsentId], data: st.DataObject) -> None:
    owners = data.draw(st.lists(st.sampled_from(consents), min_size=1, max_size=12))
    gone = set(data.draw(st.lists(st.sampled_from(consents), max_size=3)))
    made = block(len(owners))
    for row, owner in enumerate(owners):
        made.facts["consent"][row] = np.frombuffer(bytes.fromhex(owner), np.uint8)
    rest = made.without(gone)
    kept = [row for row, owner in enumerate(owners) if owner not in gone]
    assert rest.vectors.tolist() == made.vectors[kept].tolist()
    assert rest.facts.tobytes() == made.facts[kept].tobytes()


# Papers ---------------------------------------------------------------------------------------------
@given(st.dictionaries(ids, st.binary(max_size=60), min_size=1, max_size=8), st.data())
def test_papers_come_back(held: dict[ConsentId, bytes], data: st.DataObject) -> None:
    content = papers.encode(held)
    assert papers.decode(content) == held
    assert papers.encode(papers.decode(content)) == content
    cut = data.draw(st.integers(0, len(content) - 1))
    for other in (content[:cut], content + b"\x00", b"X" + content[1:]):
        with pytest.raises(ChunkInvalid):
            papers.decode(bytearray(other))


def test_papers_have_their_limits() -> None:
    one = ConsentId("0" * 32)
    twice = papers.encode({one: b"x"})[:8] + (2).to_bytes(4, "little") + papers.encode({one: b"x"})[12:] * 2
    with pytest.raises(ChunkInvalid):
        papers.decode(bytearray(twice))
    with pytest.raises(ChunkInvalid):
        papers.encode({})
    with pytest.raises(ChunkInvalid):
        papers.encode({ConsentId(f"{n:032x}"): b"" for n in range(papers.PAPERS_A_CHUNK + 1)})
    with pytest.raises(ChunkInvalid):
        papers.encode({one: bytes(MAX_CONSENT_BYTES + 1)})


# Notes ----------------------------------------------------------------------------------------------
states = st.builds(
    State,
    suspended=st.frozensets(ids, max_size=4),
    spent=st.dictionaries(ids, st.integers(0, 2**32), max_size=4),
    watched=st.dictionaries(ids, st.floats(0, 1e9), max_size=4),
    owed=st.frozensets(ids, max_size=4),
)


@given(states)
def test_the_state_comes_back(state: State) -> None:
    assert notes.decode_state(notes.encode(state)) == state


@pytest.mark.parametrize(
    "content",
    [
        b'{"colour":1}',
        b'{"suspended":["x"]}',
        b'{"spent":{"x":1}}',
        b'{"suspended":"all"}',
        b"[]",
        b"\xff",
        b'{"watched":{"' + b"0" * 32 + b'":"long"}}',
    ],
)
def test_a_state_of_another_shape_is_none(content: bytes) -> None:
    with pytest.raises(ChunkInvalid):
        notes.decode_state(bytearray(content))


def test_cards_and_entries_come_back_and_cards_hide_their_key() -> None:
    listed = CardList("ab" * 32, (notes.Card("cd" * 32, "blue"),))
    assert notes.decode_cards(notes.encode(listed)) == listed
    assert "abab" not in repr(listed)
    entries = (Entry(at=1, what="enrolled", operator="uid 7", consents=(ConsentId("0" * 32),)),)
    assert notes.decode_entries(notes.encode(entries)) == entries


def test_a_sealed_chunk_is_its_plaintext_and_a_tag() -> None:
    assert len(seal(Cipher.AES_256_GCM, Key.fresh(), bytes(100), b"")) == 100 + TAG_BYTES
