"""`edge-gate subjects`: what is held on people. Facts about references, never the references."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from edge.cli.cards import valid_id
from edge.cli.client import WORK_S, ask, configured
from edge.cli.options import ConfigOption, JsonOption
from edge.cli.output import day, emit, progress, table
from edge.wire.admin import Erased, EraseRequest, SubjectRequest, SubjectRow, Subjects, SubjectsRequest

app = typer.Typer(help="List, show and erase what is held on people.", add_completion=False)
SubjectArgument = Annotated[str, typer.Argument(help="The subject's pseudonym, as in the consent.")]


@app.command("list")
def list_subjects(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List every consent under which something is held."""
    settings = configured(config)
    rows: list[SubjectRow] = []
    more = True
    while more:
        page = ask(settings, SubjectsRequest(after=rows[-1].consent if rows else ""), Subjects)
        rows += page.rows
        more = page.more and bool(page.rows)
    _show(rows, as_json)


@app.command("show")
def show(subject: SubjectArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show everything that is held on one subject."""
    said = ask(configured(config), SubjectRequest(valid_id(subject, "a subject")), Subjects)
    _show(list(said.rows), as_json)


@app.command("erase")
def erase(
    subject: SubjectArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask back.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Suspend a subject at once, erase every reference, and verify that none is left."""
    settings = configured(config)
    request = EraseRequest(valid_id(subject, "a subject"))
    if sys.stdin.isatty() and not (yes or as_json):
        typer.confirm(f"Erase everything that this gate holds on {subject}?", abort=True, err=True)
    with progress("erasing", hidden=as_json):
        said = ask(settings, request, Erased, within_s=WORK_S)
    emit(
        as_json,
        said,
        lambda: (
            f"{said.references} references of {said.subject} under {len(said.consents)} consents are erased "
            f"({said.destruction}); absence verified, state {said.state_sha256[:12]}"
        ),
    )


def _show(rows: list[SubjectRow], as_json: bool) -> None:
    emit(
        as_json,
        Subjects(rows=tuple(rows)).rows,
        lambda: table(
            "",
            ("subject", "consent", "references", "model", "enrolled", "expires", "state"),
            [
                (r.subject, r.consent, r.references, r.model_sha256[:12], day(r.enrolled), day(r.expires), r.state)
                for r in rows
            ],
        ),
    )
