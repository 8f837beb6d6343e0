"""`edge-gate demo`: a day at the gate."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge.errors import ConfigError, ShownOtherwise


def demo(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the steps as JSON, without a picture.")] = False,
    camera: Annotated[str, typer.Option(help="sim, or a real camera as v4l2:NUMBER.")] = "sim",
    faces: Annotated[
        Path | None, typer.Option(help="Folder with resident.jpg and stranger.jpg for the simulated camera.")
    ] = None,
) -> None:
    """Play a day at the gate in about a minute: real models, vault and processes; camera and pins are simulated."""
    # Imported here: `edge-gate --help` should not wait for OpenCV.
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    from edge.clock import BootClock  # noqa: PLC0415
    from edge.demo.house import LaneCamera  # noqa: PLC0415
    from edge.demo.play import closing_table, play  # noqa: PLC0415

    kind, _, device = camera.partition(":")
    if kind not in ("sim", "v4l2") or (kind == "v4l2") != bool(device):
        raise ConfigError(f"--camera {camera} names no camera", hint="use --camera sim, or --camera v4l2:0")
    console = Console()
    played = play(LaneCamera(kind, device), faces, BootClock(), None if as_json else console)
    ok = all(step.ok for step in played)
    if as_json:
        typer.echo(msgspec.json.encode({"steps": [asdict(step) for step in played], "ok": ok}))
    else:
        console.print(closing_table(played))
    if not ok:
        wrong = [step.name for step in played if not step.ok]
        raise ShownOtherwise(
            f"{len(wrong)} of {len(played)} steps came out differently: {', '.join(wrong)}",
            hint="the log of the three processes is kept in the newest folder edge-gate-* of the temporary folder",
        )
