"""`edge-gate`: the table of commands, and the one place where errors become exit codes.

Rule 1.  A command's module is imported when the command is used. The help of all commands is text in this file.
Rule 2.  Whatever a command raises ends as two lines and an exit code (`edge.cli.complaint`); so do misspelt options.
Rule 3.  An interrupt from the keyboard, or a reader that went away, ends quietly.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from edge import __version__
from edge.cli.complaint import complain, foreseen, no_tracebacks
from edge.errors import EdgeError

INTERRUPTED = 130
READER_GONE = 141

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("edge.cli.demo:demo", "Play a day at the gate, with real faces and simulated pins."),
    "run": ("edge.cli.run:run", "Start gate, vision and sync under one parent."),
    "status": ("edge.cli.status:status", "Show what a running gate is doing."),
    "enrol": ("edge.cli.enrol:enrol", "Make references under a signed consent."),
    "subjects": ("edge.cli.subjects:app", "List, show and erase what is held on people."),
    "cards": ("edge.cli.cards:app", "Say which cards open the lane."),
    "check": ("edge.cli.check:check", "Report every mistake of a configuration at once."),
    "models": ("edge.cli.models:app", "List, fetch, build and verify model packs."),
    "evaluate": ("edge.cli.evaluate:evaluate", "Measure error rates on a folder of people."),
    "bench": ("edge.cli.bench:bench", "Measure speed and size against what they are promised."),
    "admin": ("edge.cli.admin:app", "Make issuer keys and sign consents (never on a gate)."),
    "gate": ("edge.cli.run:gate", "Start the gate alone: vault, matching, lane, pins."),
    "vision": ("edge.cli.run:vision", "Start the eye alone: camera and models."),
    "sync": ("edge.cli.run:sync", "Start the link alone."),
}
"""Name -> where it is, and its line in `edge-gate --help`."""


class UsageMistaken(EdgeError):
    """The command line was not understood."""

    exit_code = 2


class _Later(TyperCommand):
    """Stands for a command until somebody uses it, then becomes the real one."""

    def __init__(self, name: str, where: str, summary: str) -> None:
        super().__init__(name, help=summary, short_help=summary)
        self._where = where

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ANN401
        module, attribute = self._where.split(":")
        found = getattr(importlib.import_module(module), attribute)
        return _command(str(self.name), found).make_context(info_name, args, parent=parent, **extra)


def main() -> NoReturn:
    """Entry point of the command `edge-gate`."""
    no_tracebacks()
    code = invoke(sys.argv[1:])
    sys.exit(code)


def invoke(args: Sequence[str]) -> int:
    """Run one command line; print what there is to say; return the exit code."""
    as_json = "--json" in args
    try:
        code = _run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout once more when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except typer.TyperException as error:
        return complain(_usage(error, args), as_json=as_json)
    except Exception as error:  # noqa: BLE001 - rule 2: the last line of defence, and the only one
        return complain(foreseen(error), as_json=as_json)
    return code


def _run(args: Sequence[str]) -> int:
    root = _root()
    try:
        with root.make_context("edge-gate", list(args) or ["--help"]) as context:
            root.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        return INTERRUPTED
    return 0


def _root() -> TyperGroup:
    app = typer.Typer(
        name="edge-gate",
        help="A turnstile that opens for a resident's face only while that resident consents.",
        add_completion=False,
        rich_markup_mode=None,  # Rich's help imports a Markdown parser: 90 ms for a frame around the same words
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_globals)
    root = typer.main.get_group(app)
    for name, (where, summary) in COMMANDS.items():
        root.add_command(_Later(name, where, summary), name)
    return root


def _print_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"edge-gate {__version__}\n")
        raise typer.Exit


def _globals(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


def _command(name: str, found: Any) -> Any:  # noqa: ANN401 - Typer's own command types are private
    """The Typer command for what a module exports: an app with several commands, or one function."""
    if isinstance(found, typer.Typer):
        found.rich_markup_mode = None
        group = typer.main.get_group(found)
        group.name = name
        return group
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name)(found)
    return typer.main.get_command(app)


def _usage(error: typer.TyperException, args: Sequence[str]) -> UsageMistaken:
    message = error.format_message().strip().rstrip(".")
    context = getattr(error, "ctx", None)
    named = next((arg for arg in args if arg in COMMANDS), None)
    asked = context.command_path if context is not None else " ".join(["edge-gate", *([named] if named else [])])
    return UsageMistaken(message[:1].lower() + message[1:], hint=f"`{asked} --help` shows what there is")
