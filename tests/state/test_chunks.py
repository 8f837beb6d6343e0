"""What is sent in pieces arrives whole or not at all."""

from __future__ import annotations

from itertools import islice

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.state.bundle import MAX_BUNDLE_BYTES
from edge.state.chunks import MAX_PIECES, PIECE_BYTES, Gatherer, Opening, Piece, split
from edge.state.errors import StateDamaged
from edge.wire.messages import MAX_MESSAGE_BYTES

SIZES = st.sampled_from([1, 2, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, 200_000])


def gathered(gatherer: Gatherer, parts: list[Opening | Piece]) -> list[bytes]:
    return [data for part in parts if (data := gatherer.take(part)) is not None]


@given(SIZES, st.integers(0, 255))
def test_what_is_split_is_gathered(size: int, byte: int) -> None:
    data = bytes([byte, 255 - byte] * (size // 2 + 1))[:size]
    parts = list(split(data))
    assert all(len(msgspec.msgpack.encode(part)) < MAX_MESSAGE_BYTES for part in parts)
    assert gathered(Gatherer(), parts) == [data]
    assert gathered(Gatherer(), [*parts[:-1], *parts]) == [data], "a new opening begins anew"


def test_the_largest_bundle_fits() -> None:
    data = bytes(MAX_BUNDLE_BYTES)
    assert gathered(Gatherer(), list(split(data))) == [data]
    assert len(list(split(data))) == MAX_PIECES + 1
    for size in (0, MAX_BUNDLE_BYTES + 1):
        with pytest.raises(StateDamaged, match="cannot be sent"):
            next(split(bytes(size)))


@given(SIZES, st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_no_order_but_the_right_one_gives_an_object(size: int, order: list[int]) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    parts = list(split(data[:size]))
    gatherer = Gatherer()
    for number in order:
        try:
            whole = gatherer.take(parts[number % len(parts)])
        except StateDamaged:
            continue
        assert whole in (None, data[:size])


def test_a_lie_in_the_opening_is_found() -> None:
    data = b"x" * 100_000
    opening, *pieces = split(data)
    assert isinstance(opening, Opening)
    for lie in ({"sha256": "0" * 64}, {"total": 99_999}, {"total": 100_001}, {"total": 50_000, "pieces": 1}):
        with pytest.raises(StateDamaged):
            gathered(Gatherer(), [msgspec.structs.replace(opening, **lie), *pieces])
    with pytest.raises(StateDamaged, match="do not make"):
        Gatherer().take(Opening(100, "0" * 64, 2))


def test_pieces_without_an_opening_are_nothing() -> None:
    _, *pieces = split(b"x" * 100_000)
    for piece in pieces:
        with pytest.raises(StateDamaged, match="without an opening"):
            Gatherer().take(piece)


def test_after_an_error_everything_is_dropped() -> None:
    parts = list(split(b"x" * 100_000))
    gatherer = Gatherer()
    gathered(gatherer, list(islice(parts, 2)))
    with pytest.raises(StateDamaged, match="out of turn"):
        gatherer.take(parts[1])
    with pytest.raises(StateDamaged, match="without an opening"):
        gatherer.take(parts[2])


@given(st.binary(max_size=200))
def test_bytes_from_the_wire_are_a_part_or_an_error(data: bytes) -> None:
    decoder = msgspec.msgpack.Decoder(Opening | Piece)
    with pytest.raises(msgspec.DecodeError):
        decoder.decode(data)


def test_a_piece_hides_its_bytes() -> None:
    assert repr(Piece(3, b"secret")) == "Piece(3, 6 bytes)"
