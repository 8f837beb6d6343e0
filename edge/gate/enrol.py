"""From a signed consent to references: who may, then a capture, then the vault.

Rule 1.  The consent is read before the camera opens: nobody is captured under a document that enrols nobody. The vault
         checks it again, with what only the vault knows, when it makes the references.
Rule 2.  A commissioned gate takes no images from files; a photograph would be its resident. Elsewhere they pass through
         to `vision` as open files, and this process never reads them.
Rule 3.  Every capture is as fit as `vision` demands of a reference, and none may be an attack; where the lane demands
         that a capture is bona fide, so does its enrolment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edge.config.schema import Config
from edge.consent import ConsentRefused, verify
from edge.core.consent import Attempt, Here, Mode, may_enrol
from edge.core.values import GateId, Pad, SiteId
from edge.errors import InputError, Refused
from edge.gate.compare import Yardstick, embedding_of
from edge.gate.storage import Storage
from edge.ports import Clock
from edge.wire.admin import Enrolled
from edge.wire.messages import MAX_FDS, MAX_TEXT, Examined, Probe

EXAMINE_S = 15.0
"""How long a reference capture may take; the subject stands there and is asked to look."""


class Examiner(Protocol):
    """What we need of the link to `vision`."""

    def examine(self, fds: Sequence[int], for_s: float) -> Examined:
        """A reference capture, see `edge.gate.eye.EyeLink.examine`."""
        ...


class Enroller:
    """`enrol` may be called from any thread that may wait; `vision` takes one at a time."""

    def __init__(self, config: Config, eye: Examiner, storage: Storage, yardstick: Yardstick, clock: Clock) -> None:
        self._config, self._eye, self._storage, self._yardstick = config, eye, storage, yardstick
        self._clock = clock

    def enrol(self, envelope: bytes, fds: Sequence[int], operator: str) -> Enrolled:
        """Capture and enrol. Raises `Refused` by a rule, `InputError` when no capture is usable, `PartFailed`."""
        if fds and self._config.gate.commissioned:
            raise Refused("a commissioned gate enrols no images from files", hint="let the subject stand at the camera")
        self._admit(envelope, operator)
        seen = self._eye.examine(fds, EXAMINE_S)
        fit = [probe for probe in seen.probes if self._bona_fide(probe)]
        unfit = (*seen.unfit, *("not live" for _ in range(len(seen.probes) - len(fit))))
        if not fit:
            raise InputError(
                f"no capture can become a reference: {'; '.join(unfit) or 'none was made'}"[:MAX_TEXT],
                hint="come nearer, face the camera, take care of the light, and try again",
            )
        embeddings = [embedding_of(probe, self._yardstick.dimensions) for probe in fit]
        made = self._storage.enrol(envelope, embeddings, [probe.quality for probe in fit], operator)
        return Enrolled(
            subject=made.subject,
            consent=made.consent,
            references=made.references,
            expires=made.expires,
            unfit=unfit[:MAX_FDS],
        )

    def _admit(self, envelope: bytes, operator: str) -> None:
        """Rule 1."""
        here = Here(SiteId(self._config.site.id), GateId(self._config.gate.id), Mode.IDENTIFY)
        consent = verify(envelope, self._config.site.issuers)
        used, suspended = self._storage.remembers(consent.consent)
        attempt = Attempt(operator, probes=1, used=used, suspended=suspended)
        reason = may_enrol(consent, here, attempt, self._clock.wall())
        if reason is not None:
            raise ConsentRefused(consent, reason, here)

    def _bona_fide(self, probe: Probe) -> bool:
        if self._config.recognition.pad == "none":
            return probe.pad is not Pad.ATTACK
        return probe.pad is Pad.BONA_FIDE
