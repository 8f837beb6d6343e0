"""What is used of python-tuf, pinned: its version, the clock it reads, the bytes it signs."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
import tuf
from tuf.api.exceptions import ExpiredMetadataError
from tuf.api.metadata import Metadata
from tuf.api.serialization.json import JSONSerializer
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from edge.core.freshness import Role
from edge.state import trust
from edge.state.bundle import unpack
from edge.state.errors import NotSigned, RolledBack, StateDamaged, WrongSite
from edge.state.shapes import Root
from tests.state.site import NAME, Site, at, forged, key

EDGE = Path(__file__).parents[2] / "edge"


def test_the_version_is_the_one_that_was_read() -> None:
    """Another version may keep its clock elsewhere: read `TrustedMetadataSet` again before this line is changed."""
    assert tuf.__version__ == "7.0.1"


def test_the_clock_of_python_tuf_is_the_attribute_that_we_set() -> None:
    site = Site(now=1e9)
    trusted = TrustedMetadataSet(site.root, EnvelopeType.METADATA)
    wall = dt.datetime.now(dt.UTC)
    assert abs((trusted.reference_time - wall).total_seconds()) < 60, "it reads the wall clock by itself"
    with pytest.raises(ExpiredMetadataError):
        trusted.update_timestamp(site.head)
    trusted.reference_time = dt.datetime.fromtimestamp(site.now, dt.UTC)
    trusted.update_timestamp(site.head)
    trusted.update_snapshot(site.bundle.snapshot)
    trusted.reference_time = dt.datetime.fromtimestamp(site.now + 31 * 86400, dt.UTC)
    with pytest.raises(ExpiredMetadataError):
        trusted.update_targets(site.bundle.targets)


def test_the_walk_asks_for_the_time_under_the_newest_root() -> None:
    site = Site()
    asked: list[Role] = []

    def clock(role: Role) -> float:
        asked.append(role)
        return site.now

    kept = trust.apply(trust.provisioned(site.name, site.root), site.bundle, clock).kept
    old = asked[-1]
    trust.apply(kept, site.rotate("timestamp", "snapshot").bundle, clock)
    assert len(asked) == 2
    assert not asked[-1].keyids & old.keyids


@pytest.mark.parametrize("part", ["timestamp", "snapshot", "targets", "suspend", "root"])
def test_our_text_is_python_tufs_text(part: str) -> None:
    site = Site()
    data = site.root if part == "root" else getattr(site.bundle, part)
    file: Metadata = Metadata.from_bytes(data)  # type: ignore[type-arg]
    assert file.to_bytes(JSONSerializer(compact=True, validate=True)) == data
    assert file.signed_bytes in data


def test_python_tuf_is_imported_in_one_place() -> None:
    users = {
        path.relative_to(EDGE).as_posix()
        for path in EDGE.rglob("*.py")
        if re.search(r"^\s*(from|import) tuf\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert users == {"state/walk.py"}


def test_a_gate_is_provisioned_with_a_root_that_stands_by_itself() -> None:
    site = Site()
    assert trust.provisioned(site.name, site.root).roots == (site.root,)
    with pytest.raises(NotSigned):
        trust.provisioned(site.name, forged(site.root, Root, site.roots[:1]))
    with pytest.raises(WrongSite):
        trust.provisioned(NAME.__class__("lakeside"), site.root)
    with pytest.raises(StateDamaged):
        trust.provisioned(site.name, site.root[:-1])


def test_a_gate_that_came_late_begins_with_a_later_root() -> None:
    site = Site().rotate("timestamp").rotate("roots")
    kept = trust.provisioned(site.name, site.bundle.roots[1])
    outcome = trust.apply(kept, site.bundle, at(site.now))
    assert outcome.refused is None
    assert outcome.kept.roots == site.bundle.roots[1:]
    assert trust.restored(outcome.kept).state is not None
    headless = unpack(site.with_parts(roots=site.bundle.roots[1:]))
    assert isinstance(trust.apply(outcome.kept, headless, at(site.now)).refused, RolledBack)


def test_no_repr_shows_a_key() -> None:
    site = Site()
    secret = key(site.timestamp).private_bytes_raw()
    assert secret.hex() not in repr((site.bundle, site.signers, trust.provisioned(site.name, site.root)))
