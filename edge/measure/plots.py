"""Pictures of an evaluation and of a bench. Matplotlib comes with the extras `demo`, `bench` and `dev`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError, PartFailed
from edge.measure.rates import det_curve
from edge.measure.results import Verification

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from edge.measure.evaluate import Evaluation

_DPI = 120
_BINS = 120


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure. Raises `PartFailed` without matplotlib."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ImportError:
        raise PartFailed(
            "plots need matplotlib, which is not installed", hint="pip install 'edge-gate[demo]', or leave out --plot"
        ) from None
    return Figure(figsize=(width_in, height_in), layout="constrained")


def check_place(path: Path) -> None:
    """Raise `ConfigError` if no plot can be written to `path`: before the minutes of measuring, not after."""
    if path.suffix.lower() != ".png":
        raise ConfigError(f"--plot {path.name} is no PNG file", hint="name a file that ends in .png")
    if not path.parent.is_dir():
        raise ConfigError(f"--plot: there is no folder {path.parent}", hint="make it, or name another file")
    new_figure(1, 1)


def save(figure: Figure, path: Path) -> None:
    """Write `figure` as PNG. Raises `ConfigError`."""
    try:
        figure.savefig(path, dpi=_DPI)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", hint="name another file") from None


def draw_evaluation(evaluation: Evaluation, path: Path) -> None:
    """DET curve and histogram of the scores, side by side."""
    figure = new_figure(11, 4.5)
    det, histogram = figure.subplots(1, 2)
    _draw_det(det, evaluation)
    _draw_histogram(histogram, evaluation)
    result = evaluation.result
    figure.suptitle(f"{result.pack}, {result.precision}, {result.people} people, {result.images} images")
    save(figure, path)


def _draw_det(axes: Axes, evaluation: Evaluation) -> None:
    one_to_one = isinstance(evaluation.result, Verification)
    axes.set_title("1:1, all pairs" if one_to_one else f"1:N, N = {getattr(evaluation.result, 'n', 0)}")
    axes.set_xlabel("false match rate" if one_to_one else "false positive identification rate")
    axes.set_ylabel("false non-match rate" if one_to_one else "false negative identification rate")
    if len(evaluation.wanted) and evaluation.trials:
        det = det_curve(evaluation.wanted, evaluation.unwanted, trials=evaluation.trials)
        shown = (det.fmr > 0.0) & (det.fnmr > 0.0)  # a logarithmic axis has no zero, and 0 of n is not 0 %
        axes.loglog(det.fmr[shown], det.fnmr[shown])
    axes.grid(visible=True, which="both", alpha=0.3)


def _draw_histogram(axes: Axes, evaluation: Evaluation) -> None:
    one_to_one = isinstance(evaluation.result, Verification)
    labels = ("genuine", "impostor") if one_to_one else ("mated", "non-mated")
    both = [scores[np.isfinite(scores)] for scores in (evaluation.wanted, evaluation.unwanted)]
    edges = np.linspace(*_span(both), _BINS + 1).tolist()
    for scores, label in zip(both, labels, strict=True):
        if len(scores):
            axes.hist(scores, edges, density=True, histtype="step", label=f"{label} ({len(scores):,})")
    axes.set_title("comparison scores")
    axes.set_xlabel("cosine")
    axes.set_yscale("log")
    axes.legend()
    axes.grid(visible=True, alpha=0.3)


def _span(both: list[NDArray[np.float32]]) -> tuple[float, float]:
    """From the lowest to the highest score of all."""
    joined = np.concatenate(both)
    return (float(joined.min()), float(joined.max())) if len(joined) else (-1.0, 1.0)
