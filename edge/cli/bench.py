"""`edge-gate bench`: speed and size as ratios within one run, each against what is promised."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli.options import JsonOption
from edge.cli.output import emit, progress, table
from edge.errors import ConfigError, ShownOtherwise
from edge.measure.bench.keep import keep
from edge.measure.bench.registry import FAMILIES, chosen, run
from edge.measure.bench.row import Row

if TYPE_CHECKING:
    from rich.table import Table


def bench_with(measure: Callable[[str], list[Row]]) -> Callable[..., None]:
    """The command, taking the rows of each family from `measure`."""

    def bench(
        only: Annotated[
            str | None, typer.Option(metavar="NAME", help=f"Measure one family only: {', '.join(FAMILIES)}.")
        ] = None,
        folder: Annotated[Path, typer.Option("--keep", metavar="DIR", help="Keep the JSON and a plot here.")] = Path(
            ".bench"
        ),
        as_json: JsonOption = False,
    ) -> None:
        """Measure speed and size against what is promised; about two minutes."""
        rows: list[Row] = []
        families = chosen(only)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"--keep {folder} cannot be used: {error.strerror}", hint="name another folder") from None
        with progress("measuring", len(families), hidden=as_json) as advance:
            for family in families:
                rows += measure(family)
                advance(1)
        emit(as_json, rows, lambda: _draw(rows))
        keep(rows, folder)
        missed = [row.name for row in rows if not row.ok]
        if missed and as_json:
            raise typer.Exit(ShownOtherwise.exit_code)  # the list is the one document on stdout
        if missed:
            raise ShownOtherwise(
                f"{len(missed)} of {len(rows)} rows are not as promised: {'; '.join(missed)}",
                hint="measure again on a machine that does nothing else; `--only NAME` repeats one",
            )

    return bench


bench = bench_with(run)


def _draw(rows: list[Row]) -> Table:
    cells = [
        (row.name, _figure(row.value, row.unit), _figure(row.against, row.unit), row.ratio, row.target, row.ok)
        if not row.why
        else (row.name, "not measured", row.why, "", "", row.ok)
        for row in rows
    ]
    return table("", ("what", "ours", "against", "ratio", "target", "ok"), cells)


def _figure(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.4g} {unit}"
