"""A site: its issuer, its consents, and a real vault in a temporary folder."""

from __future__ import annotations

import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.consent import sign
from edge.core.consent import ACCESS, Consent, Mode, Notice
from edge.core.values import ConsentId, GateId, SiteId, SubjectId
from edge.gate.vault import Vault, open_vault
from edge.ports import Clock

SITE, GATE = SiteId("test-site"), GateId("test-gate")
DAY_S = 24 * 3600


class TestSite:
    """Signs consents for one gate."""

    __test__ = False

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = Ed25519PrivateKey.generate()

    @property
    def issuer(self) -> str:
        return self._key.public_key().public_bytes_raw().hex()

    def consent(
        self,
        *,
        subject: SubjectId | None = None,
        gate: str = GATE,
        begins_s: int = -60,
        lasts_s: int = DAY_S,
        forged: bool = False,
    ) -> tuple[ConsentId, SubjectId, bytes]:
        """A new consent, its subject, and the signed document."""
        begins = int(self._clock.wall()) + begins_s
        consent = Consent(
            site=SITE,
            consent=ConsentId(secrets.token_hex(16)),
            index=secrets.randbelow(2**16),
            subject=subject or SubjectId(secrets.token_hex(16)),
            gates=(gate,),
            purposes=(ACCESS,),
            modes=(Mode.IDENTIFY,),
            notice=Notice(version="1", sha256="0" * 64),
            not_before=begins,
            expires=begins - begins_s + lasts_s,
        )
        return consent.consent, consent.subject, sign(consent, Ed25519PrivateKey.generate() if forged else self._key)

    def vault(self, folder: Path) -> Vault:
        return open_vault(folder, site=SITE, gate=GATE, issuers=(self.issuer,), clock=self._clock)
