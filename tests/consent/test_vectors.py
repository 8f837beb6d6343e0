"""The consent format as files: other implementations can run the same cases (`tests/vectors/README.md`)."""

from __future__ import annotations

from collections import Counter

import pytest

from edge.consent import sign, verify
from edge.core.consent import Attempt, Here, Mode, Reason, may_enrol
from edge.core.values import GateId, SiteId
from edge.errors import EdgeError
from tests.consent.documents import ISSUER
from tests.vectors import Vector, read_all

VECTORS = read_all("consent")


def test_there_are_vectors_and_most_of_them_are_traps() -> None:
    expected = Counter("accept" if vector.expect == "accept" else "refuse" for vector in VECTORS)
    assert expected["accept"] >= 3
    assert expected["refuse"] >= 4 * expected["accept"]
    assert {reason.name for reason in Reason} & {vector.expect for vector in VECTORS}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_a_vector_is_read_as_it_says(vector: Vector) -> None:
    assert outcome(vector) == vector.expect


def outcome(vector: Vector) -> str:
    try:
        consent = verify(vector.body, [vector.header["issuer"]])
    except EdgeError as error:
        return type(error).__name__
    assert sign(consent, ISSUER) == vector.body
    here = Here(SiteId(vector.header["site"]), GateId(vector.header["gate"]), Mode.IDENTIFY)
    attempt = Attempt("operator", probes=1, used=False, suspended=False)
    reason = may_enrol(consent, here, attempt, float(vector.header["now"]))
    return reason.name if reason else "accept"
