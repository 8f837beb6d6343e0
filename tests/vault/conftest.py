"""Fixtures of the vault's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.gate.vault import Vault
from tests.vault.world import HandClock, open_at, quick_folder


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a vault may be made; its parent is fresh too."""
    with quick_folder() as root:
        yield root / "vault"


@pytest.fixture
def vault(folder: Path, clock: HandClock) -> Iterator[Vault]:
    opened = open_at(folder, clock)
    yield opened
    opened.close()
