"""What several attacks need: a gate that must say no, and parts bound together by keys that should not do so."""

from __future__ import annotations

from typing import Any

import msgspec

from edge.errors import EdgeError
from edge.state.errors import (
    WrongSite,
)
from edge.state.metadata import date, read, sha256
from edge.state.shapes import (
    Hashes,
    MetaInfo,
    Root,
    Snapshot,
    Suspend,
    Targets,
    Timestamp,
    TimestampFiles,
)
from tests.state.gate import Gate
from tests.state.site import Site, forged


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


def next_root(site: Site, names: list[str], **changes: Any) -> bytes:
    return forged(site.bundle.roots[-1], Root, names, version=len(site.bundle.roots) + 1, **changes)
