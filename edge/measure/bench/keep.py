"""What a bench leaves behind: `bench.json`, as printed with `--json`, and `bench.png`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edge.errors import ConfigError
from edge.measure.bench.row import Row
from edge.measure.plots import new_figure, save

_ROW_IN, _HEAD_IN, _WIDTH_IN = 0.3, 1.0, 10.0
_OK, _NOT_OK = "tab:green", "tab:red"


def keep(rows: list[Row], folder: Path) -> None:
    """Write both files into `folder`. Raises `ConfigError`, or `PartFailed` without matplotlib."""
    try:
        (folder / "bench.json").write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror}", hint="name another with --keep") from None
    measured = [row for row in rows if row.ratio is not None]
    figure = new_figure(_WIDTH_IN, _HEAD_IN + _ROW_IN * max(len(measured), 1))
    axes = figure.subplots()
    axes.barh(
        [row.name for row in measured],
        [share_of_limit(row) for row in measured],
        color=[_OK if row.ok else _NOT_OK for row in measured],
    )
    axes.invert_yaxis()
    axes.axvline(1.0, color="black")
    axes.set_xlabel("share of what is allowed (1: just as promised)")
    save(figure, folder / "bench.png")


def share_of_limit(row: Row) -> float:
    """How much of its target a row uses up: 1 is the limit, less is better, whichever way the target points."""
    way, limit = row.target.split()
    ratio = row.ratio or 0.0
    return ratio / float(limit) if way == "<=" else float(limit) / max(ratio, 1e-9)
