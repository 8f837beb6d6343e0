"""One site's authority, in one folder on the admin's workstation.

The folder: `site.json` (whose it is, and the issuer's public key), `issuer.key` (the private one, under a passphrase),
`ledger.sqlite` (what was issued), `notice.md` (what subjects read), `consents/` (the signed documents).

Rule 1.  A site is founded whole or not at all: everything is made beside its place and moved there by one rename. A
         crash leaves nothing that the next call would not clear away.
Rule 2.  A consent is issued only for a notice that exists as a file; its digest is signed with it.
Rule 3.  A minor's consent is not signed without a guardian's reference (CN-3).
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from edge.consent import KeyId, keyid_of, sign
from edge.core.consent import Consent, Mode, Name, Notice
from edge.core.values import SiteId, SubjectId, WallTime
from edge.errors import ConfigError, InputError, PartFailed, Refused
from edge.site.files import read_bounded, sync_folder, write_whole
from edge.site.issuer_key import MAX_KEY_FILE_BYTES, check_passphrase, open_key, seal_key
from edge.site.ledger import Ledger
from edge.site.notice import FIRST_VERSION, MAX_NOTICE_BYTES, STARTER

_SITE, _KEY, _LEDGER, _NOTICE, _CONSENTS = "site.json", "issuer.key", "ledger.sqlite", "notice.md", "consents"
_MAX_SITE_BYTES = 4096
_FOLDER_MODE = 0o700


class _Site(Struct, frozen=True, forbid_unknown_fields=True):
    type: Literal["edge-gate/site/1"]
    site: Name
    issuer: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a subject consented to. Times are whole seconds since 1970; `subject` None stands for a new one."""

    gates: tuple[str, ...]
    purposes: tuple[str, ...]
    modes: tuple[Mode, ...]
    not_before: int
    expires: int
    subject: SubjectId | None = None
    minor: bool = False
    guardian: str | None = None
    notice_version: str = FIRST_VERSION
    notice: Path | None = None
    """The text that was shown; else the `notice.md` of the folder."""


@dataclass(frozen=True, slots=True)
class Issued:
    """One signed consent, and the file that holds it."""

    consent: Consent
    document: bytes = field(repr=False)
    path: Path


def found_site(folder: Path, site: str, passphrase: str) -> Authority:
    """Make a site's folder with a new issuer key.

    Raises:
        ConfigError: the site's name cannot be one.
        Refused: there is something at `folder` already, or the passphrase is too short.
        PartFailed: the disk does not do its work.
    """
    try:
        msgspec.convert(site, Name)
    except msgspec.ValidationError:
        raise ConfigError(
            f"{site[:64]!r} cannot be a site's name", hint="take letters, digits, and any of `_.-`"
        ) from None
    check_passphrase(passphrase)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} holds something already", hint="choose a folder that does not exist yet")
    new = folder.with_name(f"{folder.name}.new")
    key = Ed25519PrivateKey.generate()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if new.exists():  # rule 1: a crash while founding; its key never signed anything
            shutil.rmtree(new)
        new.mkdir(mode=_FOLDER_MODE)
        (new / _CONSENTS).mkdir(mode=_FOLDER_MODE)
        about = _Site("edge-gate/site/1", site, key.public_key().public_bytes_raw().hex())
        write_whole(new / _SITE, msgspec.json.encode(about))
        write_whole(new / _KEY, seal_key(key, site, passphrase))
        write_whole(new / _NOTICE, STARTER.encode())
        Ledger.create(new / _LEDGER)
        new.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise PartFailed(f"no site can be founded in {folder}: {error.strerror}", hint="check the disk") from None
    return Authority(folder)


class Authority:
    """A founded site. `site`, `issuer` (public key, hex) and `fingerprint` are known without the passphrase."""

    def __init__(self, folder: Path) -> None:
        """Raises `InputError` if there is no site in `folder`."""
        self._folder = folder
        content = read_bounded(folder / _SITE, _MAX_SITE_BYTES, "the site's file")
        try:
            about = msgspec.json.decode(content, type=_Site)
            self.fingerprint: KeyId = keyid_of(bytes.fromhex(about.issuer))
        except (msgspec.DecodeError, ValueError) as error:
            raise InputError(f"{folder / _SITE} is damaged: {error}", hint="restore it from your backup") from None
        self.site, self.issuer = SiteId(about.site), about.issuer

    def unlock(self, passphrase: str) -> Ed25519PrivateKey:
        """The issuer's private key. Raises `Refused` for a wrong passphrase, `InputError` for a damaged key file."""
        key = open_key(read_bounded(self._folder / _KEY, MAX_KEY_FILE_BYTES, "the key file"), self.site, passphrase)
        if key.public_key().public_bytes_raw().hex() != self.issuer:
            raise InputError("the key file and site.json do not belong together", hint="restore both from your backup")
        return key

    def issue(self, key: Ed25519PrivateKey, terms: Terms, now_wall: WallTime) -> Issued:
        """Sign a consent, note it, and keep the document in `consents/`.

        Raises:
            Refused: a minor without a guardian, an unknown subject, no index left.
            InputError: the terms break a rule of the document (`ConsentInvalid`), or there is no notice.
            PartFailed: the disk does not do its work.
        """
        if terms.minor and not terms.guardian:
            raise Refused("a minor's consent needs the guardian's reference", hint="give it with --guardian")
        text = read_bounded(terms.notice or self._folder / _NOTICE, MAX_NOTICE_BYTES, "the notice")
        ledger = Ledger(self._folder / _LEDGER)
        consent_id, index, subject = ledger.reserve(terms.subject, now_wall)
        consent = Consent(
            site=self.site,
            consent=consent_id,
            index=index,
            subject=subject,
            gates=tuple(sorted(set(terms.gates))),
            purposes=tuple(sorted(set(terms.purposes))),
            modes=tuple(sorted(set(terms.modes))),
            notice=Notice(terms.notice_version, hashlib.sha256(text).hexdigest()),
            not_before=terms.not_before,
            expires=terms.expires,
            minor=terms.minor,
            guardian=terms.guardian,
        )
        document = sign(consent, key)
        path = self._folder / _CONSENTS / f"{consent_id}.json"
        write_whole(path, document)
        return Issued(consent, document, path)
