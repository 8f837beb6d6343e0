"""What all tests share: the optional data beside a checkout, and fast, honest Hypothesis profiles."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"

settings.register_profile("ci", max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", max_examples=50, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "quick")


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs ../shared/{name}, which is not beside this clone")
    return folder


@pytest.fixture(scope="session")
def shared_faces() -> Path:
    """Photographs to measure with; never copied here."""
    return _shared("faces")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """Model files that we may not commit."""
    return _shared("models")
