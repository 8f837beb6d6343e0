"""From a file on disk to bytes that can be trusted, in one read.

Rule 1.  The bytes that were hashed are the bytes that are returned. Nobody opens the file a second time, so nobody can
         exchange it between the check and the use.
Rule 2.  Exactly as many bytes are read as the recipe names, out of a regular file: a link, a pipe or a device is
         refused, and a file that grew is not swallowed.
Rule 3.  Any difference is `PackDamaged`, with the file's name and the command that mends it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from edge.packs.errors import PackDamaged, PackMissing
from edge.packs.regular import read_regular

if TYPE_CHECKING:
    from edge.packs.pack import Part


def read_verified(part: Part) -> bytes:
    """The bytes of one part, exactly as the recipe names them.

    Raises:
        PackMissing: the file is not there.
        PackDamaged: it is not a regular file below its folder, or its size or digest differ.
    """
    shown = f"{part.role} {part.path.name!r} of model pack {part.pack!r}"
    if not part.path.resolve().is_relative_to(part.folder.resolve()):
        raise PackDamaged(f"{shown} leads out of its folder", hint=f"remove {part.path} and run `{part.mend}`")
    try:
        content = read_regular(part.path, limit_bytes=part.bytes)
    except FileNotFoundError:
        raise PackMissing(f"{shown} is missing: {part.path}", hint=f"run `{part.mend}`") from None
    except OSError as error:
        raise PackDamaged(
            f"{shown} cannot be read: {error.strerror}", hint=f"remove {part.path} and run `{part.mend}`"
        ) from None
    if len(content) != part.bytes:
        raise PackDamaged(f"{shown} has another size than its recipe's {part.bytes} bytes", hint=f"run `{part.mend}`")
    if hashlib.sha256(content).hexdigest() != part.sha256:
        raise PackDamaged(f"{shown} is damaged: its SHA-256 differs from the recipe's", hint=f"run `{part.mend}`")
    return content
