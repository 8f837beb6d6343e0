"""Whatever a vendor's library raises becomes one `PartFailed` that names the line and the way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edge.errors import PartFailed

WIRING = "check the wiring and [pins] in the configuration, and that no other program or overlay uses the line"


@contextmanager
def named(doing: str, hint: str = WIRING) -> Iterator[None]:
    """Run the block; raise `PartFailed` that says `doing` and the library's reason."""
    try:
        yield
    except PartFailed:
        raise
    except Exception as error:  # gpiozero alone has thirty kinds, lgpio one of its own, the kernel OSError
        raise PartFailed(f"{doing}: {error}", hint=hint) from error
