"""A site in memory: its administrators, its beacon, and, for the attacks, anything signed with any of their keys."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import Signer

from edge.core.freshness import Role
from edge.core.status_list import NOTHING_ISSUED, Status, StatusList, inflate
from edge.core.values import SiteId, WallTime
from edge.state import beacon, publish
from edge.state.beacon import BeaconSigners
from edge.state.bundle import Bundle, pack
from edge.state.metadata import canonical, read
from edge.state.policy import GateKeys, SitePolicy
from edge.state.publish import Holders, PublishedTargets, RootHolders
from edge.state.shapes import Root, Signature, Signed, Snapshot, Suspend, Targets, Timestamp

T0 = 1_800_000_000.0
NAME = SiteId("riverside")
GATE = "north"
S = TypeVar("S", bound=Signed)


def key(name: str) -> Ed25519PrivateKey:
    """The same key for the same name, always."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"edge-gate test key {name}".encode()).digest())


def signer(name: str) -> Signer:
    return publish.signer(key(name))


def raw(name: str) -> bytes:
    return key(name).public_key().public_bytes_raw()


def held(*names: str, threshold: int = 1) -> Holders:
    return Holders(tuple(map(raw, names)), threshold)


class Site:
    """Two of three root keys, one administrator, one beacon; a gate called north."""

    def __init__(self, name: SiteId = NAME, *, mark: str = "", now: WallTime = T0, bound_s: int = 3600) -> None:
        self.name, self.now, self.mark = name, now, mark
        self.roots = [f"root{mark} {n}" for n in range(3)]
        self.admin, self.timestamp, self.snapshot, self.suspend = (
            f"{role}{mark}" for role in ("admin", "timestamp", "snapshot", "suspend")
        )
        self.policy = SitePolicy(
            site=name,
            issuers=(raw("issuer").hex(),),
            gates=(GateKeys(id=GATE, key=raw("gate north").hex()),),
            notices=(),
            freshness_bound_s=bound_s,
        )
        root = publish.first_root(name, self.holders(), expires=now + 2 * 366 * 86400, signers=self.root_signers())
        self.published = self._publish(NOTHING_ISSUED.changed(range(10), Status.VALID), after=None)
        self.bundle: Bundle = beacon.begin(root, self.published, self.signers, now=now)

    def holders(self) -> RootHolders:
        return RootHolders(
            root=held(*self.roots, threshold=2),
            targets=held(self.admin),
            snapshot=held(self.snapshot),
            timestamp=held(self.timestamp),
        )

    def root_signers(self, count: int = 2) -> list[Signer]:
        return [signer(name) for name in self.roots[:count]]

    @property
    def signers(self) -> BeaconSigners:
        return BeaconSigners((signer(self.timestamp),), (signer(self.snapshot),), (signer(self.suspend),))

    @property
    def statuses(self) -> StatusList:
        return inflate(self.published.status)

    @property
    def data(self) -> bytes:
        return pack(self.bundle)

    @property
    def head(self) -> bytes:
        return self.bundle.timestamp

    @property
    def root(self) -> bytes:
        return self.bundle.roots[0]

    # What an honest site does ------------------------------------------------------------
    def passes(self, seconds: float) -> Site:
        self.now += seconds
        return self

    def tick(self) -> Site:
        self.bundle = beacon.with_head(self.bundle, self.signers, now=self.now)
        return self

    def publish(self, statuses: StatusList | None = None, *, life_s: float = publish.TARGETS_LIFE_DEFAULT_S) -> Site:
        self.published = self._publish(statuses or self.statuses, after=self.published, life_s=life_s)
        self.bundle = beacon.with_targets(self.bundle, self.published, self.signers, now=self.now)
        return self

    def revoke(self, *indices: int) -> Site:
        return self.publish(self.statuses.changed(indices, Status.WITHDRAWN))

    def suspended(self, *indices: int) -> Site:
        marked = inflate(self.bundle.suspended).changed(indices, Status.SUSPENDED)
        self.bundle = beacon.with_suspended(self.bundle, marked, self.signers, now=self.now)
        return self

    def rotate(self, *roles: str) -> Site:
        """New keys for some of: timestamp, snapshot, suspend, admin, roots."""
        before, old = self.bundle.roots[-1], self.root_signers()
        for role in roles:
            if role == "roots":
                self.roots = [f"{name}'" for name in self.roots]
            else:
                setattr(self, role, getattr(self, role) + "'")
        signers = list({s.public_key.keyid: s for s in (*old, *self.root_signers())}.values())
        root = publish.next_root(before, self.holders(), expires=self.now + 2 * 366 * 86400, signers=signers)
        if {"admin", "suspend"} & set(roles):
            self.published = self._publish(self.statuses, after=self.published)
            self.bundle = beacon.with_targets(self.bundle, self.published, self.signers, now=self.now)
        self.bundle = beacon.with_root(self.bundle, root, self.signers, now=self.now)
        return self

    def _publish(self, statuses: StatusList, **how: Any) -> PublishedTargets:
        return publish.publish_targets(
            self.name, statuses, self.policy, held(self.suspend), now=self.now, signers=[signer(self.admin)], **how
        )

    # What nobody should do ------------------------------------------------------------------
    def with_parts(self, **parts: Any) -> bytes:
        """The bundle with some parts replaced, nothing re-signed."""
        return msgspec.msgpack.encode(msgspec.structs.replace(self.bundle, **parts))


KINDS: dict[str, type[Signed]] = {
    "timestamp": Timestamp,
    "snapshot": Snapshot,
    "targets": Targets,
    "suspend": Suspend,
    "root": Root,
}


def forged(data: bytes, kind: type[S], names: Iterable[str], **changes: Any) -> bytes:
    """`data` with its signed part changed, signed by whoever is named, whether or not it makes sense."""
    signed = msgspec.structs.replace(read(data, kind), **changes)
    return signed_by(canonical(signed), names)


def signed_by(payload: bytes, names: Iterable[str]) -> bytes:
    """Any bytes as the signed part."""
    made = [signer(name).sign(payload) for name in names]
    signatures = [Signature(one.keyid, one.signature) for one in sorted(made, key=lambda s: s.keyid)]
    return msgspec.json.encode({"signatures": signatures, "signed": msgspec.Raw(payload)}, order="sorted")


def edited(data: bytes, names: Iterable[str], edit: Callable[[dict[str, Any]], None]) -> bytes:
    """`data` with its JSON edited by hand, then signed."""
    signed = msgspec.json.decode(data)["signed"]
    edit(signed)
    return signed_by(msgspec.json.encode(signed, order="sorted"), names)


def at(time: WallTime) -> Callable[[Role], WallTime]:
    """A clock that rests on nobody."""
    return lambda _: time
