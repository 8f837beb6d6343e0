"""What the documentation shows of the code is drawn from the code."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_no_generated_part_is_stale() -> None:
    generator = runpy.run_path(str(DOCS / "generate.py"))
    assert generator["stale"]() == [], "run `make docs`"
