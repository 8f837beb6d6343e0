"""From pictures to embeddings, on two processes, without a trace.

Rule 1.  Embeddings travel through pipes and live in memory; neither a file nor a message of ours shows one.
Rule 2.  A picture that cannot be read or used is a failure with a reason, and nobody's run ends because of it.
Rule 3.  One process measures what the other would: each loads the same verified models, on one thread. Results come
         back in the order of the pictures.
Rule 4.  What is compared here is what a gate compares: each embedding passes through `edge.core.quantise` first, so
         that a threshold found here means the same there.
Rule 5.  The models are loaded here before any process is started, so that a missing file is told once, and well.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.quantise import quantise
from edge.core.values import Unfit
from edge.errors import InputError, PartFailed
from edge.measure.folder import Labelled, People
from edge.measure.scores import Samples
from edge.vision.cameras.pictures import read_picture
from edge.vision.embed import NotAnEmbedding

WORKERS = 2
UNREADABLE = "unreadable file"
NO_DIRECTION = "no embedding"
_CHUNK = 16
"""Pictures handed to a process at a time: few enough for a smooth progress bar."""


class Extraction(Protocol):
    """What one picture gave (`edge.vision.extract.Extraction`)."""

    @property
    def embedding(self) -> NDArray[np.float32] | None:
        """Of length one, or None."""
        ...

    @property
    def unfit(self) -> Unfit | None:
        """Why there is no embedding."""
        ...


class Extractor(Protocol):
    """Embeds the main face of a picture (`edge.vision.extract.Extractor`)."""

    def extract(self, image: NDArray[np.uint8], /) -> Extraction:
        """Embed the main face of a BGR picture [height, width, 3]."""
        ...


Loader = Callable[[], Extractor]
"""Makes an extractor inside the process that will use it. It is sent there, so it must be importable by name."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """All usable pictures as samples, and what happened to the others."""

    samples: Samples
    failures: dict[str, int]
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Outcome:
    embedding: NDArray[np.float32] | None = field(repr=False)
    failure: str = ""


def embed(people: People, load: Loader, *, workers: int = WORKERS, progress: Callable[[int], None]) -> Embedded:
    """Embed all pictures of `people`; `progress` is told of each that is done.

    Raises:
        InputError: no picture was usable.
        PartFailed: the models cannot be loaded, or a process died.
    """
    extractor = load()
    outcomes: list[_Outcome] = []
    for outcome in _outcomes([picture.path for picture in people.pictures], load, extractor, workers):
        outcomes.append(outcome)
        progress(1)
    usable = [
        (outcome.embedding, picture.person)
        for outcome, picture in zip(outcomes, people.pictures, strict=True)
        if outcome.embedding is not None
    ]
    failures = Counter(outcome.failure for outcome in outcomes if outcome.failure)
    if not usable:
        said = ", ".join(f"{count} {reason}" for reason, count in failures.items())
        raise InputError(f"none of {len(outcomes)} pictures gave an embedding: {said}", hint="check the folder")
    unreadable = tuple(
        _shown(picture, people.root)
        for outcome, picture in zip(outcomes, people.pictures, strict=True)
        if outcome.failure in (UNREADABLE, NO_DIRECTION)
    )
    # People of whom nothing was usable drop out; the others are numbered again without gaps.
    persons = np.unique([person for _, person in usable], return_inverse=True)[1].astype(np.int32)
    samples = Samples(np.stack([_as_compared(vector) for vector, _ in usable]), persons)
    return Embedded(samples, dict(failures.most_common()), unreadable)


def _outcomes(paths: Sequence[Path], load: Loader, extractor: Extractor, workers: int) -> Iterator[_Outcome]:
    if workers <= 1 or len(paths) <= _CHUNK:
        yield from map(partial(_extract, extractor), paths)
        return
    # A fresh interpreter: forking a process that has OpenCV's and LiteRT's threads is not safe.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_prepare, initargs=(load,)) as pool:
        try:
            yield from pool.map(_extract_prepared, paths, chunksize=_CHUNK)
        except BrokenProcessPool:
            raise PartFailed("a measuring process died", hint="is there enough memory?") from None


_prepared: list[Extractor] = []
"""The one extractor of a worker process."""


def _prepare(load: Loader) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all of us; the parent answers it, without a traceback
    cv2.setNumThreads(1)
    _prepared.append(load())


def _extract_prepared(path: Path) -> _Outcome:
    return _extract(_prepared[0], path)


def _extract(extractor: Extractor, path: Path) -> _Outcome:
    try:
        extraction = extractor.extract(read_picture(path))
    except InputError:
        return _Outcome(None, UNREADABLE)
    except NotAnEmbedding:
        return _Outcome(None, NO_DIRECTION)
    if extraction.embedding is None:
        return _Outcome(None, extraction.unfit.value if extraction.unfit else NO_DIRECTION)
    return _Outcome(extraction.embedding)


def _as_compared(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """The int8 template of `embedding`, scaled to length one: dot products of these are the gate's scores (rule 4)."""
    template = quantise(embedding)
    return template.vector.astype(np.float32) * np.float32(template.scale)


def _shown(picture: Labelled, root: Path) -> str:
    return str(picture.path.relative_to(root))
