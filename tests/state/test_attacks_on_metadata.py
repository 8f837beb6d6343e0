"""What is tried against keys, names and versions of signed state. Threats 15 and 16, the known bugs of TUF clients."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from edge.core.freshness import Reason
from edge.core.status_list import (
    Status,
)
from edge.state.errors import (
    Duplicated,
    ForgedKeyId,
    HeadAhead,
    Mismatched,
    NotSigned,
    RolledBack,
    StateDamaged,
)
from edge.state.metadata import canonical, read, sha256
from edge.state.shapes import (
    MAX_VERSION,
    Hashes,
    MetaInfo,
    Root,
    Signature,
    Snapshot,
    Suspend,
    Targets,
    Timestamp,
    TimestampFiles,
)
from tests.state.gate import Gate, following, together
from tests.state.refusals import above, next_root, over, refused, refused_head
from tests.state.site import Site, edited, forged, signer


# Thresholds and keys (CVE-2020-6174, CVE-2020-6173) ------------------------------------------
def test_one_signature_twice_is_not_two() -> None:
    site, gate = following()
    root = msgspec.json.decode(next_root(site, site.roots[:1]))
    root["signatures"] *= 2
    data = msgspec.json.encode(root, order="sorted")
    refused(gate, site.with_parts(roots=(site.root, data)), Duplicated, "two signatures")


def test_one_key_under_two_ids_is_not_two() -> None:
    site, gate = following()
    root = read(site.root, Root)
    twin = "f" * 64
    first = root.roles.root.keyids[0]
    roles = msgspec.structs.replace(root.roles, root=msgspec.structs.replace(root.roles.root, keyids=(first, twin)))
    payload = canonical(
        msgspec.structs.replace(root, version=2, keys={**root.keys, twin: root.keys[first]}, roles=roles)
    )
    name = next(n for n in site.roots if signer(n).public_key.keyid == first)
    signature = signer(name).sign(payload).signature
    twice = [Signature(first, signature), Signature(twin, signature)]
    data = msgspec.json.encode({"signatures": twice, "signed": msgspec.Raw(payload)}, order="sorted")
    refused(gate, site.with_parts(roots=(site.root, data)), ForgedKeyId)


def test_one_keyid_twice_in_a_role_is_not_two() -> None:
    site, gate = following()

    def twice(root: dict[str, Any]) -> None:
        root["version"] = 2
        root["roles"]["root"]["keyids"] = root["roles"]["root"]["keyids"][:1] * 2

    refused(gate, site.with_parts(roots=(site.root, edited(site.root, site.roots, twice))), Duplicated, "one key twice")


@pytest.mark.parametrize("threshold", [0, -1, 9, 4, True, 1.0, "1", None])
def test_a_threshold_is_a_number_that_can_be_met(threshold: object) -> None:
    site, gate = following()

    def set_it(root: dict[str, Any]) -> None:
        root["version"] = 2
        root["roles"]["root"]["threshold"] = threshold

    data = edited(site.root, site.roots, set_it)
    refused(gate, site.with_parts(roots=(site.root, data)), StateDamaged)


def test_a_key_that_a_role_names_must_be_there() -> None:
    site, gate = following()

    def lose_it(root: dict[str, Any]) -> None:
        root["version"] = 2
        del root["keys"][root["roles"]["timestamp"]["keyids"][0]]

    data = edited(site.root, site.roots, lose_it)
    refused(gate, site.with_parts(roots=(site.root, data)), StateDamaged, "does not hold")


@pytest.mark.parametrize("how", ["another id", "twice", "unknown", "zero", "too many", "not terminating"])
def test_a_delegation_keeps_the_same_rules(how: str) -> None:
    site, _ = following()

    def bend(targets: dict[str, Any]) -> None:
        delegations = targets["delegations"]
        role = delegations["roles"][0]
        match how:
            case "another id":
                delegations["keys"]["0" * 64] = next(iter(delegations["keys"].values()))
            case "twice":
                role["keyids"] *= 2
            case "unknown":
                role["keyids"] = ["0" * 64]
            case "zero":
                role["threshold"] = 0
            case "too many":
                role["threshold"] = 2
            case _:
                role["terminating"] = False

    with pytest.raises(StateDamaged):
        read(edited(site.bundle.targets, [site.admin], bend), Targets)


def test_consistent_snapshots_are_not_asked_for() -> None:
    site, _ = following()
    with pytest.raises(StateDamaged, match="consistent snapshots"):
        read(edited(site.root, site.roots, lambda root: root.update(consistent_snapshot=True)), Root)


def test_five_hundred_bad_signatures_cost_nothing() -> None:
    site, gate = following()
    head = msgspec.json.decode(site.tick().head)
    head["signatures"] = [{"keyid": f"{n:064x}", "sig": "0" * 128} for n in range(500)]
    data = msgspec.json.encode(head, order="sorted")
    start = time.perf_counter()
    refused_head(gate, data, StateDamaged)
    assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize("part", ["timestamp", "snapshot", "targets", "suspend"])
@pytest.mark.parametrize("by", ["timestamp", "snapshot", "suspend", "admin", "root 0", "mallory"])
def test_each_role_is_signed_by_its_own_key_and_no_other(part: str, by: str) -> None:
    site, gate = following()
    together(site, gate, 60)
    site.tick()
    right = {"timestamp": site.timestamp, "snapshot": site.snapshot, "suspend": site.suspend, "targets": site.admin}
    if by == right[part]:
        return
    kind: type[Any] = {"timestamp": Timestamp, "snapshot": Snapshot, "targets": Targets, "suspend": Suspend}[part]
    before = getattr(site.bundle, part)
    part_data = forged(before, kind, [by], version=read(before, kind).version + 1)
    if part == "timestamp":
        data = site.with_parts(timestamp=part_data)
    elif part == "snapshot":
        data = site.with_parts(snapshot=part_data, timestamp=above(site, snapshot=part_data))
    else:
        data = over(site, **{part: part_data})
    refused(gate, data, NotSigned)


def test_a_new_root_needs_the_old_holders_and_its_own() -> None:
    for rotated, names in (("roots", "new"), ("roots", "old"), ("roots", "one of each")):
        site, gate = following()
        old = list(site.roots)
        site.rotate(rotated)
        new = site.roots
        signers = {"new": new[:2], "old": old[:2], "one of each": [old[0], new[0]]}[names]
        data = forged(site.bundle.roots[1], Root, signers)
        refused(gate, site.with_parts(roots=(site.root, data)), NotSigned, "root 2")
        assert gate.bundle(site.data).refused is None


# Names (CVE-2021-41131) -------------------------------------------------------------------
EVIL = ["../../etc/passwd", "/etc/passwd", "..", "a/b", "suspend\x00", "", "suspend ", "status.list/../x", "%2e%2e%2f"]


@pytest.mark.parametrize("name", EVIL)
def test_no_name_leads_out_of_the_fixed_ones(name: str) -> None:
    site, gate = following()

    def role(targets: dict[str, Any]) -> None:
        targets["delegations"]["roles"][0]["name"] = name

    def path(targets: dict[str, Any]) -> None:
        targets["delegations"]["roles"][0]["paths"] = [name]

    def target(targets: dict[str, Any]) -> None:
        targets["targets"][name] = targets["targets"].pop("status.list")

    def meta(snapshot: dict[str, Any]) -> None:
        snapshot["meta"][name + ".json"] = snapshot["meta"].pop("suspend.json")

    for edit in (role, path, target):
        refused(gate, site.with_parts(targets=edited(site.bundle.targets, [site.admin], edit)), StateDamaged)
    with pytest.raises(StateDamaged):
        read(edited(site.bundle.snapshot, [site.snapshot], meta), Snapshot)
    refused(gate, site.with_parts(site=name), StateDamaged)


# Rollback of every role (CVE-2022-29173) ------------------------------------------------------
def test_an_old_bundle_does_not_come_back() -> None:
    site, gate = following()
    old = site.data
    gate.bundle(site.revoke(3).data)
    assert gate.status(3) is Status.WITHDRAWN
    refused(gate, old, HeadAhead)
    gate.reboot().wakes(site)
    refused(gate, old, HeadAhead)
    assert gate.status(3) is Status.WITHDRAWN


def test_an_old_head_does_not_come_back() -> None:
    site, gate = following()
    old = site.tick().head
    gate.head(site.tick().head)
    refused_head(gate, old, RolledBack)


def test_a_newer_head_for_an_older_snapshot_is_a_rollback() -> None:
    site, gate = following()
    old = site.bundle.snapshot
    gate.bundle(site.revoke(3).data)
    refused_head(gate, above(site, snapshot=old), RolledBack)


@pytest.mark.parametrize("part", ["targets", "suspend"])
def test_a_newer_snapshot_for_older_files_is_a_rollback(part: str) -> None:
    site, gate = following()
    old = site.bundle
    gate.bundle(site.revoke(3).data)
    parts = {part: getattr(old, part)}
    parts |= {"status": old.status, "policy": old.policy} if part == "targets" else {"suspended": old.suspended}
    refused(gate, over(site, **parts), RolledBack)


def test_new_beacon_keys_do_not_bring_old_targets_back() -> None:
    site, gate = following()
    old = site.bundle
    gate.bundle(site.revoke(3).data)
    site.rotate("timestamp", "snapshot")
    data = over(site, targets=old.targets, status=old.status, policy=old.policy)
    refused(gate, data, RolledBack, "applied before")


def test_new_administrators_may_count_from_one() -> None:
    """The floor of the targets dies with the keys that signed them, as every floor does."""
    site, gate = following()
    gate.bundle(site.revoke(3).revoke(4).data)
    site.rotate("admin", "timestamp", "snapshot")
    targets = forged(site.bundle.targets, Targets, [site.admin], version=1)
    data = over(site, targets=targets)
    assert gate.bundle(data).refused is None
    assert gate.following.state is not None
    assert gate.following.state.targets_version == 1


def test_a_chain_of_roots_does_not_get_shorter() -> None:
    site, gate = following()
    short = site.data
    gate.bundle(site.rotate("timestamp").data)
    refused(gate, short, RolledBack, "the chain ends")


def test_a_revocation_is_not_forgotten_because_something_behind_it_broke() -> None:
    """A broker shows the new root once, with a damaged list, and goes on with heads of the lost key."""
    site, gate = following()
    lost = site.timestamp
    head = forged(site.head, Timestamp, [lost], version=99, signed_at=int(site.now) + 50)
    site.rotate("timestamp")
    refused(gate, site.with_parts(status=site.bundle.status[:-1]), Mismatched)
    assert gate.why() is Reason.NOT_ANSWERED, "what the lost key said about the time counts no more"
    refused_head(gate, head, NotSigned)
    gate.reboot()
    refused_head(gate, head, NotSigned)
    assert len(gate.kept.roots) == 2


# Fast-forward, and recovery ------------------------------------------------------------------
@pytest.mark.parametrize("version", [MAX_VERSION + 1, 2**63, 2**64, 10**400, 0, -1, 1.5, True, "2", None])
def test_a_version_is_a_number_that_every_reader_keeps(version: object) -> None:
    site, gate = following()

    def set_it(head: dict[str, Any]) -> None:
        head["version"] = version if version != 10**400 else msgspec.Raw(b"1" + b"0" * 400)

    refused_head(gate, edited(site.head, [site.timestamp], set_it), StateDamaged)


def fast_forwarded() -> tuple[Site, Gate]:
    """Somebody held the beacon's keys for a minute, and the gate has seen the highest numbers there are."""
    site, gate = following()
    files = read(site.bundle.snapshot, Snapshot).meta
    highest = msgspec.structs.replace(files, targets=msgspec.structs.replace(files.targets, version=MAX_VERSION))
    snapshot = forged(site.bundle.snapshot, Snapshot, [site.snapshot], version=MAX_VERSION, meta=highest)
    meta = TimestampFiles(MetaInfo(MAX_VERSION, len(snapshot), Hashes(sha256(snapshot))))
    head = forged(site.head, Timestamp, [site.timestamp], version=MAX_VERSION, meta=meta)
    refused(gate, site.with_parts(snapshot=snapshot, timestamp=head), Mismatched)
    site.passes(60)
    refused(gate, site.tick().data, HeadAhead)
    return site, gate


@pytest.mark.parametrize("roles", [("timestamp",), ("snapshot",), ("suspend", "admin"), ("roots",)])
def test_a_fast_forward_is_not_undone_by_other_keys(roles: tuple[str, ...]) -> None:
    site, gate = fast_forwarded()
    step = gate.bundle(site.rotate(*roles).data)
    assert isinstance(step.refused, RolledBack | HeadAhead)


def test_a_fast_forward_is_undone_by_new_timestamp_and_snapshot_keys() -> None:
    site, gate = fast_forwarded()
    assert gate.bundle(site.rotate("timestamp", "snapshot").data).refused is None
    assert gate.wakes(site).fresh
    gate.commit()
    assert gate.reboot().wakes(site).fresh
