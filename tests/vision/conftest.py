"""The shipped models, and two people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edge.clock import BootClock
from edge.packs import Pack, default_search, load_pack
from edge.vision.embed import Embedder
from edge.vision.extract import Extractor, load_extractor
from edge.vision.eye import Eye
from edge.vision.find import FaceFinder
from edge.vision.quality import Limits
from edge.vision.stages import Stages
from edge.vision.zone import Zone
from tests.vision.people import RUNTIME, Person, person

SAME_FACE = 0.936
"""The threshold of the shipped pack at FMR 1e-4."""


@pytest.fixture(scope="session")
def pack() -> Pack:
    return load_pack("dlib-resnet", default_search())


@pytest.fixture(scope="session")
def finder(pack: Pack) -> FaceFinder:
    return FaceFinder(pack, Stages(BootClock()), runtime=RUNTIME)


@pytest.fixture(scope="session")
def extractor(pack: Pack) -> Extractor:
    return load_extractor(pack, runtime=RUNTIME)


@pytest.fixture(scope="session")
def grace() -> Person:
    return person("grace")


@pytest.fixture(scope="session")
def astronaut() -> Person:
    return person("astronaut")


@pytest.fixture(scope="session")
def parts(pack: Pack) -> tuple[FaceFinder, Embedder, Stages]:
    stages = Stages(BootClock())
    embedder = Embedder(pack.embedder, pack.alignment, runtime=RUNTIME)
    return FaceFinder(pack, stages, runtime=RUNTIME), embedder, stages


@pytest.fixture
def make_eye(parts: tuple[FaceFinder, Embedder, Stages]) -> Iterator[Callable[..., Eye]]:
    """A new eye over models that are loaded once; what it saw is forgotten after the test."""
    finder, embedder, stages = parts
    made: list[Eye] = []

    def make(**changes: Any) -> Eye:
        settings: dict[str, Any] = {"zone": Zone(0.15, 0.0, 0.85, 1.0), "limits": Limits(), "same_face": SAME_FACE}
        eye = Eye(finder, embedder, stages, **(settings | changes))
        made.append(eye)
        return eye

    yield make
    for eye in made:
        eye.forget()
