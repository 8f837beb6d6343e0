"""A running broker for all tests of a module that only talk to it, and one of their own for those that break it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.house import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    made.broker.start()
    yield made
    made.close()


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.broker.start()
    yield made
    made.close()


@pytest.fixture
def unstarted(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()
