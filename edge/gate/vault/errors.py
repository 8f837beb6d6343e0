"""What can go wrong with the vault. A damaged vault is never an empty one: each message says what, and what to do."""

from __future__ import annotations

from pathlib import Path

from edge.errors import PartFailed


class VaultDamaged(PartFailed):
    """What is on the disk is not what this gate wrote last. Nothing was changed, nothing is used."""

    def __init__(self, folder: Path, what: str) -> None:
        super().__init__(
            f"the vault in {folder} is damaged: {what}",
            hint=f"put back the files that were there when the gate last ran; there are no backups of templates, so "
            f"otherwise move {folder} away, destroy it, and enrol everybody again",
        )
        self.what = what


class VaultFailed(PartFailed):
    """The disk under the vault does not do its work. What was stored before still is."""


class VaultFull(VaultFailed):
    """No room is left for a change. What was stored before still is."""


class VaultInUse(PartFailed):
    """Another process has the vault open."""


class SealBroken(Exception):
    """Bytes are not what was sealed under this key for this place. The store says which, and raises `VaultDamaged`."""
