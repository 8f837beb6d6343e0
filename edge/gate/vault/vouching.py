"""Every reference rests on a signature, and whoever says so has verified it in this process.

Rule 1.  A consent is vouched for when its stored document verifies under the site's issuers and says exactly what the
         reference says. Until then its references are not live, however sound the vault around them is: encryption
         shows that this gate wrote them, only the issuer's signature shows that somebody consented (threat 14).
Rule 2.  A document of an issuer whom the site no longer trusts is not vouched for, and comes back with its issuer.
Rule 3.  A document that is missing, does not verify, or says something else leaves its references *unfounded*: they are
         erased. A template cannot exist without a consent (promise 1).
Rule 4.  Verifying takes about 0.2 ms a consent, so a large vault is vouched for in portions.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from edge.consent import IssuerUnknown, verify
from edge.core.consent import Consent
from edge.core.values import ConsentId, GateId, SiteId
from edge.errors import EdgeError
from edge.gate.vault.papers import PAPERS_A_CHUNK, Papers
from edge.gate.vault.roll import Roll


class Vouching:
    """Which consents of a roll were verified so far."""

    def __init__(self, issuers: Sequence[str], site: SiteId, gate: GateId) -> None:
        self._issuers, self._site, self._gate = issuers, site, gate
        self._looked: set[ConsentId] = set()
        self.vouched: set[ConsentId] = set()
        self.unfounded: set[ConsentId] = set()

    def presented(self, document: bytes) -> Consent:
        """The consent in a document that somebody presents. Raises the errors of `edge.consent.verify`."""
        return verify(document, self._issuers)

    def accepted(self, consent: ConsentId) -> None:
        """It was presented, and references were made under it."""
        self._looked.add(consent)
        self.vouched.add(consent)

    def forget(self, consents: frozenset[ConsentId]) -> None:
        """Their references are gone."""
        self._looked -= consents
        self.vouched -= consents
        self.unfounded -= consents

    def next_papers(self, roll: Roll, limit: int) -> list[int]:
        """Numbers of the chunks of papers to look at next, for about `limit` consents."""
        waiting = (number for number, held in roll.by_paper.items() if not self._looked.issuperset(held))
        return list(itertools.islice(waiting, -(-limit // PAPERS_A_CHUNK)))

    def look_at(self, roll: Roll, number: int, papers: Papers) -> None:
        """Vouch for every consent of the roll whose document should be in this chunk of papers."""
        for consent in roll.by_paper[number]:
            if consent not in self._looked:
                self._looked.add(consent)
                self._look(roll, consent, papers.get(consent, b""))

    def _look(self, roll: Roll, consent: ConsentId, document: bytes) -> None:
        try:
            said = verify(document, self._issuers)
        except IssuerUnknown:
            return
        except EdgeError:
            self.unfounded.add(consent)
            return
        agree = (
            said.site == self._site
            and self._gate in said.gates
            and said.consent == consent
            and said.subject == roll.subject_of(consent)
            and (said.not_before, said.expires) == (roll.not_before[consent], roll.expires[consent])
        )
        (self.vouched if agree else self.unfounded).add(consent)
