"""What is tried against signed state itself. Threats 15 and 16, and the known bugs of TUF clients, one test each."""

from __future__ import annotations

import time
import zlib
from typing import Any

import msgspec
import pytest

from edge.core.freshness import Reason
from edge.core.status_list import (
    NOTHING_ISSUED,
    NOTHING_SUSPENDED,
    IndexRevived,
    Status,
    StatusListDamaged,
    deflate,
    inflate,
)
from edge.core.values import SiteId
from edge.errors import EdgeError
from edge.state.bundle import MAX_BUNDLE_BYTES
from edge.state.errors import (
    Duplicated,
    Expired,
    ForgedKeyId,
    HeadAhead,
    Mismatched,
    NotSigned,
    RolledBack,
    StateDamaged,
    WrongSite,
)
from edge.state.metadata import canonical, date, read, sha256
from edge.state.policy import write_policy
from edge.state.publish import file_info
from edge.state.shapes import (
    MAX_METADATA_BYTES,
    MAX_VERSION,
    Hashes,
    MetaInfo,
    Root,
    Signature,
    Snapshot,
    Suspend,
    Targets,
    TargetsFiles,
    Timestamp,
    TimestampFiles,
)
from tests.state.gate import Gate, following, together
from tests.state.site import Site, edited, forged, signed_by, signer


def refused(gate: Gate, data: bytes, kind: type[EdgeError], match: str = "") -> None:
    """The gate says no, for this reason, and believes what it believed before."""
    state, roots = gate.following.state, gate.kept.roots
    step = gate.bundle(data)
    assert type(step.refused) is kind, repr(step.refused)
    assert match in step.refused.message
    assert step.state is None
    assert gate.following.state is state
    assert gate.kept.roots == roots or kind is not WrongSite


def refused_head(gate: Gate, data: bytes, kind: type[EdgeError], match: str = "") -> None:
    before = gate.kept.timestamp
    step = gate.head(data)
    assert type(step.refused) is kind, repr(step.refused)
    assert match in step.refused.message
    assert gate.kept.timestamp == before


def above(site: Site, *, snapshot: bytes, by: str | None = None) -> bytes:
    """A newer head, rightly signed, for any snapshot."""
    version = read(site.head, Timestamp).version + 1
    below = read(snapshot, Snapshot)
    meta = TimestampFiles(MetaInfo(below.version, len(snapshot), Hashes(sha256(snapshot))))
    return forged(site.head, Timestamp, [by or site.timestamp], version=version, meta=meta, signed_at=int(site.now),
                  expires=date(int(site.now) + 3600))  # fmt: skip


def over(site: Site, **parts: bytes) -> bytes:
    """A bundle whose snapshot and head are rightly signed over parts that no beacon would bind together."""
    meta = read(site.bundle.snapshot, Snapshot).meta
    kinds: dict[str, type[Any]] = {"targets": Targets, "suspend": Suspend}
    infos = {
        name: MetaInfo(read(parts[name], kinds[name]).version, len(parts[name]), Hashes(sha256(parts[name])))
        for name in kinds
        if name in parts
    }
    version = read(site.bundle.snapshot, Snapshot).version + 1
    meta = msgspec.structs.replace(meta, **infos)
    snapshot = forged(site.bundle.snapshot, Snapshot, [site.snapshot], version=version, meta=meta)
    return site.with_parts(**{"snapshot": snapshot, "timestamp": above(site, snapshot=snapshot), **parts})


# Thresholds and keys (CVE-2020-6174, CVE-2020-6173) ------------------------------------------
def next_root(site: Site, names: list[str], **changes: Any) -> bytes:
    return forged(site.bundle.roots[-1], Root, names, version=len(site.bundle.roots) + 1, **changes)


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


# Mix-and-match, truncation, oversize, form ----------------------------------------------------
@pytest.mark.parametrize("part", ["snapshot", "targets", "suspend", "status", "policy", "suspended"])
def test_parts_of_two_states_do_not_mix(part: str) -> None:
    site, gate = following()
    old = site.bundle
    site.policy = msgspec.structs.replace(site.policy, freshness_bound_s=7200)
    site.revoke(3).suspended(5)
    refused(gate, site.with_parts(**{part: getattr(old, part)}), Mismatched)


def test_a_truncated_bundle_is_damaged() -> None:
    site, gate = following()
    data = site.revoke(3).data
    for size in range(0, len(data), 97):
        refused(gate, data[:size], StateDamaged)
    refused(gate, data[:-1], StateDamaged)


def test_a_bundle_with_something_behind_it_is_damaged() -> None:
    site, gate = following()
    refused(gate, site.data + b"\x00", StateDamaged)


def test_an_oversize_bundle_is_not_parsed() -> None:
    site, gate = following()
    refused(gate, bytes(MAX_BUNDLE_BYTES + 1), StateDamaged, "above the limit")
    refused(gate, site.with_parts(policy=bytes(2**20 + 1)), StateDamaged)
    refused(gate, site.with_parts(snapshot=bytes(MAX_METADATA_BYTES + 1)), StateDamaged)
    refused(gate, site.with_parts(roots=(site.root,) * 257), StateDamaged)
    refused_head(gate, bytes(MAX_METADATA_BYTES + 1), StateDamaged, "above the limit")


@pytest.mark.parametrize("deep", [b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000 + b"0" + b"}" * 10_000])
def test_ten_thousand_levels_of_nesting_are_damaged(deep: bytes) -> None:
    site, gate = following()
    refused_head(gate, deep, StateDamaged)
    refused_head(gate, signed_by(deep, [site.timestamp]), StateDamaged)
    refused(gate, b"\x91" * 10_000 + b"\xc0", StateDamaged)
    refused(gate, b"\x81\xa4type" * 10_000 + b"\xc0", StateDamaged)


@pytest.mark.parametrize("part", ["timestamp", "snapshot", "targets", "suspend", "root"])
def test_an_unknown_field_is_refused_although_it_is_signed(part: str) -> None:
    site, _ = following()
    kinds: dict[str, tuple[bytes, type[Any], list[str]]] = {
        "timestamp": (site.head, Timestamp, [site.timestamp]),
        "snapshot": (site.bundle.snapshot, Snapshot, [site.snapshot]),
        "targets": (site.bundle.targets, Targets, [site.admin]),
        "suspend": (site.bundle.suspend, Suspend, [site.suspend]),
        "root": (site.root, Root, site.roots),
    }
    data, kind, names = kinds[part]
    with pytest.raises(StateDamaged, match="unknown field"):
        read(edited(data, names, lambda signed: signed.update(critical=True)), kind)


@pytest.mark.parametrize("how", ["space", "order", "twice", "escape", "bom", "newline"])
def test_metadata_has_one_text_only(how: str) -> None:
    site, gate = following()
    head = site.passes(60).tick().head
    bent = {
        "space": head.replace(b'":', b'": ', 1),
        "order": msgspec.json.encode(dict(reversed(msgspec.json.decode(head).items()))),
        "twice": head.replace(b'"version":2', b'"version":1,"version":2', 1),
        "escape": head.replace(b"riverside", b"rivers\\u0069de", 1),
        "bom": b"\xef\xbb\xbf" + head,
        "newline": head + b"\n",
    }[how]
    assert bent != head
    refused_head(gate, bent, StateDamaged)
    assert gate.head(head).refused is None


@pytest.mark.parametrize("date", ["2027-02-30T00:00:00Z", "2027-13-01T00:00:00Z", "2027-1-1T0:0:0Z", "tomorrow", "", 5])
def test_a_date_is_a_date(date: object) -> None:
    site, gate = following()
    data = edited(site.head, [site.timestamp], lambda head: head.update(expires=date))
    refused_head(gate, data, StateDamaged)


@pytest.mark.parametrize("life_s", [0, -60, 86401])
def test_a_head_may_not_live_longer_than_a_day(life_s: int) -> None:
    site, gate = following()
    now = int(site.now)
    head = forged(site.head, Timestamp, [site.timestamp], version=9, signed_at=now, expires=date(now + life_s))
    refused_head(gate, head, StateDamaged, "impossible life")


@pytest.mark.parametrize("part", ["snapshot", "targets", "suspend"])
def test_a_version_is_the_one_that_the_part_above_names(part: str) -> None:
    site, gate = following()
    kind: type[Any] = {"snapshot": Snapshot, "targets": Targets, "suspend": Suspend}[part]
    name = {"snapshot": site.snapshot, "targets": site.admin, "suspend": site.suspend}[part]
    data = forged(getattr(site.bundle, part), kind, [name], version=7)
    info = MetaInfo(8, len(data), Hashes(sha256(data)))
    snapshot = data
    if part != "snapshot":
        meta = msgspec.structs.replace(read(site.bundle.snapshot, Snapshot).meta, **{part: info})
        snapshot = forged(site.bundle.snapshot, Snapshot, [site.snapshot], version=2, meta=meta)
    head = above(site, snapshot=snapshot)
    if part == "snapshot":
        head = forged(head, Timestamp, [site.timestamp], meta=TimestampFiles(info))
    refused(gate, site.with_parts(**{"snapshot": snapshot, "timestamp": head, part: data}), Mismatched, "version 7")


# Another site's --------------------------------------------------------------------------
def test_another_sites_state_is_not_ours() -> None:
    site, gate = following()
    other = Site(SiteId("lakeside"), mark=" lake")
    refused(gate, other.data, WrongSite)
    refused(gate, other.with_parts(site=site.name), WrongSite)
    refused(gate, site.with_parts(site=other.name), WrongSite)
    refused_head(gate, other.head, WrongSite)


def test_a_site_that_shares_its_keys_is_still_another() -> None:
    site, gate = following()
    other = Site(SiteId("lakeside"))
    refused_head(gate, other.tick().head, WrongSite)
    refused(gate, site.with_parts(roots=other.bundle.roots), WrongSite)


def test_a_chain_that_forked_is_not_followed() -> None:
    """The same holders, the same name, begun a second time: a manager who starts over cannot take the gates along."""
    site, gate = following()
    again = Site(now=site.now + 60)
    assert again.root != site.root
    refused(gate, again.data, WrongSite, "not the one that this gate follows")


def test_a_policy_of_another_site_is_refused_although_ours_signed_it() -> None:
    site, gate = following()
    other = write_policy(msgspec.structs.replace(site.policy, site=SiteId("lakeside")))
    files = TargetsFiles(status=read(site.bundle.targets, Targets).targets.status, policy=file_info(other))
    version = read(site.bundle.targets, Targets).version + 1
    targets = forged(site.bundle.targets, Targets, [site.admin], version=version, targets=files)
    refused(gate, over(site, targets=targets, policy=other), WrongSite, "policy")


def test_a_gap_in_the_chain_of_roots_is_refused() -> None:
    site, gate = following()
    site.rotate("timestamp").rotate("snapshot")
    refused(gate, site.with_parts(roots=(site.root, site.bundle.roots[2])), Mismatched, "root 3 stands after root 1")
    refused(gate, site.with_parts(roots=(site.root, site.root, site.root)), Mismatched)


# Lists ----------------------------------------------------------------------------------
def with_list(site: Site, status: bytes) -> bytes:
    """Any bytes as the status list, signed by the administrator."""
    above_it = read(site.bundle.targets, Targets)
    files = msgspec.structs.replace(above_it.targets, status=file_info(status))
    targets = forged(site.bundle.targets, Targets, [site.admin], version=above_it.version + 1, targets=files)
    return over(site, targets=targets, status=status)


@pytest.mark.parametrize("to", [Status.VALID, Status.SUSPENDED, Status.UNISSUED])
def test_a_withdrawn_index_stays_withdrawn_whoever_signs(to: Status) -> None:
    site, gate = following()
    gate.bundle(site.revoke(3).data)
    refused(gate, with_list(site, deflate(site.statuses.changed([3], to))), IndexRevived, "3")
    gate.reboot()
    refused(gate, with_list(site, deflate(site.statuses.changed([3], to))), IndexRevived, "3")
    assert gate.status(3) is Status.WITHDRAWN


def test_an_issued_index_is_not_taken_back() -> None:
    site, gate = following()
    refused(gate, with_list(site, deflate(NOTHING_ISSUED)), IndexRevived, "10 final indices")


def test_new_keys_do_not_revive_an_index() -> None:
    site, gate = following()
    gate.bundle(site.revoke(3).data)
    gate.bundle(site.rotate("roots", "admin", "timestamp", "snapshot", "suspend").data)
    refused(gate, with_list(site, deflate(site.statuses.changed([3], Status.VALID))), IndexRevived)


def test_a_bomb_in_place_of_the_list_is_not_inflated() -> None:
    site, gate = following()
    refused(gate, with_list(site, zlib.compress(bytes(10_000_000), 9)), StatusListDamaged)


@pytest.mark.parametrize("mark", [Status.WITHDRAWN, Status.SUSPENDED, Status.UNISSUED])
def test_the_beacon_can_only_suspend(mark: Status) -> None:
    site, gate = following()
    gate.bundle(site.revoke(3).data)
    site.bundle = msgspec.structs.replace(
        site.bundle, suspended=deflate(inflate(site.bundle.suspended).changed([4], mark))
    )
    suspend = forged(
        site.bundle.suspend, Suspend, [site.suspend], version=read(site.bundle.suspend, Suspend).version + 1,
        targets=msgspec.structs.replace(
            read(site.bundle.suspend, Suspend).targets, suspended=file_info(site.bundle.suspended)
        ),
    )  # fmt: skip
    assert gate.bundle(over(site, suspend=suspend)).refused is None
    assert [gate.status(i) for i in (3, 4, 5, 77)] == [
        Status.WITHDRAWN, Status.SUSPENDED, Status.VALID, Status.UNISSUED
    ]  # fmt: skip


def test_the_beacon_cannot_resume_what_the_site_suspended() -> None:
    site, gate = following()
    gate.bundle(site.publish(site.statuses.changed([4], Status.SUSPENDED)).data)
    assert inflate(site.bundle.suspended) == NOTHING_SUSPENDED
    assert gate.status(4) is Status.SUSPENDED


def test_the_beacon_cannot_publish_a_status_list() -> None:
    """Its key on the administrators' file is nobody's key."""
    site, gate = following()
    targets = forged(site.bundle.targets, Targets, [site.suspend, site.snapshot, site.timestamp], version=2)
    refused(gate, over(site, targets=targets), NotSigned, "targets")


@pytest.mark.parametrize("part", ["targets", "suspend", "snapshot", "root"])
def test_what_expires_first_ends_the_state(part: str) -> None:
    site, gate = following()
    soon = date(site.now + 500)
    match part:
        case "root":
            data = site.with_parts(
                roots=(site.root, next_root(site, site.roots, expires=soon)),
                timestamp=above(site, snapshot=site.bundle.snapshot),
            )
        case "snapshot":
            snapshot = forged(site.bundle.snapshot, Snapshot, [site.snapshot], version=2, expires=soon)
            data = site.with_parts(snapshot=snapshot, timestamp=above(site, snapshot=snapshot))
        case _:
            kind: type[Any] = {"targets": Targets, "suspend": Suspend}[part]
            name = {"targets": site.admin, "suspend": site.suspend}[part]
            data = over(site, **{part: forged(getattr(site.bundle, part), kind, [name], version=2, expires=soon)})
    assert gate.bundle(data).refused is None
    assert gate.following.state is not None
    assert gate.following.state.until == site.now + 500
    together(site, gate, 499)
    assert gate.fresh
    together(site, gate, 1)
    assert not gate.fresh


@pytest.mark.parametrize("part", ["targets", "suspend"])
def test_an_expired_part_is_refused(part: str) -> None:
    site, gate = following()
    together(site, gate, 3600)
    kind: type[Any] = {"targets": Targets, "suspend": Suspend}[part]
    name = {"targets": site.admin, "suspend": site.suspend}[part]
    before = getattr(site.bundle, part)
    data = forged(before, kind, [name], version=read(before, kind).version + 1, expires=date(site.now - 1))
    refused(gate, over(site, **{part: data}), Expired)


def test_an_expired_root_stops_everything_above_it() -> None:
    site, gate = following()
    root = forged(site.root, Root, site.roots, version=2, expires=date(site.now + 10))
    together(site, gate, 11)
    site.tick()
    refused(gate, site.with_parts(roots=(site.root, root)), Expired, "the root has expired")
    refused_head(gate, site.tick().head, Expired, "the root has expired")
    assert gate.fresh, "what was applied under the root before runs on to its bound"


def test_what_a_message_says_can_be_printed() -> None:
    """A refusal ends in logs and on terminals, and part of it comes from outside."""
    site, gate = following()
    bent = edited(site.head, [site.timestamp], lambda head: head.update({"_type": "\x1b[2J\n\u202eroot" + "x" * 5000}))
    step = gate.head(bent)
    assert isinstance(step.refused, StateDamaged)
    assert step.refused.message.isprintable()
    assert len(step.refused.message) < 400
