"""Where references live: encrypted, bound to consents, and erased by destroying keys (`docs/vault.md`)."""

from edge.gate.vault.facts import Enrolment, Erasure, Held, Owners, Page, Reference, ReferenceOwner, Standing
from edge.gate.vault.vault import Vault, open_vault

__all__ = [
    "Enrolment",
    "Erasure",
    "Held",
    "Owners",
    "Page",
    "Reference",
    "ReferenceOwner",
    "Standing",
    "Vault",
    "open_vault",
]
