"""Descriptors from outside: whatever is in them, either a picture or an `InputError` comes out."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.vision.images import MAX_IMAGE_BYTES, decode_image

PICTURE = np.random.default_rng(5).integers(0, 256, (40, 60, 3)).astype(np.uint8)


def encoded(suffix: str, image: np.ndarray = PICTURE) -> bytes:
    done, data = cv2.imencode(suffix, image)
    assert done
    return data.tobytes()


JPEG, PNG = encoded(".jpg"), encoded(".png")


@contextmanager
def memfd(data: bytes) -> Iterator[int]:
    fd = os.memfd_create("picture")
    try:
        os.write(fd, data)
        yield fd
    finally:
        os.close(fd)


def decode(data: bytes) -> np.ndarray:
    with memfd(data) as fd:
        return decode_image(fd, "image 1")


def png_that_claims(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = b"IDAT" + zlib.compress(bytes(10_000))
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, pixels, b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_jpeg_and_png_are_read() -> None:
    assert np.array_equal(decode(PNG), PICTURE)
    assert decode(JPEG).shape == PICTURE.shape


def test_the_descriptor_is_read_from_its_start_and_left_where_it_was() -> None:
    with memfd(PNG) as fd:
        os.lseek(fd, 7, os.SEEK_SET)
        decode_image(fd, "image 1")
        assert os.lseek(fd, 0, os.SEEK_CUR) == 7


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (JPEG[:-200], "truncated"),
        (PNG[: len(PNG) // 2], "truncated"),
        (JPEG[:20], "damaged|truncated"),
        (b"GIF89a" + bytes(100), "neither JPEG nor PNG"),
        (encoded(".bmp"), "neither JPEG nor PNG"),
        (encoded(".webp"), "neither JPEG nor PNG"),
        (b"II*\0" + bytes(100), "neither JPEG nor PNG"),
        (b"not a picture at all", "neither JPEG nor PNG"),
        (png_that_claims(65_000, 65_000), "65000x65000"),
        (png_that_claims(0, 10), "0x10"),
        (png_that_claims(2**31 - 1, 2**31 - 1), "pixels"),
        (encoded(".png", np.zeros((2, 2, 3), np.uint8)), "2x2"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        decode(data)
    assert "image 1" in caught.value.message
    assert caught.value.hint


def test_a_huge_file_is_refused_unread() -> None:
    fd = os.memfd_create("huge")
    try:
        os.ftruncate(fd, MAX_IMAGE_BYTES + 1)
        with pytest.raises(InputError, match="at most"):
            decode_image(fd, "image 1")
    finally:
        os.close(fd)


def test_a_pipe_a_device_and_a_closed_descriptor_keep_nobody_waiting() -> None:
    read, write = os.pipe()
    zero = os.open("/dev/zero", os.O_RDONLY)
    folder = os.open("/", os.O_RDONLY)
    try:
        for fd in (read, zero, folder):
            with pytest.raises(InputError, match="plain file"):
                decode_image(fd, "image 1")
    finally:
        for fd in (read, write, zero, folder):
            os.close(fd)
    with pytest.raises(InputError, match="cannot be read"):
        decode_image(read, "image 1")


def _either(data: bytes) -> None:
    with suppress(InputError):
        image = decode(data)
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[2] == 3


@given(st.binary(max_size=400))
@example(b"\xff\xd8\xff")
@example(b"\x89PNG\r\n\x1a\n")
def test_any_bytes_are_a_picture_or_an_error(data: bytes) -> None:
    _either(data)


@given(st.sampled_from([JPEG, PNG]), st.data())
def test_any_damage_is_a_picture_or_an_error(whole: bytes, data: st.DataObject) -> None:
    spoilt = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(spoilt)))
    _either(bytes(spoilt[:cut]) if data.draw(st.booleans()) else bytes(spoilt))
