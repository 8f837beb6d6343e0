"""Write the parts of the documentation that are drawn from the code: `make docs`. A test fails when one is stale.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`. `--check` changes nothing and exits 1 if any part
would change.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from edge.cli.manual import commands, exit_codes
from edge.config.manual import checks, settings
from edge.core.lane.diagram import mermaid, transitions

DOCS = Path(__file__).parent
_PART = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def lane() -> str:
    """The lane's state diagram and the same as a table."""
    rows = ["| phase | what happens | next phase | effects |", "|---|---|---|---|"]
    rows += [f"| {a} | {why} | {b} | {does or '-'} |" for a, why, b, does in transitions()]
    return "```mermaid\n" + mermaid() + "```\n\n" + "\n".join(rows) + "\n"


PARTS: dict[str, Callable[[], str]] = {
    "lane": lane,
    "settings": settings,
    "rules-between-settings": checks,
    "commands": commands,
    "exit-codes": exit_codes,
}


def fresh(text: str) -> str:
    """`text` with every generated part drawn anew."""
    return _PART.sub(lambda m: m.group(1) + PARTS[m.group("name")]() + m.group(3), text)


def stale() -> list[Path]:
    """The documents that say something else than the code."""
    return [
        p for p in sorted(DOCS.rglob("*.md")) if fresh(p.read_text(encoding="utf-8")) != p.read_text(encoding="utf-8")
    ]


def main(arguments: list[str]) -> int:
    """Rewrite what is stale, or only name it with `--check`."""
    for path in (found := stale()):
        if "--check" not in arguments:
            path.write_text(fresh(path.read_text(encoding="utf-8")), encoding="utf-8")
        sys.stdout.write(f"{'stale' if '--check' in arguments else 'written'}: docs/{path.relative_to(DOCS)}\n")
    return 1 if found and "--check" in arguments else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
