"""A withdrawal refuses at once and erases; nothing else erases."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.core.consent import STATUS_LIST_SIZE
from edge.core.status_list import NOTHING_ISSUED, NOTHING_SUSPENDED, Status, StatusList, overlaid
from edge.core.values import ConsentId
from edge.core.withdrawal import Holding, Plan, batches, plan

ISSUERS = frozenset({"issuer"})
HELD = st.dictionaries(
    st.sampled_from("abcdefgh").map(ConsentId),
    st.builds(Holding, st.integers(-2, 12) | st.just(STATUS_LIST_SIZE), st.sampled_from(["issuer", "former"])),
)
ENTRIES = st.dictionaries(st.integers(0, 12), st.sampled_from(Status))


def listed(entries: dict[int, Status], over: StatusList = NOTHING_ISSUED) -> StatusList:
    for index, status in entries.items():
        over = over.changed([index], status)
    return over


@given(HELD, ENTRIES)
def test_every_consent_has_one_standing(held: dict[ConsentId, Holding], entries: dict[int, Status]) -> None:
    made = plan(held, listed(entries), ISSUERS, current=True)
    assert sorted([*made.live, *made.suspended, *made.erase]) == sorted(held)
    for consent in made.live:
        assert entries[held[consent].index] is Status.VALID
        assert held[consent].issuer in ISSUERS
    for consent in made.suspended:
        assert entries[held[consent].index] in (Status.VALID, Status.SUSPENDED)
    for consent in made.erase:
        assert entries.get(held[consent].index, Status.UNISSUED) in (Status.WITHDRAWN, Status.UNISSUED)


@given(HELD, ENTRIES, ENTRIES, st.sets(st.sampled_from(["issuer", "former"])))
def test_the_beacon_and_lost_issuers_erase_nobody(
    held: dict[ConsentId, Holding], entries: dict[int, Status], beacon: dict[int, Status], issuers: set[str]
) -> None:
    before = plan(held, listed(entries), ISSUERS, current=True)
    after = plan(held, overlaid(listed(entries), listed(beacon, NOTHING_SUSPENDED)), issuers, current=True)
    assert after.erase == before.erase
    assert after.live <= plan(held, listed(entries), issuers, current=True).live


@given(HELD, ENTRIES, st.integers(0, 8))
def test_a_crash_anywhere_heals(held: dict[ConsentId, Holding], entries: dict[int, Status], done: int) -> None:
    statuses = listed(entries)
    first = plan(held, statuses, ISSUERS, current=True)
    left = {c: h for c, h in held.items() if c not in sorted(first.erase)[:done]}
    again = plan(left, statuses, ISSUERS, current=True)
    assert again.erase == first.erase - set(sorted(first.erase)[:done])
    assert (again.live, again.suspended) == (first.live, first.suspended)


@given(HELD, ENTRIES)
def test_a_list_that_may_be_old_erases_only_what_it_says_is_withdrawn(
    held: dict[ConsentId, Holding], entries: dict[int, Status]
) -> None:
    made = plan(held, listed(entries), ISSUERS, current=False)
    assert made.erase == {c for c, h in held.items() if entries.get(h.index) is Status.WITHDRAWN}
    assert made.live == plan(held, listed(entries), ISSUERS, current=True).live


def test_an_index_that_nobody_was_given_is_erased() -> None:
    held = {ConsentId("a"): Holding(77, "issuer"), ConsentId("b"): Holding(STATUS_LIST_SIZE, "issuer")}
    assert plan(held, NOTHING_ISSUED, ISSUERS, current=True) == Plan(frozenset(), frozenset(), frozenset(held))
    assert plan({}, NOTHING_ISSUED, ISSUERS, current=True) == Plan(frozenset(), frozenset(), frozenset())


@given(st.sets(st.text("0123456789abcdef", min_size=1, max_size=4).map(ConsentId)), st.integers(1, 5))
def test_batches_name_everybody_once_and_in_order(erased: set[ConsentId], size: int) -> None:
    told = list(batches(erased, size))
    assert [consent for batch in told for consent in batch] == sorted(erased)
    assert all(1 <= len(batch) <= size for batch in told)
