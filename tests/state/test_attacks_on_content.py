"""What is tried against the content of signed state: mixes, sizes, forms, other sites, lists, dates. Threat 16."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec
import pytest

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
from edge.state.bundle import MAX_BUNDLE_BYTES
from edge.state.errors import (
    Expired,
    Mismatched,
    NotSigned,
    StateDamaged,
    WrongSite,
)
from edge.state.metadata import date, read, sha256
from edge.state.policy import write_policy
from edge.state.publish import file_info
from edge.state.shapes import (
    MAX_METADATA_BYTES,
    Hashes,
    MetaInfo,
    Root,
    Snapshot,
    Suspend,
    Targets,
    TargetsFiles,
    Timestamp,
    TimestampFiles,
)
from tests.state.gate import following, together
from tests.state.refusals import above, next_root, over, refused, refused_head
from tests.state.site import Site, edited, forged, signed_by


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
