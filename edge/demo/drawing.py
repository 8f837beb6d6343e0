"""The turnstile in the terminal: a post with an eye, lamps and arms, and whoever stands before it.

What is drawn is what a passer-by would see: the director's cues (where the person stands) and the pins' reports (arms,
lamp, words). No picture of the camera is ever drawn: pixels do not leave `vision`.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge.core.lane import Sign

WIDTH = 64
_PLACES = {"away": 56, "before": 38, "between": 26, "through": 2}
"""Columns of a person: not there yet, in front of the arms, in the arms, past them."""


@dataclass(frozen=True, slots=True)
class View:
    """What the lane looks like at this moment."""

    title: str = ""
    free: bool = False
    sign: str = Sign.READY.value
    words: str = ""
    people: tuple[str, ...] = ()
    place: str = "away"
    card: bool = False
    plugged: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One finished step under the picture."""

    name: str
    happened: str
    ms: float
    ok: bool


def draw(view: View, done: tuple[Line, ...], step: str) -> RenderableType:
    """The picture, the step that runs, and the steps that are done."""
    table = Table.grid(padding=(0, 2))
    for line in done:
        mark = Text("✓", "bold green") if line.ok else Text("✗", "bold red")
        table.add_row(
            mark, line.name, Text(line.happened, "green" if line.ok else "red"), f"{milliseconds(line.ms)} ms"
        )
    table.add_row(Text("…", "bold yellow") if step else "", Text(step, "yellow"), "", "")
    return Group(Panel(picture(view), title=view.title, width=WIDTH + 4, border_style="dim"), table)


def milliseconds(ms: float) -> str:
    """Rounded to what matters."""
    return f"{ms:.1f}" if ms < 10 else f"{ms:.0f}"  # noqa: PLR2004


def picture(view: View) -> Text:
    """Nine rows of `WIDTH` columns."""
    rows = [[" "] * WIDTH for _ in range(8)]
    _put(rows, 0, 8, "╭───────────────╮")
    _put(rows, 1, 8, f"│ {_eye(view):<13} │")
    _put(rows, 2, 8, f"│ {view.sign.upper()[:13]:<13} │")
    _put(rows, 3, 8, "│               │")
    for row in (4, 5, 6):
        _put(rows, row, 8, "│               │")
    _put(rows, 7, 8, "╰───────────────╯")
    if view.free:
        for row, column in ((4, 25), (5, 26), (6, 27), (7, 28)):
            _put(rows, row, column, "\\\\")
    else:
        _put(rows, 4, 25, "━━━━━━━━━━━┥")
    for number, name in enumerate(view.people):
        _person(rows, _PLACES[view.place] + 11 * number, name, card=view.card)
    text = Text()
    for index, signs in enumerate(rows):
        text.append("".join(signs) + "\n", _row_style(view, index))
    lamp = (
        Text("  ● FREE, please pass  ", "bold white on green") if view.free else Text("  ■ SHUT  ", "bold white on red")
    )
    text.append(lamp)
    text.append("\n  " + view.words[: WIDTH - 4], "bold")
    return text


def _eye(view: View) -> str:
    if not view.plugged:
        return "✕ no camera"
    return "◉ camera on" if view.sign == Sign.LOOK_HERE.value else "◌ camera off"


def _row_style(view: View, row: int) -> str:
    return "green" if view.free and row >= 4 else ""  # noqa: PLR2004 - the row of the arms


def _person(rows: list[list[str]], column: int, name: str, *, card: bool) -> None:
    _put(rows, 2, column, name.center(8))
    _put(rows, 3, column, "   (·)  ")
    _put(rows, 4, column, " ▬/│\\   " if card else "  /│\\   ")
    _put(rows, 5, column, "   │    ")
    _put(rows, 6, column, "  / \\   ")


def _put(rows: list[list[str]], row: int, column: int, text: str) -> None:
    for offset, sign in enumerate(text):
        if 0 <= column + offset < WIDTH and sign != " ":
            rows[row][column + offset] = sign
