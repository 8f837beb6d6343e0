"""Who lives behind the bench's gate: one resident with a face, three times, and as many made-up others as asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.core.quantise import quantise
from edge.demo.faces import RESIDENT
from edge.errors import PartFailed
from edge.measure.bench.frames import frames
from edge.measure.bench.gallery import REFERENCES_A_SUBJECT, templates
from edge.packs import Pack
from edge.vision.extract import load_extractor


def residents(pack: Pack, n: int) -> NDArray[np.int8]:
    """`n` templates under the pack's int8 embedder, [n, dimensions]: the first ones are the resident's."""
    embedding = load_extractor(pack).extract(frames()[RESIDENT]).embedding
    if embedding is None:
        raise PartFailed("the resident's picture gave no embedding", hint="run `edge-gate models verify`")
    own = np.tile(quantise(embedding).vector, (REFERENCES_A_SUBJECT, 1))
    return np.concatenate([own, templates(n - len(own), own.shape[1])])
