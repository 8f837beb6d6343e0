"""`edge-gate status`: what a running gate says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.cli.client import ask, configured
from edge.cli.options import ConfigOption, JsonOption
from edge.cli.output import emit, facts, table
from edge.wire.admin import Status, StatusRequest

if TYPE_CHECKING:
    from rich.console import Group


def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what a running gate is doing."""
    said = ask(configured(config), StatusRequest(), Status)
    emit(as_json, said, lambda: _drawn(said))


def _drawn(said: Status) -> Group:
    from rich.console import Group  # noqa: PLC0415 - only when something is drawn

    model = f"{said.pack} ({said.embedder_sha256[:12]})" if said.embedder_sha256 else said.pack
    return Group(
        facts(
            {
                "gate": f"{said.gate} of {said.site}, {'commissioned' if said.commissioned else 'not commissioned'}",
                "lane": said.lane,
                "face": said.face,
                "model": f"{model}, threshold {said.threshold:.3f}, margin {said.margin:.3f}",
                "PAD": said.pad,
                "held": f"{said.references} references of {said.subjects} subjects, {said.cards} cards",
                "destruction": said.destruction,
                "link": said.link,
                "since start": f"{said.releases} releases, {said.refusals} refusals, {said.embeddings} embeddings, "
                f"{said.uptime_s:.0f} s",
                **{f"sandbox of {name}": text for name, text in sorted(said.sandboxes.items())},
            }
        ),
        table("", ("part", "works", "why"), [(part.part.value, part.ok, part.why) for part in said.parts]),
    )
