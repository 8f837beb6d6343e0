"""One walk along TUF's client workflow, with python-tuf underneath (rules in `edge.state.trust`).

This is the only module that imports python-tuf, and it uses one internal class of it, `TrustedMetadataSet`: bytes in,
verdict out, no files. `ngclient.Updater` would add a cache on disk, temporary files, URLs and an HTTP library to it.
The version is pinned exactly, and `tests/state/test_walk.py` pins what is used of it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from tuf.api import exceptions as tuf
from tuf.api.metadata import Metadata
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from edge.core.freshness import Applied, Head, Role, SnapshotRef
from edge.core.status_list import StatusList, Transitions, inflate, overlaid, transitions
from edge.core.values import WallTime
from edge.errors import EdgeError
from edge.state.bundle import Bundle, pack, unpack
from edge.state.errors import Expired, HeadAhead, Mismatched, NotSigned, RolledBack, StateDamaged, WrongSite
from edge.state.kept import Kept
from edge.state.metadata import AGAIN, read, seconds, sha256
from edge.state.policy import SitePolicy, read_policy
from edge.state.shapes import SUSPEND_ROLE, FileInfo, Root, Signed, Snapshot, Suspend, Targets, Timestamp
from edge.state.statement import Speakers

Clock = Callable[[Role], WallTime]
"""The gate's time, as far as it rests on keys of the role given (rule 2)."""
_MAX_TIME_S = 253_402_300_799.0


@dataclass(frozen=True, slots=True)
class ConsentState:
    """What is verified. `statuses` is the site's list with the beacon's laid over it; `until` is the first expiry."""

    snapshot: SnapshotRef
    root_version: int
    targets_version: int
    statuses: StatusList
    published: StatusList
    policy: SitePolicy
    until: WallTime
    changes: Transitions | None
    """Against the list applied before; None for the first."""

    @property
    def applied(self) -> Applied:
        """What `edge.core.freshness` must know once this is committed."""
        return Applied(self.snapshot, self.until, float(self.policy.freshness_bound_s))


class Walk:
    """One walk through the workflow. `kept` grows with everything that was verified (rule 3)."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        first, *others = kept.roots
        self._first = self._read(first, Root).version
        with _named("the root"):
            self._set = TrustedMetadataSet(first, EnvelopeType.METADATA)
        for data in others:
            self._add_root(data)

    @property
    def beacon(self) -> Speakers:
        """Whose word about heads and time counts, by the newest root."""
        root = self._set.root
        role = root.roles["timestamp"]
        return Speakers(tuple(bytes.fromhex(root.keys[key].keyval["public"]) for key in role.keyids), role.threshold)

    def demand_site(self, site: str, what: str) -> None:
        """Rule 5: nothing of another site's."""
        if site != self.kept.site:
            raise WrongSite(f"{what} is for site {site}, not {self.kept.site}", hint=_WRONG)

    def grow(self, roots: tuple[bytes, ...]) -> None:
        """Follow a chain that begins with version 1 of the site's root."""
        first = self._first
        known = self.kept.roots
        if len(roots) < first - 1 + len(known):
            raise RolledBack(
                f"the chain ends at root {len(roots)}, and root {first - 1 + len(known)} was seen before", hint=_OLD
            )
        if roots[first - 1 : first - 1 + len(known)] != known:
            raise WrongSite("the chain of roots is not the one that this gate follows", hint=_WRONG)
        for data in roots[first - 1 + len(known) :]:
            self._add_root(data)
            self.kept = msgspec.structs.replace(self.kept, roots=(*self.kept.roots, data))

    def now(self, clock: Clock) -> None:
        """Rules 2 and 3: the floor first, which has no age, then the time under which all else is looked at."""
        self._set.reference_time = dt.datetime.fromtimestamp(0, dt.UTC)
        self._floor()
        at = min(max(clock(self.beacon.role), 0.0), _MAX_TIME_S)
        self._set.reference_time = dt.datetime.fromtimestamp(at, dt.UTC)

    def offer(self, data: bytes) -> EdgeError | None:
        """Take a timestamp if it is the newest so far; otherwise say why not. An expired one still lifts the floor."""
        try:
            self._read(data, Timestamp)
            with _named("the head"):
                self._set.update_timestamp(data)
        except Expired as error:
            if self._set.root.is_expired(self._set.reference_time):
                return Expired("the root has expired", hint=_RENEW)
            self.kept = msgspec.structs.replace(self.kept, timestamp=data)
            return error
        except _SameVersion:
            return None
        except EdgeError as error:
            return error
        self.kept = msgspec.structs.replace(self.kept, timestamp=data)
        return None

    def demand_current(self, own: EdgeError | None) -> None:
        """A timestamp is there, and in time."""
        if own is not None and self.kept.timestamp is None:
            raise own
        if self._set.root.is_expired(self._set.reference_time):
            raise Expired("the root has expired", hint=_RENEW)
        if self._set.timestamp.is_expired(self._set.reference_time):
            raise Expired("the newest head has expired", hint=_OLD)

    def state(self, bundle: Bundle) -> ConsentState:
        """Rules 1, 4 and 5 from the snapshot on."""
        snapshot = self._snapshot(bundle)
        targets, suspend = self._targets(bundle, snapshot)
        policy = read_policy(bundle.policy)
        self.demand_site(policy.site, "the site policy")
        published, suspended = inflate(bundle.status), inflate(bundle.suspended)
        before = self._before(targets)
        changes = transitions(before, published) if before is not None else None
        dates = [seconds(part.expires) for part in (snapshot, targets, suspend)]
        return ConsentState(
            snapshot=SnapshotRef(snapshot.version, sha256(bundle.snapshot)),
            root_version=self._set.root.version,
            targets_version=targets.version,
            statuses=overlaid(published, suspended),
            published=published,
            policy=policy,
            until=float(min(*dates, int(self._set.root.expires.timestamp()))),
            changes=changes,
        )

    def take(self, bundle: Bundle) -> None:
        """What `state` verified is what the gate keeps, under the head that named it: its own may name another."""
        assert self.kept.timestamp is not None
        whole = pack(msgspec.structs.replace(bundle, timestamp=self.kept.timestamp))
        self.kept = msgspec.structs.replace(self.kept, bundle=whole)

    def head(self) -> Head | None:
        """The newest timestamp, with those of today's keys that signed it: perhaps none, if roots were learnt since."""
        if self.kept.timestamp is None:
            return None
        signed = read(self.kept.timestamp, Timestamp)
        named = signed.meta.snapshot
        return Head(
            version=signed.version,
            snapshot=SnapshotRef(named.version, named.hashes.sha256),
            signed_at=float(signed.signed_at),
            expires=float(seconds(signed.expires)),
            signers=self._signers("timestamp", self.kept.timestamp),
        )

    def _add_root(self, data: bytes) -> None:
        root = self._read(data, Root)
        if root.version != self._set.root.version + 1:
            raise Mismatched(f"root {root.version} stands after root {self._set.root.version}", hint=AGAIN)
        with _named(f"root {root.version}"):
            self._set.update_root(data)

    def _floor(self) -> None:
        """Hand the newest head to python-tuf, or forget it if the newest root no longer knows who signed it."""
        if self.kept.timestamp is None:
            return
        self._read(self.kept.timestamp, Timestamp)
        try:
            with _named("the stored head"):
                self._set.update_timestamp(self.kept.timestamp)
        except NotSigned:
            self.kept = msgspec.structs.replace(self.kept, timestamp=None)

    def _snapshot(self, bundle: Bundle) -> Snapshot:
        assert self.kept.timestamp is not None
        named = read(self.kept.timestamp, Timestamp).meta.snapshot
        if sha256(bundle.snapshot) != named.hashes.sha256:
            if read(bundle.timestamp, Timestamp).meta.snapshot != named:
                raise HeadAhead(f"the newest head names snapshot {named.version}, which this bundle is not", hint=_OLD)
            raise Mismatched("the snapshot is not the one that its head names", hint=AGAIN)
        snapshot = self._read(bundle.snapshot, Snapshot)
        _demand_version("the snapshot", snapshot, named.version)
        if self.kept.snapshot is not None:
            # Only to compare with. It need not be what the head names, and if its keys are lost it does not count.
            with contextlib.suppress(tuf.RepositoryError):
                self._set.update_snapshot(self.kept.snapshot, trusted=True)
        with _named("the snapshot"):
            self._set.update_snapshot(bundle.snapshot)
        self.kept = msgspec.structs.replace(self.kept, snapshot=bundle.snapshot)
        return snapshot

    def _targets(self, bundle: Bundle, snapshot: Snapshot) -> tuple[Targets, Suspend]:
        targets = self._read(bundle.targets, Targets)
        _demand_version("targets", targets, snapshot.meta.targets.version)
        with _named("targets"):
            self._set.update_targets(bundle.targets)
        suspend = self._read(bundle.suspend, Suspend)
        _demand_version("the suspend role", suspend, snapshot.meta.suspend.version)
        with _named("the suspend role"):
            self._set.update_delegated_targets(bundle.suspend, SUSPEND_ROLE, "targets")
        _demand_file("the status list", bundle.status, targets.targets.status)
        _demand_file("the site policy", bundle.policy, targets.targets.policy)
        _demand_file("the beacon's list", bundle.suspended, suspend.targets.suspended)
        return targets, suspend

    def _before(self, targets: Targets) -> StatusList | None:
        """The list applied before. Rule 5's floor: it stands while the keys that signed it do."""
        if self.kept.bundle is None:
            return None
        before = unpack(self.kept.bundle)
        version = read(before.targets, Targets).version
        role = self._set.root.roles["targets"]
        stands = Role(frozenset(role.keyids), role.threshold)
        if targets.version < version and stands.met(self._signers("targets", before.targets)):
            raise RolledBack(f"targets {targets.version} are older than targets {version}, applied before", hint=_OLD)
        return inflate(before.status)

    def _read(self, data: bytes, kind: type[_T]) -> _T:
        signed = read(data, kind)
        self.demand_site(signed.site, f"a {kind.__name__.lower()} file")
        return signed

    def _signers(self, role: str, data: bytes) -> frozenset[str]:
        file: Metadata[Any] = Metadata.from_bytes(data)
        result = self._set.root.get_verification_result(role, file.signed_bytes, file.signatures)
        return frozenset(result.signed)


class _SameVersion(Exception):
    """A genuine timestamp under the number of the newest. The one that came first stands."""


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    """python-tuf's refusals, in this project's words."""
    try:
        yield
    except tuf.EqualVersionNumberError:
        raise _SameVersion from None
    except tuf.UnsignedMetadataError:
        raise NotSigned(f"{what} is not signed by enough of the keys that speak for it", hint=_KEYS) from None
    except tuf.ExpiredMetadataError:
        raise Expired(f"{what} has expired", hint=_RENEW) from None
    except tuf.BadVersionNumberError:
        raise RolledBack(f"{what} is older than what was seen before", hint=_OLD) from None
    except tuf.LengthOrHashMismatchError:
        raise Mismatched(f"{what} is not the one that the part above it names", hint=AGAIN) from None
    except tuf.RepositoryError as error:
        raise StateDamaged(f"{what} was refused: {type(error).__name__}", hint=AGAIN) from None


def _demand_version(what: str, part: Signed, version: int) -> None:
    if part.version != version:
        raise Mismatched(f"{what} has version {part.version}, and the part above it names {version}", hint=AGAIN)


def _demand_file(what: str, data: bytes, info: FileInfo) -> None:
    if len(data) != info.length or sha256(data) != info.hashes.sha256:
        raise Mismatched(f"{what} is not the one that was signed", hint=AGAIN)


_T = TypeVar("_T", bound=Signed)
_RENEW = "publish the site's state anew on the administrator's workstation; cards go on working"
_OLD = "wait for the newest state from the beacon; if it stays away, check the broker"
_KEYS = "check who signed; if the site's keys were rotated, the beacon must publish under the new ones"
_WRONG = "connect the gate to its own site's broker, or provision it anew for this site"
