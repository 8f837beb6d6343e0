"""What commands show: for people as Rich draws it, for scripts as one JSON document on stdout.

Rule 1.  stdout is the result, stderr is everything else. With `--json` nothing but the document is printed.
Rule 2.  What lasts longer than `SILENT_S` shows that it is alive, on a terminal; what is quicker shows nothing.
Rule 3.  Rich is imported when something is drawn, never earlier: `edge-gate --help` has to be quick.
"""

from __future__ import annotations

import datetime as dt
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

SILENT_S = 2.0
"""Seconds without a sign of life that a person takes for granted."""
PLAIN_COLUMNS = 120
"""Width of a drawing that goes to a file."""


def emit(as_json: bool, data: Any, render: Callable[[], RenderableType]) -> None:  # noqa: ANN401 - whatever msgspec encodes
    """Print `data` as one JSON document, or draw it."""
    if as_json:
        import msgspec  # noqa: PLC0415 - rule 3

        document = msgspec.json.encode(data, enc_hook=_encode)
        sys.stdout.write(msgspec.json.format(document, indent=2).decode() + "\n")
        sys.stdout.flush()
    else:
        console().print(render())


def console(*, stderr: bool = False) -> Console:
    """A console without markup of its own: what a gate says is text, whatever brackets are in it."""
    from rich.console import Console  # noqa: PLC0415 - rule 3

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, markup=False, width=None if stream.isatty() else PLAIN_COLUMNS)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A plain table; numbers stand right."""
    from rich import box  # noqa: PLC0415 - rule 3
    from rich.table import Table  # noqa: PLC0415

    drawn = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left")
    for at, name in enumerate(columns):
        number = bool(rows) and all(isinstance(row[at], int | float) for row in rows)
        drawn.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(cell) for cell in row))
    return drawn


def facts(pairs: Mapping[str, object]) -> Table:
    """Names and values, one pair a line."""
    from rich.table import Table  # noqa: PLC0415 - rule 3

    drawn = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        drawn.add_row(name, _cell(value))
    return drawn


def day(seconds: float) -> str:
    """A `WallTime` as a date of the calendar, in UTC."""
    try:
        return dt.datetime.fromtimestamp(seconds, tz=dt.UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return "beyond the calendar"


@contextmanager
def progress(what: str, total: int | None = None, *, hidden: bool = False) -> Iterator[Callable[[int], None]]:
    """Show `what` on stderr if it lasts longer than `SILENT_S`. Yields `advance(n)`.

    Without `total` it shows that something goes on, not how far. `hidden` is for `--json`.
    """
    if hidden or not sys.stderr.isatty():
        yield lambda _: None
        return
    shown = _Progress(what, total)
    timer = threading.Timer(SILENT_S, shown.begin)
    timer.daemon = True
    timer.start()
    try:
        yield shown.advance
    finally:
        timer.cancel()
        shown.end()


class _Progress:
    """A bar that begins late, from another thread."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what, self._total = what, total
        self._lock = threading.Lock()
        self._done = 0
        self._ended = False
        self._bar: Any = None
        self._task: Any = None

    def begin(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn  # noqa: PLC0415
        from rich.progress import TimeElapsedColumn as Elapsed  # noqa: PLC0415

        counted = [] if self._total is None else [BarColumn(), MofNCompleteColumn()]
        with self._lock:
            if self._ended:
                return
            columns = [SpinnerColumn(), TextColumn("{task.description}"), *counted, Elapsed()]
            self._bar = Progress(*columns, console=console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._what, total=self._total, completed=self._done)
            self._bar.start()

    def advance(self, n: int) -> None:
        with self._lock:
            self._done += n
            if self._bar is not None:
                self._bar.update(self._task, completed=self._done)

    def end(self) -> None:
        with self._lock:
            self._ended = True
            if self._bar is not None:
                self._bar.stop()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def _encode(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a result")
