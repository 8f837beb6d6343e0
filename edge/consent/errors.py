"""What can be wrong with a consent document. None of the messages holds its content but ids."""

from __future__ import annotations

from edge.core.consent import MAX_PROBES, Consent, Here, Reason
from edge.errors import InputError, Refused


class ConsentInvalid(InputError):
    """The bytes are no consent document: too large, truncated, not canonical, an unknown field, a contradiction."""


class ConsentEdited(InputError):
    """A trusted issuer's signature stands on it, but not on these bytes."""


class IssuerUnknown(Refused):
    """Nobody whom this site trusts has signed it."""


class ConsentRefused(Refused):
    """It is genuine, and does not allow this. `reason` is the rule that says so."""

    def __init__(self, consent: Consent, reason: Reason, here: Here) -> None:
        message = f"consent {consent.consent} does not enrol at gate {here.gate} of site {here.site}: {reason}"
        if reason is Reason.OTHER_SITE:
            message += f" ({consent.site})"
        elif reason is Reason.OTHER_GATE:
            message += f" (it names {', '.join(consent.gates[:_GATES_SHOWN])})"
        super().__init__(message, hint=_HINTS[reason])
        self.reason = reason


_GATES_SHOWN = 4
_NEW = "have the site issue a new consent"
_HINTS = {
    Reason.OTHER_SITE: "present it at its own site, or have this site issue one",
    Reason.OTHER_GATE: "have the site issue a consent that names this gate",
    Reason.WRONG_PURPOSE: "have the site issue a consent with `--purpose access`",
    Reason.WRONG_MODE: "have the site issue a consent with `--mode identify`, if the subject agrees to that",
    Reason.NO_GUARDIAN: "have the site issue it with the guardian's reference (`--guardian`)",
    Reason.NOT_YET_VALID: "come back when it begins; if it has begun, set the gate's clock",
    Reason.EXPIRED: f"{_NEW}; if it has not expired, set the gate's clock",
    Reason.SUSPENDED: f"{_NEW}, if the subject consents again",
    Reason.ALREADY_USED: f"{_NEW}: a second face needs a second consent",
    Reason.NO_OPERATOR: "enrol as an operator of this gate",
    Reason.NO_PROBES: "capture again, or give other images",
    Reason.TOO_MANY_PROBES: f"give at most {MAX_PROBES} images",
}
