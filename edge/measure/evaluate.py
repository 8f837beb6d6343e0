"""The two protocols end to end: a folder of people goes in, a result with bounds comes out.

    verification     every pair of samples; TAR at FMR 1e-2 … 1e-5, EER                (`scores`, `rates`)
    identification   some people enrolled, the rest search; FNIR at FPIR 1e-2, 1e-3    (`identify`)

The thresholds in a result belong to the measured model file. A gate never takes them from here by itself: a recipe
carries thresholds that somebody chose to ship, and on which data they were measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.measure import identify
from edge.measure.bootstrap import estimate, verification_intervals
from edge.measure.embed import WORKERS, Embedded, Loader, embed
from edge.measure.folder import People
from edge.measure.rates import accepted, equal_error_rate, threshold_at, unsupported
from edge.measure.results import Estimate, Identification, Verification
from edge.measure.scores import Comparisons
from edge.measure.timing import wall

if TYPE_CHECKING:
    from edge.packs.recipe import Precision
    from edge.vision.extract import Extractor

FMRS = ("1e-2", "1e-3", "1e-4", "1e-5")
FPIRS = ("1e-2", "1e-3")


@dataclass(frozen=True, slots=True)
class Subject:
    """Which model is measured, and how to get it."""

    pack: str
    model_sha256: str
    precision: Precision
    load: Loader


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A result, and the scores behind it (ascending) for the plots."""

    result: Verification | Identification
    wanted: NDArray[np.float32] = field(repr=False)
    """Of genuine pairs or mated searches; -inf where somebody else was found."""
    unwanted: NDArray[np.float32] = field(repr=False)
    """Of impostor pairs or non-mated searches."""
    trials: int
    """What carries the rates of `unwanted`."""


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation: what, of whom, and whom to tell of each picture done."""

    subject: Subject
    people: People
    progress: Callable[[int], None]
    workers: int = WORKERS

    def verification(self) -> Evaluation:
        """1:1 over all pairs."""
        began = wall()
        embedded = embed(self.people, self.subject.load, workers=self.workers, progress=self.progress)
        comparisons = Comparisons(embedded.samples)
        genuine, impostor = comparisons.genuine, comparisons.impostor
        lacking = {
            rate: unsupported(rate, len(impostor), "impostor pairs")
            or ("" if len(genuine) else "there are no genuine pairs")
            for rate in FMRS
        }
        stated = [rate for rate in FMRS if not lacking[rate]]
        bounds = dict(zip(stated, verification_intervals(comparisons, [float(r) for r in stated]), strict=True))
        bars = {rate: threshold_at(impostor, float(rate)) for rate in stated}
        mated_people = int((comparisons.images_of > 1).sum())
        result = Verification(
            **self._measured(embedded, began),
            genuine=len(genuine),
            impostor=len(impostor),
            tar_at_fmr={
                rate: estimate(accepted(genuine, bars[rate]), bounds[rate], mated_people)
                if rate in bars
                else _unstated(lacking[rate])
                for rate in FMRS
            },
            threshold_at_fmr={rate: bars.get(rate) for rate in FMRS},
            eer=equal_error_rate(genuine, impostor),
        )
        return Evaluation(result, genuine, impostor, len(impostor))

    def identification(self, *, references: int, gallery: int | None) -> Evaluation:
        """1:N, open set. Raises `ConfigError` if too few people have enough images."""
        began = wall()
        embedded = embed(self.people, self.subject.load, workers=self.workers, progress=self.progress)
        searches = identify.search_all(embedded.samples, references=references, gallery=gallery)
        lacking = {rate: unsupported(rate, searches.non_mated_a_draw, "non-mated searches") for rate in FPIRS}
        stated = [rate for rate in FPIRS if not lacking[rate]]
        bounds = dict(zip(stated, identify.fnir_intervals(searches, [float(r) for r in stated]), strict=True))
        bars = {rate: identify.threshold_for(searches, float(rate)) for rate in stated}
        mated_people = len(np.unique(searches.mated_by))
        result = Identification(
            **self._measured(embedded, began),
            n=searches.gallery,
            references=searches.references,
            mated=searches.mated_a_draw,
            non_mated=searches.non_mated_a_draw,
            draws=identify.DRAWS,
            fnir_at_fpir={
                rate: estimate(identify.fnir_at(searches, bars[rate]), bounds[rate], mated_people)
                if rate in bars
                else _unstated(lacking[rate])
                for rate in FPIRS
            },
            threshold_at_fpir={rate: bars.get(rate) for rate in FPIRS},
        )
        return Evaluation(result, np.sort(searches.mated), np.sort(searches.non_mated), searches.non_mated_a_draw)

    def _measured(self, embedded: Embedded, began: float) -> dict[str, Any]:
        return {
            "pack": self.subject.pack,
            "model_sha256": self.subject.model_sha256,
            "precision": self.subject.precision,
            "people": self.people.count,
            "images": len(self.people.pictures),
            "failures": embedded.failures,
            "unreadable": embedded.unreadable,
            "notes": self.people.notes,
            "seconds": round(wall() - began, 1),
        }


def _unstated(why: str) -> Estimate:
    return Estimate(value=None, low=None, high=None, why=why)


def subject_of(pack_name: str, precision: Precision) -> Subject:
    """The embedder of a pack. Raises `PackUnknown` and its kin if there is none."""
    from edge.packs import find_pack  # noqa: PLC0415 - the statistics above need neither packs nor models

    pack = find_pack(pack_name)
    return Subject(pack.name, pack.embedder_for(precision).sha256, precision, partial(_load, pack_name, precision))


def _load(pack_name: str, precision: Precision) -> Extractor:
    from edge.packs import find_pack  # noqa: PLC0415
    from edge.vision.extract import load_extractor  # noqa: PLC0415

    return load_extractor(find_pack(pack_name), precision=precision)


__all__ = ["Evaluation", "Run", "Subject", "subject_of"]
