"""`edge-gate evaluate DIR`: the error rates of a pack on a folder of people, with their bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from edge.cli.options import JsonOption
from edge.cli.output import emit, facts, progress, table
from edge.errors import ConfigError
from edge.measure.evaluate import Evaluation, Run, Subject, subject_of
from edge.measure.folder import read_people
from edge.measure.plots import check_place, draw_evaluation
from edge.measure.results import Estimate, Identification, Verification
from edge.packs.recipe import Precision

if TYPE_CHECKING:
    from rich.console import Group

Protocol = Literal["verification", "identification"]


def evaluate_with(find: Callable[[str, Precision], Subject]) -> Callable[..., None]:
    """The command, measuring what `find` gives for a pack and a precision."""

    def evaluate(
        folder: Annotated[Path, typer.Argument(metavar="DIR", help="One folder a person, with JPEG or PNG files.")],
        pack: Annotated[str, typer.Option(metavar="NAME", help="The model pack to measure.")] = "dlib-resnet",
        precision: Annotated[Precision, typer.Option(help="Which of its embedders.")] = "int8",
        protocol: Annotated[Protocol, typer.Option(help="1:1 over all pairs, or 1:N open set.")] = "verification",
        references: Annotated[int, typer.Option(min=1, max=20, help="1:N: images enrolled of each subject.")] = 1,
        gallery: Annotated[int | None, typer.Option(min=1, help="1:N: subjects enrolled; else all who can be.")] = None,
        plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw DET and scores into this PNG.")] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Measure error rates on a folder of people, with 95 % bounds."""
        if protocol == "verification" and (references != 1 or gallery is not None):
            raise ConfigError(
                "--references and --gallery mean nothing in 1:1, where all pairs are compared",
                hint="add --protocol identification, or leave them out",
            )
        if plot is not None:
            check_place(plot)
        people = read_people(folder)
        subject = find(pack, precision)
        with progress("embedding", len(people.pictures), hidden=as_json) as advance:
            run = Run(subject, people, advance)
            evaluation = (
                run.verification()
                if protocol == "verification"
                else run.identification(references=references, gallery=gallery)
            )
        if plot is not None:
            draw_evaluation(evaluation, plot)
        emit(as_json, evaluation.result, lambda: _draw(evaluation))

    return evaluate


evaluate = evaluate_with(subject_of)


def _draw(evaluation: Evaluation) -> Group:
    from rich.console import Group  # noqa: PLC0415 - see `edge.cli.output`, rule 3

    result = evaluation.result
    failed = ", ".join(f"{count} {reason}" for reason, count in result.failures.items()) or "none"
    what: dict[str, object] = {
        "model": f"{result.pack}, {result.precision}, {result.model_sha256[:12]}…",
        "images": f"{result.images} of {result.people} people, in {result.seconds:.0f} s",
        "without embedding": failed,
    }
    rows: list[tuple[str, ...]]
    match result:
        case Verification():
            what |= {"pairs": f"{result.genuine:,} genuine, {result.impostor:,} impostor", "EER": _percent(result.eer)}
            heads = ("at FMR", "TAR", "95 % interval", "threshold")
            rows = [_row(rate, found, result.threshold_at_fmr[rate]) for rate, found in result.tar_at_fmr.items()]
        case Identification():
            what |= {
                "enrolled": f"{result.n} subjects, {result.references} references each",
                "searches": f"{result.mated} mated, {result.non_mated} non-mated, in each of {result.draws} draws",
            }
            heads = ("at FPIR", "FNIR", "95 % interval", "threshold")
            rows = [_row(rate, found, result.threshold_at_fpir[rate]) for rate, found in result.fnir_at_fpir.items()]
    said = [f"note: {note}" for note in result.notes]
    said += [f"not readable: {', '.join(result.unreadable)}"] if result.unreadable else []
    return Group(facts(what), table("", heads, rows), *said)


def _row(rate: str, found: Estimate, threshold: float | None) -> tuple[str, ...]:
    if found.value is None or threshold is None:
        return rate, "not stated", found.why, ""
    bounds = f"{_percent(found.low)} to {_percent(found.high)}" if found.low is not None else found.why
    return rate, _percent(found.value), bounds, f"{threshold:.4f}"


def _percent(share: float | None) -> str:
    return "not stated" if share is None else f"{100 * share:.2f} %"
