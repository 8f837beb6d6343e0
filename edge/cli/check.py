"""`edge-gate check`: every mistake of a configuration at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.cli.options import JsonOption
from edge.cli.output import emit, table
from edge.config.load import find, load
from edge.config.mistakes import ConfigMistakes, Mistake

if TYPE_CHECKING:
    from rich.console import RenderableType


def check(
    config: Annotated[Path | None, typer.Argument(metavar="[CONFIG]", help="The file; else as for --config.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Report every mistake of a configuration at once, with its line and a suggestion."""
    path = find(config)
    mistakes: tuple[Mistake, ...] = ()
    try:
        load(path)
    except ConfigMistakes as error:
        mistakes = error.mistakes
    said: dict[str, Any] = {"config": path, "ok": not mistakes, "mistakes": mistakes}
    emit(as_json, said, lambda: _drawn(path, mistakes))
    if mistakes:
        raise typer.Exit(ConfigMistakes.exit_code)


def _drawn(path: Path, mistakes: tuple[Mistake, ...]) -> RenderableType:
    if not mistakes:
        return f"{path}: no mistake"
    return table(
        f"{path}: {len(mistakes)} to mend",
        ("line", "setting", "what is wrong", "suggestion"),
        [(m.line or "", m.key, m.message, m.suggestion) for m in mistakes],
    )
