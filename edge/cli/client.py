"""What the operator's commands share: which gate they ask, and how its answer is narrowed (`edge.wire.client` asks)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from edge.config.load import find, load
from edge.config.schema import Config
from edge.errors import InputError
from edge.wire import client
from edge.wire.admin import Request

ANSWER_S = 10.0
"""How long a gate may take over an answer that needs no camera and no disk sync."""
WORK_S = 90.0
"""How long it may take to enrol or to erase."""

T = TypeVar("T")


def configured(path: Path | None) -> Config:
    """The configuration named on the command line, or the first of those that are looked for."""
    return load(find(path))


def ask(config: Config, request: Request, answer: type[T], *, fds: Sequence[int] = (), within_s: float = ANSWER_S) -> T:
    """Send `request`, with open descriptors if it takes some, and return the gate's answer of the kind `answer`.

    Raises what `edge.wire.client.ask` raises, and `InputError` for an answer of another kind.
    """
    said = client.ask(config.admin_socket, request, fds, within_s=within_s)
    if not isinstance(said, answer):
        raise InputError(
            f"the gate answered with {type(said).__name__}", hint="gate and command line are of different versions"
        )
    return said
