"""One question to a running gate, through its admin socket (`edge.wire.admin`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from edge.config.load import find, load
from edge.config.schema import Config
from edge.errors import ConfigError, EdgeError, InputError, NotRunning, PartFailed, Refused
from edge.wire.admin import Problem, Request, decode_answer
from edge.wire.link import connect
from edge.wire.messages import encode

ANSWER_S = 10.0
"""How long a gate may take over an answer that needs no camera and no disk sync."""
WORK_S = 90.0
"""How long it may take to enrol or to erase."""

T = TypeVar("T")
_ERRORS: dict[int, type[EdgeError]] = {
    error.exit_code: error for error in (ConfigError, InputError, Refused, PartFailed, NotRunning)
}


def configured(path: Path | None) -> Config:
    """The configuration named on the command line, or the first of those that are looked for."""
    return load(find(path))


def ask(
    config: Config, request: Request, answer: type[T], *, fds: Sequence[int] = (), timeout_s: float = ANSWER_S
) -> T:
    """Send `request`, with open descriptors if it takes some, and return the gate's answer.

    Raises:
        NotRunning: nobody listens, or nobody answers within `timeout_s`.
        EdgeError: what the gate said was wrong, with its exit code.
    """
    link = connect(config.admin_socket, "the gate")
    try:
        link.send(encode(request), fds)
        datagram = link.receive(timeout_s)
    finally:
        link.close()
    if datagram is None:
        raise NotRunning(
            f"the gate did not answer within {timeout_s:g} s", hint="see `edge-gate status`, and what it printed"
        )
    with datagram:
        said = decode_answer(datagram.data)
    if isinstance(said, Problem):
        raise _ERRORS.get(said.exit_code, EdgeError)(said.message, hint=said.hint)
    if not isinstance(said, answer):
        raise InputError(
            f"the gate answered with {type(said).__name__}", hint="gate and command line are of different versions"
        )
    return said
