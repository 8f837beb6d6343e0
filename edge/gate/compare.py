"""From a sighting to a verdict, believing `vision` as little as possible (threats, 24).

Rule 1.  What the eye claims about the picture (how many people, whether the face is usable) can only shut the lane:
         a crowd is a crowd, an unfit capture is unfit, whatever else the message says.
Rule 2.  A probe counts only if it was made by the model that made the references: the digest that the eye gave on this
         connection, the digest of the pack, and the digest of the gallery are the same. Templates of different models
         are never compared.
Rule 3.  The score decides, with the threshold of exactly this model (`edge.core.decide`). Nothing that the eye sends
         moves the threshold, the margin or the number of agreeing sightings; whether the capture is bona fide goes on
         to the lane, which demands it on top (`LanePolicy.pad_required`).
Rule 4.  A message that contradicts itself, or an embedding that is not one, is an `InputError`: an eye that sends such
         a thing is not to be used further.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.decide import Threshold, decide
from edge.core.lane import Crowded, NotFit, Verdict
from edge.core.values import Unfit
from edge.errors import InputError
from edge.gate.holdings import Holdings
from edge.gate.inbox import Seen
from edge.wire.messages import Probe

_HINT = "restart vision; if it happens again, run `edge-gate models verify`"
_FLOAT32 = np.dtype("<f4")


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What every probe is measured with: the embedder's digest, its dimensions, and the threshold that is its own."""

    model_sha256: str
    dimensions: int
    threshold: Threshold


def judge(seen: Seen, holdings: Holdings, yardstick: Yardstick) -> Verdict:
    """The verdict on one sighting. Raises `InputError` (rule 4)."""
    sighting = seen.sighting
    if sighting.candidates > 1:
        return Crowded()
    if sighting.unfit is not None:
        return NotFit(sighting.unfit)
    if sighting.probe is None:
        return NotFit(Unfit.NO_FACE)
    if sighting.candidates != 1:
        raise InputError("vision sent a probe of nobody", hint=_HINT)
    if not seen.model_sha256 == holdings.model_sha256 == yardstick.model_sha256:
        raise InputError(
            f"vision compares with model {seen.model_sha256[:12]}…, the vault is of {holdings.model_sha256[:12]}…",
            hint="give vision and gate the same configuration and the same pack",
        )
    embedding = embedding_of(sighting.probe, yardstick.dimensions)
    return decide(holdings.gallery.search(embedding), yardstick.threshold)


def embedding_of(probe: Probe, dimensions: int) -> NDArray[np.float32]:
    """The embedding of a probe, float32 [dimensions], finite. Raises `InputError` for anything else."""
    if len(probe.embedding) != dimensions * _FLOAT32.itemsize:
        raise InputError(
            f"vision sent an embedding of {len(probe.embedding)} bytes, not of {dimensions} components", hint=_HINT
        )
    embedding = np.frombuffer(probe.embedding, _FLOAT32).astype(np.float32)
    if not np.isfinite(embedding).all():
        raise InputError("vision sent an embedding that is not finite", hint=_HINT)
    return embedding
