"""Options that many commands share, written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", help="The gate's configuration; else ./gate.toml, then /etc/edge-gate/."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
ParentOption = Annotated[
    int | None, typer.Option("--parent", hidden=True, help="End when the process with this id ends (`run` says so).")
]
