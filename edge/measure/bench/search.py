"""Searching the gallery: against numpy's float32, against reading the bytes, and against a millisecond.

A gallery of 1,000 answers in the time of a few calls into numpy, whatever the library; what a gate promises there is a
budget, not a factor. From 10,000 on the bytes count.
"""

from __future__ import annotations

import numpy as np

from edge.gate.match import Gallery
from edge.measure.bench.gallery import owners, probe, templates
from edge.measure.bench.row import Row, at_most, faster, within
from edge.measure.timing import in_turns

PROMISED = 50_000
FACTOR, READING, BUDGET_MS = 5.0, 2.5, 1.0
SHIPPED = (128, 256)
"""Dimensions of the packs that there are recipes for."""
WIDE = 512
_SECONDS = 3.0


def rows() -> list[Row]:
    """All sizes at 512 dimensions; the promised size for the packs."""
    found = [within(f"search {n:,} x {WIDE}", _alone(n, WIDE), BUDGET_MS) for n in (1_000, 10_000)]
    for n in (PROMISED, 200_000):
        found += _wide(n)
    found += [within(f"search {PROMISED:,} x {dims}", _alone(PROMISED, dims), BUDGET_MS) for dims in SHIPPED]
    return found


def _alone(n: int, dimensions: int) -> float:
    gallery, asked = Gallery(templates(n, dimensions), owners(n)), probe(dimensions)
    return in_turns({"search": lambda: gallery.search(asked)}, seconds=_SECONDS / 2)["search"]


def _wide(n: int) -> list[Row]:
    matrix, asked = templates(n, WIDE), probe(WIDE)
    gallery, floats = Gallery(matrix, owners(n)), matrix.astype(np.float32)
    words = matrix.reshape(-1).view(np.uint64)
    taken = in_turns(
        {
            "search": lambda: gallery.search(asked),
            "numpy": lambda: int((floats @ asked).argmax()),
            "read": words.max,
        },
        seconds=_SECONDS,
    )
    return [
        faster(f"search {n:,} x {WIDE}, against numpy float32", taken["search"], taken["numpy"], FACTOR),
        at_most(f"search {n:,} x {WIDE}, against reading the bytes", taken["search"], taken["read"], READING),
    ]
