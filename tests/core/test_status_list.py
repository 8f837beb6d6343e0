"""A status list says who may still be recognised; nobody comes back from withdrawn, and silence is not valid."""

from __future__ import annotations

import base64
import contextlib
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.consent import STATUS_LIST_SIZE
from edge.core.status_list import (
    MAX_DEFLATED_BYTES,
    NOTHING_ISSUED,
    NOTHING_SUSPENDED,
    PACKED_BYTES,
    IndexRevived,
    Status,
    StatusList,
    StatusListDamaged,
    Transitions,
    deflate,
    inflate,
    overlaid,
    transitions,
)
from edge.errors import Refused
from tests.state.vectors import Vector, vectors

FOLDER = Path(__file__).parents[1] / "vectors" / "state" / "status-list"
INDEX = st.integers(0, STATUS_LIST_SIZE - 1)
STATUSES = st.sampled_from(Status)
SPARSE = st.dictionaries(INDEX, STATUSES, max_size=12)


def build(entries: dict[int, Status], over: StatusList = NOTHING_ISSUED) -> StatusList:
    for index, status in entries.items():
        over = over.changed([index], status)
    return over


@given(SPARSE)
def test_what_is_set_is_read_and_nothing_else_changes(entries: dict[int, Status]) -> None:
    statuses = build(entries)
    for index, status in entries.items():
        assert statuses.status(index) is status
        assert index in statuses.indices(status)
    assert len(statuses.indices(Status.UNISSUED)) >= STATUS_LIST_SIZE - len(entries)
    assert sum(len(statuses.indices(status)) for status in Status) == STATUS_LIST_SIZE


@given(SPARSE)
def test_a_list_survives_its_journey(entries: dict[int, Status]) -> None:
    statuses = build(entries)
    data = deflate(statuses)
    assert len(data) <= MAX_DEFLATED_BYTES
    assert inflate(data) == statuses


def test_an_incompressible_list_still_fits() -> None:
    noise = bytes((i * i * 31 + i // 7 * 13 + (i * 2654435761 >> 11)) & 255 for i in range(PACKED_BYTES))
    assert inflate(deflate(StatusList(noise))) == StatusList(noise)
    assert inflate(zlib.compress(noise, 0)) == StatusList(noise)


def test_the_bits_lie_as_the_standard_lays_them() -> None:
    """The two-bit example of draft-ietf-oauth-status-list, section 4.1."""
    example = dict(enumerate(map(Status, (1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3))))
    assert build(example, NOTHING_SUSPENDED).packed[:3] == bytes.fromhex("c944f9")
    assert zlib.decompress(base64.urlsafe_b64decode("eNo76fITAAPfAgc=")) == bytes.fromhex("c944f9")


@given(st.one_of(st.integers(max_value=-1), st.integers(min_value=STATUS_LIST_SIZE)))
def test_what_is_out_of_range_counts_as_withdrawn(index: int) -> None:
    assert NOTHING_SUSPENDED.status(index) is Status.WITHDRAWN
    with pytest.raises(Refused, match="no index"):
        NOTHING_SUSPENDED.changed([index], Status.VALID)


def test_a_new_site_holds_nobody() -> None:
    assert NOTHING_ISSUED.indices(Status.VALID) == ()
    assert {NOTHING_ISSUED.status(i) for i in range(STATUS_LIST_SIZE)} == {Status.UNISSUED}


# Rule 3 ------------------------------------------------------------------------------------
ALLOWED = {
    (Status.UNISSUED, Status.UNISSUED),
    (Status.UNISSUED, Status.VALID),
    (Status.UNISSUED, Status.SUSPENDED),
    (Status.UNISSUED, Status.WITHDRAWN),
    (Status.VALID, Status.VALID),
    (Status.VALID, Status.SUSPENDED),
    (Status.VALID, Status.WITHDRAWN),
    (Status.SUSPENDED, Status.SUSPENDED),
    (Status.SUSPENDED, Status.VALID),
    (Status.SUSPENDED, Status.WITHDRAWN),
    (Status.WITHDRAWN, Status.WITHDRAWN),
}


@given(INDEX, STATUSES, STATUSES)
def test_only_these_transitions_are_allowed(index: int, was: Status, now: Status) -> None:
    old, new = NOTHING_ISSUED.changed([index], was), NOTHING_ISSUED.changed([index], now)
    if (was, now) in ALLOWED:
        change = transitions(old, new)
        named = [t for t in (change.issued, change.withdrawn, change.suspended, change.resumed) if t]
        assert named == ([] if was is now else [(index,)])
    else:
        with pytest.raises(IndexRevived) as caught:
            transitions(old, new)
        assert caught.value.indices == (index,)
        assert str(index) in caught.value.message


@given(SPARSE, SPARSE)
def test_transitions_agree_with_looking_at_each_entry(old: dict[int, Status], new: dict[int, Status]) -> None:
    before, after = build(old), build(new)
    pairs = {i: (before.status(i), after.status(i)) for i in {*old, *new}}
    forbidden = tuple(sorted(i for i, pair in pairs.items() if pair not in ALLOWED))
    if forbidden:
        with pytest.raises(IndexRevived) as caught:
            transitions(before, after)
        assert caught.value.indices == forbidden
        return

    def to(status: Status, *, but: Status | None = None) -> tuple[int, ...]:
        return tuple(sorted(i for i, (was, now) in pairs.items() if now is status is not was and was is not but))

    assert transitions(before, after) == Transitions(
        issued=to(Status.VALID, but=Status.SUSPENDED),
        withdrawn=to(Status.WITHDRAWN),
        suspended=to(Status.SUSPENDED),
        resumed=to(Status.VALID, but=Status.UNISSUED),
    )


def test_many_revived_indices_are_counted_and_not_all_printed() -> None:
    with pytest.raises(IndexRevived, match=r"revives 5000 final indices: 0, 1, 2, 3, 4, 5, 6, 7 …$") as caught:
        transitions(NOTHING_ISSUED.changed(range(5000), Status.WITHDRAWN), NOTHING_ISSUED)
    assert caught.value.indices == tuple(range(5000))


# Rule 4 ------------------------------------------------------------------------------------
@given(SPARSE, SPARSE)
def test_the_beacon_can_only_suspend(site: dict[int, Status], beacon: dict[int, Status]) -> None:
    statuses = build(site)
    over = build(beacon, NOTHING_SUSPENDED)
    both = overlaid(statuses, over)
    for index in {*site, *beacon}:
        before, mark, after = statuses.status(index), over.status(index), both.status(index)
        assert after is (Status.SUSPENDED if before is Status.VALID and mark is not Status.VALID else before)
    assert overlaid(statuses, NOTHING_SUSPENDED) == statuses
    assert overlaid(both, over) == both


# Rule 5 ------------------------------------------------------------------------------------
@pytest.mark.parametrize("vector", vectors(FOLDER), ids=lambda v: v.name)
def test_every_vector_is_read_as_it_says(vector: Vector) -> None:
    if vector.expect == "success":
        statuses = inflate(vector.body)
        assert statuses.indices(Status.VALID) == tuple(map(int, vector.fields["valid"].split()))
        assert statuses.indices(Status.SUSPENDED) == tuple(map(int, vector.fields["suspended"].split()))
    else:
        with pytest.raises(StatusListDamaged, match=vector.expect):
            inflate(vector.body)


def test_a_bomb_is_not_inflated() -> None:
    bomb = zlib.compress(bytes(10_000_000), 9)
    assert len(bomb) < MAX_DEFLATED_BYTES
    with pytest.raises(StatusListDamaged, match="longer than a list"):
        inflate(bomb)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_list_or_damaged(data: bytes) -> None:
    with pytest.raises(StatusListDamaged):
        inflate(data)


@given(st.data())
def test_a_bent_stream_is_damaged_or_the_same_list(data: st.DataObject) -> None:
    """zlib ends in a checksum; only bits that do not matter may differ."""
    whole = deflate(build({5: Status.VALID, 900: Status.SUSPENDED}))
    at = data.draw(st.integers(0, len(whole) * 8 - 1))
    bent = bytearray(whole)
    bent[at // 8] ^= 1 << at % 8
    with contextlib.suppress(StatusListDamaged):
        assert inflate(bytes(bent)) == inflate(whole)


@given(st.integers(0, 60))
def test_a_truncated_stream_is_damaged(cut: int) -> None:
    whole = deflate(build({5: Status.VALID}))
    with pytest.raises(StatusListDamaged):
        inflate(whole[: min(cut, len(whole) - 1)])


def test_ten_thousand_withdrawals_are_found_in_no_time() -> None:
    old = NOTHING_ISSUED.changed(range(0, 60_000, 6), Status.VALID)
    new = old.changed(range(0, 60_000, 6), Status.WITHDRAWN)
    start = time.perf_counter()
    assert len(transitions(old, new).withdrawn) == 10_000
    assert time.perf_counter() - start < 1


def test_a_repr_does_not_spill_the_list() -> None:
    assert repr(NOTHING_ISSUED.changed([7], Status.VALID)) == "StatusList(1 valid)"
