"""What is wrong with a configuration file: one `Mistake` a finding, and the error that carries all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError

MAX_MISTAKES = 100
"""Findings that are kept; a file with more is not a configuration."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One finding. `line` counts from 1, and is None where nothing in the file stands for it (a missing section).

    `key` is the dotted path of the setting. Neither text ever holds the value of an unknown or a secret setting.
    """

    line: int | None
    key: str
    message: str
    suggestion: str


class ConfigMistakes(ConfigError):
    """Every mistake of one file, in the order of its lines."""

    def __init__(self, path: Path, mistakes: tuple[Mistake, ...]) -> None:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__(f"{path} has {count}", hint=f"mend the lines above; `edge-gate check {path}` reads it again")
        self.path = path
        self.mistakes = mistakes


def in_order(mistakes: list[Mistake]) -> tuple[Mistake, ...]:
    """Sorted by line, those without a line last, at most `MAX_MISTAKES`."""
    return tuple(sorted(mistakes, key=lambda m: (m.line is None, m.line or 0, m.key))[:MAX_MISTAKES])
