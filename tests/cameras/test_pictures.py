"""Image files from outside: bounded, named, and never half a picture."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.vision.cameras.pictures import MAX_FILE_BYTES, decode_picture, fit, read_picture
from tests.cameras.drawn import picture


def encoded(suffix: str, seed: int = 1) -> bytes:
    good, data = cv2.imencode(suffix, picture(seed))
    assert good
    return data.tobytes()


JPEG, PNG = encoded(".jpg"), encoded(".png")


def png_that_claims(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IEND\xaeB`\x82"


@pytest.mark.parametrize("data", [JPEG, PNG])
def test_a_whole_picture_is_bgr(data: bytes) -> None:
    image = decode_picture(data, "x")
    assert image.shape == (120, 160, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - picture(1)).mean() < 3


def test_grey_transparent_and_deep_pictures_come_out_the_same_way() -> None:
    for image in (
        np.full((20, 30), 90, np.uint8),
        np.full((20, 30, 4), 90, np.uint8),
        np.full((20, 30, 3), 90 * 257, np.uint16),
    ):
        good, data = cv2.imencode(".png", image)
        assert good
        decoded = decode_picture(data.tobytes(), "x")
        assert decoded.shape == (20, 30, 3)
        assert decoded.dtype == np.uint8
        assert (decoded == 90).all()


@given(st.floats(0.0, 0.999))
def test_a_truncated_picture_is_refused_by_name_wherever_it_ends(part: float) -> None:
    for data in (JPEG, PNG):
        with pytest.raises(InputError, match=r"ann\.jpg") as refused:
            decode_picture(data[: int(part * len(data))], "ann.jpg")
        assert refused.value.hint


def test_a_picture_that_ends_early_is_called_truncated() -> None:
    for data in (JPEG, PNG):
        with pytest.raises(InputError, match=r"truncated image ann\.jpg"):
            decode_picture(data[: len(data) * 2 // 3], "ann.jpg")


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (0, 100), (100, 0), (2, 2), (2**31 - 1, 2**31 - 1)])
def test_the_claimed_size_is_judged_before_anything_is_decoded(width: int, height: int) -> None:
    with pytest.raises(InputError, match=f"{width}x{height} pixels"):
        decode_picture(png_that_claims(width, height), "bomb.png")


def test_a_jpeg_that_claims_gigabytes_is_refused() -> None:
    at = JPEG.index(b"\xff\xc0") + 5
    with pytest.raises(InputError, match="65000x65000 pixels"):
        decode_picture(JPEG[:at] + struct.pack(">HH", 65000, 65000) + JPEG[at + 4 :], "bomb.jpg")


def test_what_is_neither_jpeg_nor_png_is_refused(tmp_path: Path) -> None:
    bitmap = cv2.imencode(".bmp", picture(1))[1].tobytes()
    for data in (b"", b"\xff\xd8\xff", bitmap, b"%PDF-1.7", b"\x00" * 100):
        with pytest.raises(InputError, match="neither JPEG nor PNG"):
            decode_picture(data, "x")
    with pytest.raises(InputError, match="unreadable image"):
        read_picture(tmp_path / "nobody.jpg")
    with pytest.raises(InputError, match="unreadable image"):
        read_picture(tmp_path)


def test_a_huge_file_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(10 * MAX_FILE_BYTES)  # sparse
    tracemalloc.start()
    with pytest.raises(InputError, match="more than 24 MiB"):
        read_picture(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * MAX_FILE_BYTES


@given(st.sampled_from([JPEG, PNG]), st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=8))
def test_damaged_bytes_are_a_picture_or_an_input_error(data: bytes, hits: list[tuple[float, int]]) -> None:
    broken = bytearray(data)
    for where, value in hits:
        broken[int(where * len(broken))] = value
    try:
        image = decode_picture(bytes(broken), "x")
    except InputError:
        return
    assert image.dtype == np.uint8
    assert image.shape[2:] == (3,)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]))
def test_any_bytes_are_a_picture_or_an_input_error(data: bytes, start: bytes) -> None:
    with pytest.raises(InputError):
        decode_picture(start + data, "x")


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 90), st.integers(1, 90))
def test_a_fitted_picture_keeps_its_shape_and_leaves_nothing_of_the_old_frame(
    height: int, width: int, to_height: int, to_width: int
) -> None:
    into = np.full((to_height, to_width, 3), 77, dtype=np.uint8)
    fit(np.full((height, width, 3), 200, dtype=np.uint8), into)
    assert set(np.unique(into)) <= {0, 200}
    lit = np.argwhere(into[..., 0] == 200)
    tall, wide = lit.max(axis=0) - lit.min(axis=0) + 1
    assert tall == to_height or wide == to_width
    scale = min(to_height / height, to_width / width)
    assert abs(tall - max(1, height * scale)) <= 1
    assert abs(wide - max(1, width * scale)) <= 1
