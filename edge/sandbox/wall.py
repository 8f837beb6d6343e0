"""One wall of a sandbox: built first, put up later, because building needs files and programs that walls forbid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wall:
    """`name` is what `status` says of it; `put_up` cannot be undone, and raises `PartFailed` if the kernel refuses."""

    name: str
    put_up: Callable[[], None]


class Absent(Exception):
    """The kernel or a library does not offer this wall; the text says which, in words for `status`."""
