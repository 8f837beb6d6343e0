"""The authority signs nothing that a gate would refuse, and nobody stands on both sides."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from edge.core.status_list import NOTHING_ISSUED, IndexRevived, Status
from edge.core.values import SiteId
from edge.errors import Refused
from edge.state import beacon, publish, trust
from edge.state.bundle import Bundle, pack, unpack
from edge.state.errors import StateDamaged
from edge.state.metadata import read, seconds
from edge.state.policy import GateKeys, Hours, SitePolicy, read_policy, write_policy
from edge.state.publish import DAY_S, RootHolders, first_root, next_root, publish_targets
from edge.state.shapes import Root, Snapshot, Suspend, Targets, Timestamp
from tests.state.site import NAME, T0, Site, at, held, key, signer

ROOTS = ["root 0", "root 1", "root 2"]
SIGNERS = [signer(name) for name in ROOTS[:2]]


def holders(**changes: Any) -> RootHolders:
    who = {
        "root": held(*ROOTS, threshold=2),
        "targets": held("admin"),
        "snapshot": held("snapshot"),
        "timestamp": held("timestamp"),
    }
    return RootHolders(**{**who, **changes})


# Roots --------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["snapshot", "timestamp"])
@pytest.mark.parametrize("person", ["admin", "root 0"])
def test_no_key_speaks_for_people_and_for_the_beacon(role: str, person: str) -> None:
    with pytest.raises(Refused, match="administrators and for the beacon"):
        first_root(NAME, holders(**{role: held(person)}), expires=T0, signers=SIGNERS)


def test_the_suspend_key_is_none_of_the_administrators() -> None:
    site = Site()
    with pytest.raises(Refused, match="administrators and for the beacon"):
        publish_targets(NAME, site.statuses, site.policy, held("admin"), after=None, now=T0, signers=[signer("admin")])


def test_too_few_holders_make_no_root() -> None:
    with pytest.raises(Refused, match="needs 2 signatures and 1"):
        first_root(NAME, holders(), expires=T0, signers=[signer("root 0"), signer("admin")])
    with pytest.raises(Refused, match="needs 2 signatures and 1"):
        first_root(NAME, holders(), expires=T0, signers=[signer("root 0"), signer("root 0")])
    root = first_root(NAME, holders(), expires=T0, signers=SIGNERS)
    after = holders(root=held("new 0", "new 1"))
    with pytest.raises(Refused, match="the root before needs 2 signatures and 0"):
        next_root(root, after, expires=T0, signers=[signer("new 0")])
    with pytest.raises(Refused, match="the new root needs 1 signatures and 0"):
        next_root(root, after, expires=T0, signers=SIGNERS)


def test_a_threshold_that_cannot_be_met_is_not_signed() -> None:
    for threshold in (0, 4):
        with pytest.raises((StateDamaged, Refused)):
            first_root(NAME, holders(targets=held("admin", threshold=threshold)), expires=T0, signers=SIGNERS)
    with pytest.raises(StateDamaged):
        first_root(NAME, holders(targets=held(*(f"admin {n}" for n in range(9)))), expires=T0, signers=SIGNERS)


# Targets ------------------------------------------------------------------------------------
def test_a_withdrawn_index_is_not_published_as_anything_else() -> None:
    site = Site().revoke(3)
    with pytest.raises(IndexRevived, match="3"):
        site.publish(site.statuses.changed([3], Status.VALID))
    with pytest.raises(IndexRevived):
        site.publish(NOTHING_ISSUED)


@pytest.mark.parametrize("days", [0, 0.5, 91, 36500])
def test_targets_live_one_to_ninety_days(days: float) -> None:
    with pytest.raises(Refused, match="targets cannot live"):
        Site().publish(life_s=days * DAY_S)


def test_a_policy_is_published_where_it_belongs() -> None:
    site = Site()
    site.policy = msgspec.structs.replace(site.policy, site=SiteId("lakeside"))
    with pytest.raises(Refused, match="lakeside"):
        site.publish()


def test_versions_grow_by_one() -> None:
    site = Site()
    for version in range(2, 6):
        site.passes(60).revoke(version)
        parts: list[tuple[bytes, type[Any]]] = [
            (site.head, Timestamp),
            (site.bundle.snapshot, Snapshot),
            (site.bundle.targets, Targets),
        ]
        assert [read(data, kind).version for data, kind in parts] == [version] * 3
        assert read(site.bundle.suspend, Suspend).version == version


def test_everything_of_the_beacon_lives_as_long_as_the_targets() -> None:
    site = Site().passes(5 * DAY_S).suspended(4).passes(60).tick()
    parts: list[tuple[bytes, type[Any]]] = [
        (site.bundle.targets, Targets),
        (site.bundle.snapshot, Snapshot),
        (site.bundle.suspend, Suspend),
    ]
    ends = {read(data, kind).expires for data, kind in parts}
    assert {seconds(end) for end in ends} == {int(T0) + 30 * DAY_S}
    head = read(site.head, Timestamp)
    assert seconds(head.expires) == head.signed_at + 3600 == int(site.now) + 3600


def test_what_is_published_is_believed() -> None:
    site = Site().revoke(1).suspended(2).rotate("timestamp", "snapshot", "suspend", "admin", "roots").tick().revoke(5)
    outcome = trust.apply(trust.provisioned(site.name, site.root), site.bundle, at(site.now))
    assert outcome.refused is None
    assert outcome.state is not None
    assert outcome.state.statuses.indices(Status.WITHDRAWN) == (1, 5)
    assert outcome.state.statuses.indices(Status.SUSPENDED) == (2,)
    assert read(site.bundle.roots[-1], Root).version == 2


def test_two_administrators_are_asked_for_two() -> None:
    site = Site()
    both = held("admin", "admin 2", threshold=2)
    root = next_root(site.root, holders(targets=both), expires=T0 + 1e8, signers=SIGNERS)
    for names, right in ((["admin"], False), (["admin", "admin 2"], True)):
        published = publish_targets(
            NAME, site.statuses, site.policy, held("suspend"), after=site.published, now=T0,
            signers=[signer(name) for name in names],
        )  # fmt: skip
        bundle = beacon.with_targets(beacon.with_root(site.bundle, root, site.signers, now=T0), published, site.signers,
                                     now=T0)  # fmt: skip
        outcome = trust.apply(trust.provisioned(NAME, site.root), bundle, at(T0))
        assert (outcome.refused is None) == right


# Policy -------------------------------------------------------------------------------------
def test_a_policy_has_one_text() -> None:
    policy = Site().policy
    data = write_policy(policy)
    assert read_policy(data) == policy
    for bent in (data + b" ", data[:-1], b"", b"{}", bytes(600_000), data.replace(b":", b": ", 1)):
        with pytest.raises(StateDamaged):
            read_policy(bent)


NORTH = GateKeys(id="north", key="a" * 64)


@pytest.mark.parametrize(
    "wrong",
    [
        {"freshness_bound_s": 299},
        {"freshness_bound_s": 86401},
        {"freshness_bound_s": 3600.5},
        {"max_idle_s": 0},
        {"max_idle_s": 4 * 366 * DAY_S},
        {"card_stale_max_s": -1},
        {"issuers": ("b" * 64, "a" * 64)},
        {"issuers": ("a" * 64,) * 2},
        {"issuers": ("A" * 64,)},
        {"gates": (NORTH, NORTH)},
        {"gates": (NORTH, GateKeys(id="south", key="a" * 64))},
        {"gates": (GateKeys(id="north", key="a" * 64, sealing="a" * 64),)},
        {"gates": (GateKeys(id="../north", key="a" * 64),)},
        {"hours": (Hours(day=0, opens=0, closes=60),)},
        {"hours": (Hours(day=1, opens=60, closes=60),)},
        {"hours": (Hours(day=1, opens=0, closes=1441),)},
        {"type": "edge-gate/site-policy/2"},
    ],
)
def test_a_policy_out_of_bounds_is_neither_published_nor_read(wrong: dict[str, Any]) -> None:
    policy = msgspec.structs.replace(Site().policy, **wrong)
    with pytest.raises(StateDamaged):
        write_policy(policy)
    with pytest.raises(StateDamaged):
        read_policy(msgspec.json.encode(policy, order="sorted"))


def test_an_unknown_wish_in_a_policy_is_refused() -> None:
    data = msgspec.json.decode(write_policy(Site().policy))
    with pytest.raises(StateDamaged, match="unknown field"):
        read_policy(msgspec.json.encode({**data, "open_all": True}, order="sorted"))


def test_a_policy_is_bounded_before_it_is_parsed() -> None:
    with pytest.raises(StateDamaged, match="above the limit"):
        read_policy(bytes(600_000))


def test_a_gate_is_found_retired_or_not() -> None:
    policy = SitePolicy(site=NAME, issuers=(), gates=(msgspec.structs.replace(NORTH, retired=True),), notices=())
    assert policy.gate("north") is not None
    assert policy.gate("south") is None


# Bundle -------------------------------------------------------------------------------------
def test_a_bundle_has_one_text() -> None:
    site = Site()
    assert pack(unpack(site.data)) == site.data
    fields = msgspec.msgpack.decode(site.data)
    for bent in (
        {**fields, "more": b""},
        {k: v for k, v in fields.items() if k != "policy"},
        dict(reversed(fields.items())),
        {**fields, "type": "edge-gate/state/2"},
        {**fields, "roots": []},
        {**fields, "status": "text"},
        list(fields.values()),
    ):
        with pytest.raises(StateDamaged):
            unpack(msgspec.msgpack.encode(bent))
    with pytest.raises(StateDamaged):
        pack(msgspec.structs.replace(site.bundle, status=b""))
    assert repr(site.bundle) == "Bundle(riverside, 1 roots)"
    assert isinstance(site.bundle, Bundle)


def test_a_signer_speaks_under_our_keyid() -> None:
    mine = publish.signer(key("x"))
    assert mine.public_key.keyid == publish.role_keys(held("x")).keyids[0]
