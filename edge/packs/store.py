"""Files that appear whole or not at all.

Rule 1.  The bytes go into a new file beside the target and are synced; then the name moves, and the folder is synced. A
         power cut leaves the old file or the new one.
Rule 2.  Nothing is written through a link: neither the target nor a folder below the root may lead elsewhere.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

from edge.packs.errors import PackDamaged

if TYPE_CHECKING:
    from pathlib import Path

_MODE = 0o644
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_whole(root: Path, name: str, content: bytes) -> Path:
    """Put `content` under `root`/`name`, both of which may be new. The path.

    `name` is relative, and one that `edge.packs.recipe` let through.

    Raises:
        PackDamaged: a link below `root` leads out of it, or the folder cannot be written.
    """
    path = root / name
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not folder.resolve().is_relative_to(root.resolve()):
            raise PackDamaged(f"{folder} leads out of {root}", hint=f"remove the link {folder}")
        temporary = folder / f".{path.name}.{uuid4().hex}"
        try:
            with os.fdopen(os.open(temporary, _NEW, _MODE), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(folder)
    except OSError as error:
        raise PackDamaged(
            f"{path} cannot be written: {error.strerror}", hint="free space, or choose a folder with --into"
        ) from None
    return path


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
