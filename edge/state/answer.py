"""The one question a gate asks after every boot, and the beacon's answer to it.

Rule 1.  The question is 16 random bytes. It is not signed: whoever asks in a gate's name gains an answer that no other
         nonce fits.
Rule 2.  The answer is signed by the timestamp role and names nonce, site, gate, the beacon's time and its newest
         snapshot. Everything else about it, also how late it may come, is `edge.core.freshness`, rule 5.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from edge.core.consent import Name
from edge.core.freshness import Answer, SnapshotRef
from edge.core.values import WallTime
from edge.state.beacon import BeaconSigners
from edge.state.bundle import Bundle
from edge.state.errors import StatementDamaged, WrongGate, WrongSite, because
from edge.state.metadata import canonical, read, sha256
from edge.state.receipt import StateRef
from edge.state.shapes import MAX_TIME_S, Site, Snapshot
from edge.state.statement import Form, Speakers

MAX_QUESTION_BYTES = 512
MAX_ANSWER_BYTES = 2048

Nonce = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
"""16 random bytes, hex."""


class TimeQuestion(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rule 1."""

    type: Literal["edge-gate/time-question/1"] = "edge-gate/time-question/1"
    site: Site
    gate: Name
    nonce: Nonce


class TimeAnswer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rule 2."""

    type: Literal["edge-gate/time-answer/1"] = "edge-gate/time-answer/1"
    site: Site
    gate: Name
    nonce: Nonce
    time: Annotated[int, Meta(ge=0, le=MAX_TIME_S)]
    state: StateRef


_QUESTION = msgspec.json.Decoder(TimeQuestion)
_ANSWER = Form(TimeAnswer, "time answer", MAX_ANSWER_BYTES)


def write_question(question: TimeQuestion) -> bytes:
    """JSON, at most `MAX_QUESTION_BYTES`."""
    return canonical(question)


def read_question(data: bytes) -> TimeQuestion:
    """The question in `data`. Raises `StatementDamaged`."""
    if len(data) > MAX_QUESTION_BYTES:
        raise StatementDamaged(f"a time question of {len(data)} bytes is too large", hint=_AGAIN)
    try:
        question = _QUESTION.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StatementDamaged(f"the bytes are no time question: {because(error)}", hint=_AGAIN) from None
    if canonical(question) != data:
        raise StatementDamaged("a time question is not in its canonical form", hint=_AGAIN)
    return question


def answer_to(question: TimeQuestion, bundle: Bundle, signers: BeaconSigners, *, now: WallTime) -> bytes:
    """The beacon's answer, with `bundle` as its newest state. Raises `WrongSite`."""
    _demand_site(question.site, bundle.site, "question")
    state = StateRef(read(bundle.snapshot, Snapshot).version, sha256(bundle.snapshot))
    answer = TimeAnswer(site=bundle.site, gate=question.gate, nonce=question.nonce, time=int(now), state=state)
    return _ANSWER.write(answer, signers.timestamp)


def read_answer(document: bytes, beacon: Speakers, *, site: str, gate: str) -> Answer:
    """What `edge.core.freshness.answered` takes; the nonce is compared there.

    Raises:
        WrongSite, WrongGate: it was given to somebody else.
        StatementDamaged, NotSigned, StatementEdited: as `Form.read`.
    """
    said, signers = _ANSWER.read(document, beacon)
    _demand_site(said.site, site, "answer")
    if said.gate != gate:
        raise WrongGate(f"a time answer is for gate {said.gate}, not {gate}", hint=_AGAIN)
    return Answer(
        bytes.fromhex(said.nonce), float(said.time), SnapshotRef(said.state.version, said.state.sha256), signers
    )


def _demand_site(site: str, ours: str, what: str) -> None:
    if site != ours:
        raise WrongSite(f"a time {what} is for site {site}, not {ours}", hint=_AGAIN)


_AGAIN = "the gate asks again by itself; if it goes on, check which broker and beacon it talks to"
