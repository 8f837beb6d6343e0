"""The generated parts of `docs/cli.md`: the tables of commands and of exit codes."""

from __future__ import annotations

from edge.cli.main import COMMANDS, INTERRUPTED, READER_GONE
from edge.errors import EXIT_CODES


def commands() -> str:
    """All commands, as Markdown."""
    rows = [f"| `edge-gate {name}` | {summary} |" for name, (_, summary) in COMMANDS.items()]
    return "\n".join(["| command | what it does |", "|---|---|", *rows, ""])


def exit_codes() -> str:
    """The one table of exit codes, as Markdown."""
    codes = EXIT_CODES | {
        INTERRUPTED: "interrupted from the keyboard (128 + SIGINT)",
        READER_GONE: "whoever read the output went away (128 + SIGPIPE)",
    }
    rows = [f"| {code} | {meaning} |" for code, meaning in sorted(codes.items())]
    return "\n".join(["| code | meaning |", "|---|---|", *rows, ""])
