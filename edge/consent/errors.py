"""What can be wrong with a consent document. None of the messages holds its content but ids."""

from __future__ import annotations

from edge.core.consent import Reason
from edge.errors import InputError, Refused


class ConsentInvalid(InputError):
    """The bytes are no consent document: too large, truncated, not canonical, an unknown field, a contradiction."""


class ConsentEdited(InputError):
    """A trusted issuer's signature stands on it, but not on these bytes."""


class IssuerUnknown(Refused):
    """Nobody whom this site trusts has signed it."""


class ConsentRefused(Refused):
    """It is genuine, and does not allow this. `reason` is the rule that says so."""

    def __init__(self, message: str, *, hint: str, reason: Reason) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
