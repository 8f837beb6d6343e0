"""Every vector is read as it says, and every folder says no four times as often as yes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.core.status_list import Status
from edge.errors import EdgeError
from edge.state import trust
from edge.state.answer import read_answer, read_question, write_question
from edge.state.bundle import pack, unpack
from edge.state.metadata import sha256
from edge.state.policy import read_policy, write_policy
from edge.state.receipt import read_acknowledgement, read_receipt
from edge.state.statement import Speakers
from tests.state.site import GATE, NAME, Site, at, raw
from tests.state.vectors import Vector, read, vectors

FOLDER = Path(__file__).parents[1] / "vectors" / "state"
BEACON = Speakers((raw("timestamp"),))


def bundle(vector: Vector) -> None:
    kept = trust.provisioned(NAME, (FOLDER / "bundle" / "root.json").read_bytes())
    parsed = unpack(vector.body)
    assert pack(parsed) == vector.body
    outcome = trust.apply(kept, parsed, at(float(vector.fields["now"])))
    if outcome.refused is not None:
        raise outcome.refused
    assert outcome.state is not None
    assert str(outcome.state.snapshot.version) == vector.fields["snapshot"]
    for name, status in (("valid", Status.VALID), ("suspended", Status.SUSPENDED)):
        assert " ".join(map(str, outcome.state.statuses.indices(status))) == vector.fields[name]


def policy(vector: Vector) -> None:
    assert write_policy(read_policy(vector.body)) == vector.body


def receipt(vector: Vector) -> None:
    assert read_receipt(vector.body, Site().policy, gate=GATE).number == 1


def acknowledgement(vector: Vector) -> None:
    owed = {sha256(read(FOLDER / "receipt" / "right.txt").body)}
    assert read_acknowledgement(vector.body, BEACON, site=NAME, gate=GATE, owed=owed).receipt in owed


def time_answer(vector: Vector) -> None:
    assert read_answer(vector.body, BEACON, site=NAME, gate=GATE).nonce.hex() == vector.fields["nonce"]


def time_question(vector: Vector) -> None:
    question = read_question(vector.body)
    assert question.nonce == vector.fields["nonce"]
    assert write_question(question) == vector.body


RUNNERS: dict[str, Callable[[Vector], None]] = {
    "bundle": bundle,
    "policy": policy,
    "receipt": receipt,
    "acknowledgement": acknowledgement,
    "time-answer": time_answer,
    "time-question": time_question,
}


@pytest.mark.parametrize(
    ("name", "vector"),
    [pytest.param(name, vector, id=f"{name}/{vector.name}") for name in RUNNERS for vector in vectors(FOLDER / name)],
)
def test_every_vector_is_read_as_it_says(name: str, vector: Vector) -> None:
    if vector.expect == "success":
        RUNNERS[name](vector)
        return
    with pytest.raises(EdgeError) as caught:
        RUNNERS[name](vector)
    assert type(caught.value).__name__ == vector.expect


def test_no_folder_is_forgotten() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*RUNNERS, "status-list"}, "status lists: tests/core"
