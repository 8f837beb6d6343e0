"""The operator's side of the admin socket: one question, one answer.

A `Problem` becomes the error that it describes, so that a refusal inside `gate` and one in the command line read alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge.errors import EdgeError, NotRunning
from edge.wire.admin import Answer, Problem, Request, decode_answer
from edge.wire.link import connect
from edge.wire.messages import encode

ANSWER_WITHIN_S = 30.0
"""An enrolment from the camera takes a few seconds; nothing takes longer than this."""


def ask(socket: Path, request: Request, fds: Sequence[int] = (), *, within_s: float = ANSWER_WITHIN_S) -> Answer:
    """Send `request` (with open descriptors, for images) and return the answer.

    Raises `NotRunning` when no gate listens or none answers in time, and an `EdgeError` with the exit code that `gate`
    chose when the request was not done.
    """
    link = connect(socket, "the gate")
    try:
        link.send(encode(request), fds)
        datagram = link.receive(within_s)
    finally:
        link.close()
    if datagram is None:
        raise NotRunning(f"the gate did not answer within {within_s:g} s", hint="see its log; `edge-gate status`")
    with datagram:
        answer = decode_answer(datagram.data)
    if isinstance(answer, Problem):
        error = EdgeError(answer.message, hint=answer.hint)
        error.exit_code = answer.exit_code
        raise error
    return answer
