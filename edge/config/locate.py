"""Where each setting stands in a TOML text. `tomllib` gives values without lines, and people need lines.

Rule 1.  `tomllib` alone decides what a file means; this module only finds where a statement begins. It is called with
         text that `tomllib` has accepted, so every string in it is closed and every bracket has its partner.
Rule 2.  One pass over the tokens, no recursion: `MAX_CONFIG_BYTES` of anything take milliseconds.
Rule 3.  A key inside an inline table or an array stands where its statement begins, and so does one that is more than
         `MAX_DEPTH` parts long.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

KeyPath = tuple[str, ...]

MAX_DEPTH = 8
_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'  # TOML allows one or two quotes right before the closing three
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[{]|[\]}]|\n|[^\"'\#\[\]{}\n]+",
    re.DOTALL,
)
_KEY_PART = re.compile(r'\s*(?:("(?:[^"\\\n]|\\.)*")|(\'[^\'\n]*\')|([A-Za-z0-9_-]+))\s*')


def locate(text: str) -> dict[KeyPath, int]:
    """The line (from 1) of the first statement that sets each key, or opens each table."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, statement in _statements(text):
        if statement.startswith("["):
            place = table = _key(statement.lstrip("["))
        else:
            place = table + _key(statement)
        for depth in range(1, len(place) + 1):
            lines.setdefault(place[:depth], number)
    return lines


def line_of(lines: Mapping[KeyPath, int], place: KeyPath) -> int | None:
    """The line of `place`, else of the nearest table around it, else None."""
    while place:
        if place in lines:
            return lines[place]
        place = place[:-1]
    return None


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement without comments, with the line on which it begins."""
    line, begun, depth = 1, 1, 0
    parts: list[str] = []
    for match in _TOKEN.finditer(text + "\n"):
        piece = match.group()
        depth += (piece in "[{") - (piece in "]}")
        if piece == "\n" and depth == 0:
            if parts:
                yield begun, "".join(parts).strip()
            parts = []
        elif not piece.startswith("#") and (parts or piece.strip()):
            begun = begun if parts else line
            parts.append(piece)
        line += piece.count("\n")


def _key(statement: str) -> KeyPath:
    """The dotted key at the start of a statement."""
    place: list[str] = []
    at = 0
    while len(place) < MAX_DEPTH and (part := _KEY_PART.match(statement, at)):
        basic, literal, bare = part.groups()
        place.append(bare or tomllib.loads(f"k = {basic or literal}")["k"])
        at = part.end()
        if not statement.startswith(".", at):
            break
        at += 1
    return tuple(place)
