"""What can be wrong with a site's consent state on its way to a gate. No message holds more than names and numbers."""

from __future__ import annotations

from edge.errors import InputError, Refused

_MAX_WHY = 200
"""Characters of a parser's words."""


def because(error: Exception) -> str:
    """What a parser says about bytes from outside. It may quote a name or a word of them: short, and printable."""
    return "".join(c if c.isprintable() else "?" for c in str(error)[:_MAX_WHY])


class StateDamaged(InputError):
    """The bytes are not what they should be: too large, truncated, not canonical, an unknown field or name."""


class StateRefused(Refused):
    """The bytes have the right form, and a rule speaks against believing them. What was believed before stands."""


class WrongSite(StateRefused):
    """It belongs to another site, or grew from another root."""


class NotSigned(StateRefused):
    """Too few of the keys that a role needs have signed."""


class RolledBack(StateRefused):
    """It is older than what this gate has seen before."""


class Expired(StateRefused):
    """Its time is over by the gate's clock."""


class Mismatched(StateRefused):
    """Its parts were not published together: a length, hash or version differs from what the part above names."""


class HeadAhead(Mismatched):
    """The newest head names another snapshot than the bundle holds: the bundle is old, or withheld."""


class Duplicated(StateDamaged):
    """One signature, key or name stands there twice."""


class ForgedKeyId(StateDamaged):
    """A key stands under an id that is not its own (CVE-2020-6174)."""


class StatementDamaged(InputError):
    """A receipt, acknowledgement or time answer does not have its form."""


class StatementEdited(InputError):
    """The right key's signature is on it, and does not fit its content."""


class WrongGate(StateRefused):
    """It is another gate's, or the gate is not one of the site's."""


class BrokenChain(StateRefused):
    """A receipt does not follow the one before it: one is missing, doubled or from another gate."""


class NotOwed(StateRefused):
    """An acknowledgement names a receipt that this gate does not owe."""
