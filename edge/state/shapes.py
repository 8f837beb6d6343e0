"""The fields of all signed metadata: TUF's, narrowed to what we publish (rules in `edge.state.metadata`)."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from edge.core.values import SiteId

SPEC_VERSION: Final = "1.0.31"
STATUS_FILE: Final = "status.list"
POLICY_FILE: Final = "policy.json"
SUSPEND_FILE: Final = "suspend.list"
SUSPEND_ROLE: Final = "suspend"

MAX_METADATA_BYTES = 64 * 1024
MAX_FILE_BYTES = 1024 * 1024
"""Of one target file."""
MAX_KEYS = 32
MAX_ROLE_KEYS = 8
MAX_SIGNATURES = 16
"""A root that replaces all keys is signed by the old and by the new ones. More are not tried (CVE-2020-6173)."""
MAX_VERSION = 2**53 - 1
"""The largest integer that every JSON reader keeps. A role that was fast-forwarded to it recovers with new keys."""

KeyId = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Hex32 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Version = Annotated[int, Meta(ge=1, le=MAX_VERSION)]
Threshold = Annotated[int, Meta(ge=1, le=MAX_ROLE_KEYS)]
Site = Annotated[SiteId, Meta(min_length=1, max_length=64, pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]*\Z")]
Date = Annotated[str, Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")]
MAX_TIME_S = 253_402_300_799
"""The last second of the year 9999."""


class _Part(Struct, frozen=True, forbid_unknown_fields=True):
    """Root of all types below."""


class KeyValue(_Part, frozen=True):
    """32 raw bytes, hex."""

    public: Hex32


class PublicKey(_Part, frozen=True):
    """Rule 3."""

    keytype: Literal["ed25519"]
    scheme: Literal["ed25519"]
    keyval: KeyValue


class Keys(_Part, frozen=True):
    """Any `threshold` of `keyids`."""

    keyids: Annotated[tuple[KeyId, ...], Meta(min_length=1, max_length=MAX_ROLE_KEYS)]
    threshold: Threshold


class RootRoles(_Part, frozen=True):
    """The four roles that every root names."""

    root: Keys
    snapshot: Keys
    targets: Keys
    timestamp: Keys


class Hashes(_Part, frozen=True):
    """One hash is enough, and SHA-256 is the one."""

    sha256: Hex32


class FileInfo(_Part, frozen=True):
    """A target file."""

    length: Annotated[int, Meta(ge=0, le=MAX_FILE_BYTES)]
    hashes: Hashes


class MetaInfo(_Part, frozen=True):
    """A metadata file."""

    version: Version
    length: Annotated[int, Meta(ge=0, le=MAX_METADATA_BYTES)]
    hashes: Hashes


class SnapshotFiles(_Part, frozen=True, rename={"targets": "targets.json", "suspend": "suspend.json"}):
    """What a snapshot binds together."""

    targets: MetaInfo
    suspend: MetaInfo


class TimestampFiles(_Part, frozen=True, rename={"snapshot": "snapshot.json"}):
    """What a timestamp names."""

    snapshot: MetaInfo


class TargetsFiles(_Part, frozen=True, rename={"status": STATUS_FILE, "policy": POLICY_FILE}):
    """What the administrators publish."""

    status: FileInfo
    policy: FileInfo


class SuspendFiles(_Part, frozen=True, rename={"suspended": SUSPEND_FILE}):
    """What the beacon may publish."""

    suspended: FileInfo


class Delegation(_Part, frozen=True):
    """The beacon's role for its own list, and for nothing else."""

    name: Literal["suspend"]
    keyids: Annotated[tuple[KeyId, ...], Meta(min_length=1, max_length=MAX_ROLE_KEYS)]
    threshold: Threshold
    terminating: bool
    paths: tuple[Literal["suspend.list"]]


class Delegations(_Part, frozen=True):
    """Exactly one delegation."""

    keys: Annotated[dict[KeyId, PublicKey], Meta(min_length=1, max_length=MAX_KEYS)]
    roles: tuple[Delegation]


class Signed(_Part, frozen=True, kw_only=True, tag_field="_type"):
    """What all signed parts begin with."""

    version: Version
    spec_version: Literal["1.0.31"] = SPEC_VERSION
    expires: Date
    site: Site


class Root(Signed, frozen=True, kw_only=True, tag="root"):
    """Who holds which role."""

    consistent_snapshot: bool = False
    keys: Annotated[dict[KeyId, PublicKey], Meta(min_length=1, max_length=MAX_KEYS)]
    roles: RootRoles


class Timestamp(Signed, frozen=True, kw_only=True, tag="timestamp"):
    """A head. `signed_at` is the beacon's clock, whole seconds since 1970-01-01 UTC."""

    signed_at: Annotated[int, Meta(ge=0, le=MAX_TIME_S)]
    meta: TimestampFiles


class Snapshot(Signed, frozen=True, kw_only=True, tag="snapshot"):
    """One consent state as a whole."""

    meta: SnapshotFiles


class Targets(Signed, frozen=True, kw_only=True, tag="targets"):
    """The site's status list and policy."""

    targets: TargetsFiles
    delegations: Delegations


class Suspend(Signed, frozen=True, kw_only=True, tag="targets"):
    """The beacon's list; for TUF a targets role like any other."""

    targets: SuspendFiles


class Signature(_Part, frozen=True):
    """An Ed25519 signature over the canonical JSON of `signed`."""

    keyid: KeyId
    sig: Annotated[str, Meta(pattern=r"\A[0-9a-f]{128}\Z")]
