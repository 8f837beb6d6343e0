"""Where references live: encrypted, bound to consents, and erased by destroying keys (`docs/vault.md`)."""

from edge.gate.vault.errors import VaultDamaged, VaultFailed, VaultFull, VaultInUse
from edge.gate.vault.facts import Enrolment, Erasure, Held, Page, Reference, ReferenceOwner, Standing
from edge.gate.vault.gallery import Owners
from edge.gate.vault.opening import open_vault
from edge.gate.vault.vault import Vault

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
    "VaultDamaged",
    "VaultFailed",
    "VaultFull",
    "VaultInUse",
    "open_vault",
]
