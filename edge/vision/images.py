"""Pictures for enrolment, handed to us as open descriptors: nothing about them is believed.

Rule 1.  A descriptor is read only if it is a plain file or a memfd of at most `MAX_IMAGE_BYTES`: a pipe could keep us
         waiting, a device could do anything. It is read from its start, whatever its position, and not moved.
Rule 2.  What the header claims is read before anything is decoded (`edge.vision.cameras.pictures`): a few kilobytes
         can claim gigabytes of pixels.
Rule 3.  This runs in `vision` only, inside its sandbox. The operator's process and `gate` pass the descriptor unread.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from edge.errors import InputError
from edge.vision.cameras.pictures import MAX_FILE_BYTES, decode_picture

if TYPE_CHECKING:
    from edge.vision.sampling import Image

MAX_IMAGE_BYTES = MAX_FILE_BYTES
_HINT = "hand in JPEG or PNG files that open in an image viewer"


def decode_image(fd: int, name: str) -> Image:
    """The picture in `fd`, BGR uint8 [height, width, 3], upright; messages call it `name`. `fd` stays open.

    Raises:
        InputError: what is wrong with it, and never its content.
    """
    return decode_picture(_read(fd, name), name)


def _read(fd: int, name: str) -> bytes:
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{name} is not a plain file", hint=_HINT)
        if found.st_size == 0:
            raise InputError(f"{name} is empty", hint=_HINT)
        if found.st_size > MAX_IMAGE_BYTES:
            raise InputError(f"{name} has {found.st_size} bytes, at most {MAX_IMAGE_BYTES} are read", hint=_HINT)
        # Of a file that grows while we read, no more than was measured; of one that shrinks, a truncated picture.
        return os.pread(fd, found.st_size, 0)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}", hint=_HINT) from None
