"""The always-on side: it holds the timestamp, snapshot and suspend keys, and nothing of the administrators'.

Rule 1.  The head is signed anew every `HEAD_EVERY_S`, and says only: at this second, this snapshot is the newest.
Rule 2.  The beacon's list may suspend and nothing else. Its form cannot say more (`edge.core.status_list`, rule 4), and
         the delegation covers one file.
Rule 3.  What the administrators hand over is bound to the rest by a new snapshot, and published as one bundle, before
         any head names it: a gate that hears the head first would wait for the bundle.
Rule 4.  Snapshot and suspend file live as long as the targets that they accompany: one date to watch.

Every function takes the last published bundle and returns the next; keeping them is for whoever calls.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from securesystemslib.signer import Signer

from edge.core.status_list import NOTHING_SUSPENDED, StatusList, deflate
from edge.core.values import WallTime
from edge.state.bundle import Bundle
from edge.state.metadata import date, read, sha256
from edge.state.policy import read_policy
from edge.state.publish import PublishedTargets, file_info, sign
from edge.state.shapes import (
    Hashes,
    MetaInfo,
    Root,
    Snapshot,
    SnapshotFiles,
    Suspend,
    SuspendFiles,
    Targets,
    Timestamp,
    TimestampFiles,
)

HEAD_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class BeaconSigners:
    """The keys of the machine, by role."""

    timestamp: tuple[Signer, ...]
    snapshot: tuple[Signer, ...]
    suspend: tuple[Signer, ...]


def begin(root: bytes, published: PublishedTargets, signers: BeaconSigners, *, now: WallTime) -> Bundle:
    """The first bundle of a site."""
    site = read(root, Root).site
    suspended = deflate(NOTHING_SUSPENDED)
    targets = read(published.targets, Targets)
    suspend = sign(
        Suspend(version=1, expires=targets.expires, site=site, targets=SuspendFiles(file_info(suspended))),
        signers.suspend,
    )
    snapshot = _snapshot(1, published.targets, suspend, signers)
    bound_s = read_policy(published.policy).freshness_bound_s
    return Bundle(
        site=site,
        roots=(root,),
        timestamp=_timestamp(1, snapshot, now, bound_s, signers),
        snapshot=snapshot,
        targets=published.targets,
        suspend=suspend,
        status=published.status,
        policy=published.policy,
        suspended=suspended,
    )


def with_head(bundle: Bundle, signers: BeaconSigners, *, now: WallTime) -> Bundle:
    """Rule 1: the same state under a new head. The new `timestamp` alone is what goes out every minute."""
    version = read(bundle.timestamp, Timestamp).version + 1
    bound_s = read_policy(bundle.policy).freshness_bound_s
    head = _timestamp(version, bundle.snapshot, now, bound_s, signers)
    return msgspec.structs.replace(bundle, timestamp=head)


def with_targets(bundle: Bundle, published: PublishedTargets, signers: BeaconSigners, *, now: WallTime) -> Bundle:
    """What the administrators published, with the beacon's list as it stands."""
    suspend = _suspend(bundle, published.targets, bundle.suspended, signers)
    bundle = msgspec.structs.replace(
        bundle, targets=published.targets, status=published.status, policy=published.policy, suspend=suspend
    )
    return _bound(bundle, signers, now)


def with_suspended(bundle: Bundle, statuses: StatusList, signers: BeaconSigners, *, now: WallTime) -> Bundle:
    """The same targets under another list of the beacon's own (rule 2)."""
    suspended = deflate(statuses)
    suspend = _suspend(bundle, bundle.targets, suspended, signers)
    return _bound(msgspec.structs.replace(bundle, suspend=suspend, suspended=suspended), signers, now)


def with_root(bundle: Bundle, root: bytes, signers: BeaconSigners, *, now: WallTime) -> Bundle:
    """The chain grown by `root`; snapshot and head signed by whoever it names."""
    return _bound(msgspec.structs.replace(bundle, roots=(*bundle.roots, root)), signers, now)


def _bound(bundle: Bundle, signers: BeaconSigners, now: WallTime) -> Bundle:
    version = read(bundle.snapshot, Snapshot).version + 1
    snapshot = _snapshot(version, bundle.targets, bundle.suspend, signers)
    return with_head(msgspec.structs.replace(bundle, snapshot=snapshot), signers, now=now)


def _suspend(bundle: Bundle, targets: bytes, suspended: bytes, signers: BeaconSigners) -> bytes:
    """Rule 4."""
    version = read(bundle.suspend, Suspend).version + 1
    files = SuspendFiles(file_info(suspended))
    expires = read(targets, Targets).expires
    return sign(Suspend(version=version, expires=expires, site=bundle.site, targets=files), signers.suspend)


def _snapshot(version: int, targets: bytes, suspend: bytes, signers: BeaconSigners) -> bytes:
    above = read(targets, Targets)
    files = SnapshotFiles(
        targets=_meta_info(above.version, targets), suspend=_meta_info(read(suspend, Suspend).version, suspend)
    )
    return sign(Snapshot(version=version, expires=above.expires, site=above.site, meta=files), signers.snapshot)


def _timestamp(version: int, snapshot: bytes, now: WallTime, bound_s: float, signers: BeaconSigners) -> bytes:
    below = read(snapshot, Snapshot)
    signed = Timestamp(
        version=version,
        expires=date(int(now) + bound_s),
        site=below.site,
        signed_at=int(now),
        meta=TimestampFiles(_meta_info(below.version, snapshot)),
    )
    return sign(signed, signers.timestamp)


def _meta_info(version: int, data: bytes) -> MetaInfo:
    return MetaInfo(version, len(data), Hashes(sha256(data)))
