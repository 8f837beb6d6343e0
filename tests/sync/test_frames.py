"""The meter under paho: what it refuses, it refuses before the content is read."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.sync.frames import MAX_ANSWER_BYTES, MAX_PACKET_BYTES, FrameMeter

PUBLISH, CONNACK = 0x30, 0x20


def length(number: int) -> bytes:
    """MQTT's variable byte integer."""
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def packet(kind: int, size: int) -> bytes:
    return bytes([kind]) + length(size) + bytes(size)


def header_size(size: int) -> int:
    return 1 + len(length(size))


SMALL = st.builds(packet, st.sampled_from([0x20, 0x30, 0x31, 0x32, 0x3A, 0x40, 0x90, 0xD0, 0xE0]), st.integers(0, 300))


@given(packets=st.lists(SMALL, max_size=8), cuts=st.lists(st.integers(0, 2500), max_size=12))
def test_whatever_a_broker_may_send_goes_through_in_pieces_of_any_size(packets: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(packets)
    meter = FrameMeter()
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for start, end in itertools.pairwise(edges):
        meter.feed(stream[start:end])


@pytest.mark.parametrize(("kind", "limit"), [(PUBLISH, MAX_PACKET_BYTES), (CONNACK, MAX_ANSWER_BYTES)])
def test_a_packet_may_be_as_large_as_its_limit_and_no_larger(kind: int, limit: int) -> None:
    most = max(size for size in range(limit - 8, limit) if header_size(size) + size <= limit)
    FrameMeter().feed(packet(kind, most))
    with pytest.raises(InputError, match="announced"):
        FrameMeter().feed(bytes([kind]) + length(most + 1))


def test_256_mb_are_refused_at_the_fifth_byte() -> None:
    """Threat 21: MQTT's maximum. Nothing of it has been asked for yet."""
    meter = FrameMeter()
    meter.feed(b"\x30\xff\xff")
    with pytest.raises(InputError):
        meter.feed(b"\xff\x7f")


def test_a_length_without_end_is_refused() -> None:
    with pytest.raises(InputError, match="does not end"):
        FrameMeter().feed(b"\x30\x80\x80\x80\x80")


@pytest.mark.parametrize("kind", [0, 1, 5, 6, 7, 8, 10, 11, 12, 15])
def test_what_only_clients_send_and_what_qos_2_needs_is_refused(kind: int) -> None:
    with pytest.raises(InputError, match="no broker sends"):
        FrameMeter().feed(bytes([kind << 4]))


@pytest.mark.parametrize("flags", [0x34, 0x36, 0x3C])
def test_qos_2_is_refused(flags: int) -> None:
    with pytest.raises(InputError, match="QoS"):
        FrameMeter().feed(bytes([flags]))


def test_after_a_refusal_nothing_goes_through() -> None:
    meter = FrameMeter()
    with pytest.raises(InputError):
        meter.feed(b"\x00")
    for data in (b"", packet(CONNACK, 3)):
        with pytest.raises(InputError, match="goes on"):
            meter.feed(data)


@given(data=st.binary(max_size=400), cut=st.integers(0, 400))
def test_where_a_stream_is_cut_changes_nothing(data: bytes, cut: int) -> None:
    whole, parts = FrameMeter(), FrameMeter()
    refused = [False, False]
    with contextlib.suppress(InputError):
        whole.feed(data)
        refused[0] = True
    with contextlib.suppress(InputError):
        parts.feed(data[:cut])
        parts.feed(data[cut:])
        refused[1] = True
    assert refused[0] == refused[1]


@given(st.lists(st.binary(max_size=64), max_size=20))
def test_what_passes_never_holds_an_open_packet_above_the_limit(pieces: list[bytes]) -> None:
    meter = FrameMeter()
    with contextlib.suppress(InputError):
        for piece in pieces:
            meter.feed(piece)
            assert meter._left <= MAX_PACKET_BYTES
