"""Whatever comes in from outside is the genuine thing or one of our errors."""

from __future__ import annotations

import contextlib
import json
import os
import random
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.status_list import inflate
from edge.core.values import GateId
from edge.errors import EdgeError
from edge.state import follow
from edge.state.answer import read_answer, read_question
from edge.state.bundle import unpack
from edge.state.kept import thaw
from edge.state.metadata import read
from edge.state.policy import read_policy
from edge.state.receipt import read_acknowledgement, read_receipt
from edge.state.shapes import Root, Snapshot, Suspend, Targets, Timestamp
from edge.state.statement import Speakers
from tests.state.fuzz import bent, run, targets
from tests.state.gate import following
from tests.state.site import Site, raw

MUTATIONS = 50_000 if os.environ.get("CI") else 2_500
SITE, GATE = following()
BEACON = Speakers((raw("timestamp"),))
PARSERS: dict[str, Callable[[bytes], object]] = {
    "bundle": unpack,
    "root": lambda data: read(data, Root),
    "timestamp": lambda data: read(data, Timestamp),
    "snapshot": lambda data: read(data, Snapshot),
    "targets": lambda data: read(data, Targets),
    "suspend": lambda data: read(data, Suspend),
    "policy": read_policy,
    "status list": inflate,
    "kept": thaw,
    "question": read_question,
    "answer": lambda data: read_answer(data, BEACON, site="riverside", gate="north"),
    "receipt": lambda data: read_receipt(data, SITE.policy, gate="north"),
    "acknowledgement": lambda data: read_acknowledgement(data, BEACON, site="riverside", gate="north", owed=()),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused_by_every_parser(name: str, data: bytes) -> None:
    with pytest.raises(EdgeError) as caught:
        PARSERS[name](data)
    assert caught.value.message.isprintable()
    assert caught.value.hint


@pytest.mark.parametrize("name", PARSERS)
@given(value=JSON)
def test_any_json_and_any_messagepack_is_refused_by_every_parser(name: str, value: object) -> None:
    documents = [json.dumps(value).encode()]
    with contextlib.suppress(OverflowError):  # MessagePack has no integers above 64 bits
        documents.append(msgspec.msgpack.encode(value))
    for data in documents:
        with pytest.raises(EdgeError):
            PARSERS[name](data)


def test_no_bent_envelope_is_accepted_and_none_is_uncaught() -> None:
    """50,000 in CI, a million by hand (`tests/state/fuzz.py`); fewer at a desk."""
    told = run(MUTATIONS, 20261123, targets())
    assert sum(told.values()) > MUTATIONS * 0.95
    assert len({line.split(": ")[1] for line in told}) >= 6, "the mutations never reach behind the parsers"


def test_a_bent_store_is_caught() -> None:
    """The vault authenticates it; a bent one is a broken vault, and must still end in words."""
    rng, site = random.Random(7), Site()
    for _ in range(400):
        with contextlib.suppress(EdgeError):
            following_ = follow.started(thaw(bent(rng, GATE.disk, [site.data])), GateId("north"))
            assert following_.kept.site == "riverside"
