"""From text to a TOML document, past as many syntax mistakes as can be told apart.

`tomllib` stops at its first mistake. Whoever has three wants to hear of three, and of everything else in the file. So a
line that does not parse is replaced by `key = 0` (or by nothing, if that does not help) and the rest is read again.

Rule 1.  Only mistakes that end with their own line are stepped over. A bracket or a string that is never closed would
         blame innocent lines: there the reading ends.
Rule 2.  A stepped-over setting is *damaged*: it counts as neither missing nor wrong, for it was reported already.
Rule 3.  Whoever reads the result must not use it as a configuration if `mistakes` is not empty.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

from edge.config.locate import KeyPath, locate
from edge.config.mistakes import Mistake

MAX_SYNTAX_MISTAKES = 20
_PLACE = re.compile(r"(?P<what>.*?) \((?:at line (?P<line>\d+), column \d+|at end of document)\)\Z", re.DOTALL)
_ENDS_WITH_ITS_LINE = re.compile(
    r"Invalid (?:value|statement|date|hex|initial)|Expected '=' after|Expected newline or end|Illegal character"
    r"|Cannot overwrite|Unescaped|Duplicate|Cannot mutate"
)
_LINE_KEY = re.compile(r"\s*(?P<key>[A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*(?:=|\s|\Z)")


@dataclass(frozen=True, slots=True)
class Document:
    """What could be read, where it stands, and what could not."""

    values: dict[str, Any]
    lines: dict[KeyPath, int]
    damaged: frozenset[KeyPath]
    mistakes: tuple[Mistake, ...]
    complete: bool
    """False where the reading ended early: then nothing may be called missing."""


def parse(text: str) -> Document:
    """Read `text`. Never raises."""
    lines = text.replace("\r\n", "\n").split("\n")
    mistakes: dict[int | None, Mistake] = {}
    stepped_over: set[int] = set()
    while True:
        try:
            values = tomllib.loads("\n".join(lines))
        except tomllib.TOMLDecodeError as error:
            line, what = _place(error)
        except RecursionError:
            line, what = None, "Nested too deeply"
        else:
            places = locate("\n".join(lines))
            settings = {line: place for place, line in sorted(places.items(), key=lambda at: len(at[0]))}
            damaged = frozenset(settings[line] for line in stepped_over if line in settings)
            return Document(values, places, damaged, tuple(mistakes.values()), complete=True)

        mistakes.setdefault(line, _mistake(line, what))
        if line is None or not _can_step_over(what, lines[line - 1]) or len(mistakes) > MAX_SYNTAX_MISTAKES:
            return Document({}, {}, frozenset(), tuple(mistakes.values()), complete=False)
        key = _LINE_KEY.match(lines[line - 1])
        lines[line - 1] = f"{key['key']} = 0" if key and line not in stepped_over else ""
        stepped_over.add(line)


def _place(error: tomllib.TOMLDecodeError) -> tuple[int | None, str]:
    found = _PLACE.match(str(error))
    if found is None:
        return None, "Not TOML"
    return (int(found["line"]) if found["line"] else None), found["what"]


def _can_step_over(what: str, line: str) -> bool:
    # A damaged `[header]` would hand its settings to the section above, and each of them would be blamed.
    return bool(_ENDS_WITH_ITS_LINE.match(what)) and bool(line.strip()) and not line.lstrip().startswith("[")


def _mistake(line: int | None, what: str) -> Mistake:
    if what.startswith("Cannot overwrite"):
        return Mistake(line, "", "this setting stands twice", "keep one of the two")
    where = "mend this line" if line else "look for a string or a bracket that is never closed"
    return Mistake(line, "", f"not TOML: {what[:1].lower()}{what[1:80]}", f"{where}; a setting reads `name = value`")
