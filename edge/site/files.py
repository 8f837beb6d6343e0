"""Writing so that a crash leaves the old file or the new one, never half of one; and reading no more than expected."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from edge.errors import InputError, PartFailed

PRIVATE = 0o600


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path`, readable by its owner only: temporary file, fsync, rename, fsync of the folder.

    Raises:
        PartFailed: the disk is full or fails; what was at `path` before still is.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise PartFailed(f"{path} cannot be written: {error.strerror}", hint="check the disk and the folder") from None


def read_bounded(path: Path, limit_bytes: int, what: str) -> bytes:
    """The bytes of a file that is `what`. Raises `InputError` if it cannot be read or has more than `limit_bytes`."""
    try:
        with path.open("rb") as file:
            content = file.read(limit_bytes + 1)
    except OSError as error:
        raise InputError(f"{what} {path} cannot be read: {error.strerror}", hint="check the path") from None
    if len(content) > limit_bytes:
        raise InputError(f"{what} {path} is larger than {limit_bytes} bytes", hint="this is another file") from None
    return content


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
