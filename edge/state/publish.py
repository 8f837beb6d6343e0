"""The administrators' side: who holds which role, and what they publish. Keys and bytes in, bytes out.

Rule 1.  The root is signed by a threshold of its own keys, and a new one by a threshold of the old root's as well. It
         is needed rarely, and its keys stay offline.
Rule 2.  Root and targets belong to people, timestamp, snapshot and suspend to a machine that is always on. No key may
         stand on both sides: whoever takes the beacon must not be able to give anybody back (threat 27).
Rule 3.  Nothing is signed that a gate would refuse: every product is read back, and a status list is compared with the
         one before it.
Rule 4.  Versions grow by one. Whoever lost count continues from the last published bytes, not from a guess.

Signers are `securesystemslib` signers (a file, a smart card, a key service); `signer` makes one of an Ed25519 key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Signer, SSlibKey

from edge.core.status_list import StatusList, deflate, inflate, transitions
from edge.core.values import SiteId, WallTime
from edge.errors import Refused
from edge.state.metadata import canonical, date, keyid_of, read, sha256, write
from edge.state.policy import SitePolicy, write_policy
from edge.state.shapes import (
    SUSPEND_FILE,
    SUSPEND_ROLE,
    Delegation,
    Delegations,
    FileInfo,
    Hashes,
    Keys,
    KeyValue,
    PublicKey,
    Root,
    RootRoles,
    Signature,
    Signed,
    Targets,
    TargetsFiles,
)

DAY_S = 24 * 3600
TARGETS_LIFE_DEFAULT_S = 30 * DAY_S
TARGETS_LIFE_MIN_S = DAY_S
TARGETS_LIFE_MAX_S = 90 * DAY_S
"""How long a taken-over beacon can hide a withdrawal; the notice states it."""
ROOT_LIFE_DEFAULT_S = 2 * 366 * DAY_S


@dataclass(frozen=True, slots=True)
class Holders:
    """Raw public keys (32 bytes each), `threshold` of which speak for a role."""

    publics: tuple[bytes, ...]
    threshold: int = 1


@dataclass(frozen=True, slots=True)
class RootHolders:
    """Who speaks for the site. `suspend` is delegated by the targets, not by the root."""

    root: Holders
    targets: Holders
    snapshot: Holders
    timestamp: Holders


@dataclass(frozen=True, slots=True)
class PublishedTargets:
    """What the administrators hand to the beacon."""

    targets: bytes
    status: bytes
    policy: bytes


def signer(key: Ed25519PrivateKey) -> Signer:
    """A signer with our keyid."""
    raw = key.public_key().public_bytes_raw()
    return CryptoSigner(key, SSlibKey(keyid_of(raw), "ed25519", "ed25519", {"public": raw.hex()}))


def first_root(site: SiteId, holders: RootHolders, *, expires: WallTime, signers: Iterable[Signer]) -> bytes:
    """Version 1 of a site's root; the SHA-256 of these bytes is the fingerprint that residents compare."""
    return _root(site, 1, holders, expires, signers)


def next_root(previous: bytes, holders: RootHolders, *, expires: WallTime, signers: Iterable[Signer]) -> bytes:
    """The root after `previous`, signed by a threshold of both (rule 1). Raises `Refused` where signers are missing."""
    old = read(previous, Root)
    signers = list(signers)
    _enough(old.roles.root, signers, "the root before")
    return _root(old.site, old.version + 1, holders, expires, signers)


def publish_targets(
    site: SiteId,
    statuses: StatusList,
    policy: SitePolicy,
    suspend: Holders,
    *,
    after: PublishedTargets | None,
    now: WallTime,
    life_s: float = TARGETS_LIFE_DEFAULT_S,
    signers: Iterable[Signer],
) -> PublishedTargets:
    """The list and the policy, valid for `life_s` from `now`; `after` is what was published last.

    Raises:
        IndexRevived: `statuses` would give a withdrawn index back.
        Refused: the policy is another site's, or `life_s` is out of bounds.
    """
    if policy.site != site:
        raise Refused(f"the policy is for site {policy.site}, not {site}", hint="publish it where it belongs")
    if not TARGETS_LIFE_MIN_S <= life_s <= TARGETS_LIFE_MAX_S:
        raise Refused(
            f"targets cannot live for {life_s / DAY_S:g} days",
            hint=f"choose {TARGETS_LIFE_MIN_S // DAY_S} to {TARGETS_LIFE_MAX_S // DAY_S} days; the notice states it",
        )
    signers = list(signers)
    if {maker.public_key.keyid for maker in signers} & set(map(keyid_of, suspend.publics)):
        raise Refused(_ONE_KEY, hint=_OWN_KEYS)
    version = 1
    if after is not None:
        transitions(inflate(after.status), statuses)
        version = read(after.targets, Targets).version + 1
    status, policy_file = deflate(statuses), write_policy(policy)
    keys = role_keys(suspend)
    delegation = Delegation(SUSPEND_ROLE, keys.keyids, keys.threshold, terminating=True, paths=(SUSPEND_FILE,))
    signed = Targets(
        version=version,
        expires=date(now + life_s),
        site=site,
        targets=TargetsFiles(status=file_info(status), policy=file_info(policy_file)),
        delegations=Delegations(public_keys(suspend), (delegation,)),
    )
    return PublishedTargets(sign(signed, signers), status, policy_file)


# Shared with `edge.state.beacon` -------------------------------------------------------------
def sign(signed: Signed, signers: Iterable[Signer]) -> bytes:
    """The metadata file of `signed`, read back once (rule 3)."""
    payload = canonical(signed)
    made = [maker.sign(payload) for maker in signers]
    data = write(signed, tuple(Signature(one.keyid, one.signature) for one in sorted(made, key=lambda s: s.keyid)))
    read(data, type(signed))
    return data


def file_info(data: bytes) -> FileInfo:
    """How a target file is named by what vouches for it."""
    return FileInfo(len(data), Hashes(sha256(data)))


def role_keys(holders: Holders) -> Keys:
    """A role as metadata writes it."""
    return Keys(tuple(sorted(map(keyid_of, holders.publics))), holders.threshold)


def public_keys(*holders: Holders) -> dict[str, PublicKey]:
    """The keys of some roles by keyid."""
    raw = {keyid_of(public): public for held in holders for public in held.publics}
    return {keyid: PublicKey("ed25519", "ed25519", KeyValue(public.hex())) for keyid, public in raw.items()}


def _root(site: SiteId, version: int, holders: RootHolders, expires: WallTime, signers: Iterable[Signer]) -> bytes:
    people = {*holders.root.publics, *holders.targets.publics}
    if people & {*holders.snapshot.publics, *holders.timestamp.publics}:
        raise Refused(_ONE_KEY, hint=_OWN_KEYS)
    roles = RootRoles(
        root=role_keys(holders.root),
        snapshot=role_keys(holders.snapshot),
        targets=role_keys(holders.targets),
        timestamp=role_keys(holders.timestamp),
    )
    keys = public_keys(holders.root, holders.targets, holders.snapshot, holders.timestamp)
    signers = list(signers)
    _enough(roles.root, signers, "the new root")
    return sign(Root(version=version, expires=date(expires), site=site, keys=keys, roles=roles), signers)


def _enough(role: Keys, signers: Sequence[Signer], whose: str) -> None:
    have = len({maker.public_key.keyid for maker in signers} & set(role.keyids))
    if have < role.threshold:
        raise Refused(
            f"{whose} needs {role.threshold} signatures and {have} of its holders sign",
            hint="ask more of the people who hold a root key to sign",
        )


_ONE_KEY = "one key would speak for the administrators and for the beacon"
_OWN_KEYS = "give the beacon keys of its own: what it holds is always online"
