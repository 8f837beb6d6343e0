"""Reading a file that might be anything: bounded, never through a link, never waiting for a pipe."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def read_regular(path: Path, *, limit_bytes: int) -> bytes:
    """At most `limit_bytes` + 1 bytes of a regular file; the extra byte tells the caller that it is too long.

    Raises:
        OSError: the file is absent, is a link, or is not a regular file.
    """
    # O_NONBLOCK: opening a pipe would otherwise wait for a writer, and the gate would never start.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "not a regular file")
        return file.read(limit_bytes + 1)
