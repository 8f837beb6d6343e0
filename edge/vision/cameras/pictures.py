"""From the bytes of an image file to pixels, or a named reason why not.

Rule 1.  What the header claims is read before anything is decoded: format, size, and whether the file has its end.
         A decoder that is handed a truncated JPEG paints the rest grey and calls it success; a PNG of a few kilobytes
         can claim gigabytes of pixels.
Rule 2.  JPEG and PNG, nothing else: each further decoder is code that strangers' bytes could reach.
Rule 3.  Every image that comes out is BGR uint8 [height, width, 3], upright (Exif orientation applied).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_FILE_BYTES = 24 * 1024 * 1024
MAX_PIXELS = 50_000_000
MIN_SIDE_PX = 8
SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_JPEG_END = b"\xff\xd9"
_PNG_END = b"IEND\xaeB`\x82"  # the last chunk is always the same: no data, one CRC
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOFn (ITU-T T.81, table B.1)
_JPEG_SCAN = 0xDA
_HINT = "use JPEG or PNG files that open in an image viewer"


def read_picture(path: Path) -> NDArray[np.uint8]:
    """The image in the file at `path`. Raises `InputError` that names the file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"unreadable image {path.name} ({error.strerror})", hint="check its permissions") from None
    return decode_picture(data, path.name)


def decode_picture(data: bytes, name: str) -> NDArray[np.uint8]:
    """The image in `data`, which messages call `name`. Raises `InputError`."""
    if len(data) > MAX_FILE_BYTES:
        raise _refused(f"image {name} of more than {MAX_FILE_BYTES >> 20} MiB")
    try:
        width, height, complete = _claims(data)
    except (ValueError, struct.error, IndexError):
        raise _refused(f"damaged image {name} (neither JPEG nor PNG)") from None
    if not complete:
        raise _refused(f"truncated image {name}")
    if min(width, height) < MIN_SIDE_PX or width * height > MAX_PIXELS:
        raise _refused(
            f"image {name} of {width}x{height} pixels (at least {MIN_SIDE_PX} a side, at most {MAX_PIXELS} in all)"
        )
    try:
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise _refused(f"damaged image {name}")
    return np.asarray(image, dtype=np.uint8)


def fit(image: NDArray[np.uint8], into: NDArray[np.uint8]) -> None:
    """Scale `image` to fill as much of `into` as its shape allows, centred, on black."""
    height, width = into.shape[:2]
    scale = min(height / image.shape[0], width / image.shape[1])
    h, w = max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale))
    top, left = (height - h) // 2, (width - w) // 2
    if (h, w) != (height, width):
        into.fill(0)
    inside = into[top : top + h, left : left + w]
    if image.shape == inside.shape:
        inside[:] = image
    else:
        inside[:] = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def _claims(data: bytes) -> tuple[int, int, bool]:
    """(width, height, whether the end is there), as the header says.

    Raises `ValueError`, `IndexError` or `struct.error` for what is no header.
    """
    if data.startswith(_PNG):
        if data[12:16] != b"IHDR":
            raise ValueError
        width, height = struct.unpack_from(">II", data, 16)
        return width, height, _PNG_END in data
    if data.startswith(_JPEG):
        return _jpeg_claims(data)
    raise ValueError


def _jpeg_claims(data: bytes) -> tuple[int, int, bool]:
    """Walk the segments up to the first scan; in the scan itself an end marker cannot occur by chance (B.1.1.5)."""
    at, size = 2, None
    while at < len(data):
        if data[at] != 0xFF:  # noqa: PLR2004 - every marker begins so
            raise ValueError
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - fill byte
            at += 1
            continue
        length = struct.unpack_from(">H", data, at + 2)[0]
        if marker in _JPEG_SIZES:
            size = struct.unpack_from(">HH", data, at + 5)
        if marker == _JPEG_SCAN:
            if size is None:
                raise ValueError
            return size[1], size[0], data.find(_JPEG_END, at) >= 0
        at += 2 + length
    if size is None:
        raise ValueError
    return size[1], size[0], False  # the header is whole, the picture never begins


def _refused(message: str) -> InputError:
    return InputError(message, hint=_HINT)
