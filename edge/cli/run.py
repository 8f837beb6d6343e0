"""`edge-gate run`, and each of the three processes alone.

Rule 1.  A process reads its configuration, confines itself (`edge.sandbox`), and only then imports its service: what
         parses images, models and messages is never loaded outside the sandbox.
Rule 2.  SIGTERM unwinds: whatever a service opened, it closes, and the gate locks.
Rule 3.  Started by `run`, a process ends with it, and leaves Ctrl-C to it: the parent knows in which order to stop.
"""

from __future__ import annotations

import importlib
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import typer

from edge.cli.options import ConfigOption, JsonOption, ParentOption
from edge.config.load import find, load
from edge.config.schema import Config
from edge.errors import PartFailed
from edge.sandbox import Profile, confine, profiles
from edge.sandbox.process import end_with

_PRIVATE, _SHARED = 0o700, 0o755


def run(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Start gate, vision and sync under one parent, and keep them running."""
    from edge.clock import BootClock  # noqa: PLC0415 - the processes do not need a supervisor
    from edge.supervise.desk import processes  # noqa: PLC0415
    from edge.supervise.supervisor import Changed, Said, Supervisor  # noqa: PLC0415

    path = find(config)
    settings = load(path)

    def report(event: Said | Changed) -> None:
        if as_json:
            import msgspec  # noqa: PLC0415

            said = {"line": event.line, "name": event.name} if isinstance(event, Said) else {"states": event.states}
            sys.stdout.write(msgspec.json.encode(said).decode() + "\n")
        elif isinstance(event, Said):
            sys.stdout.write(f"{event.name:>6} | {event.line}\n")
        else:
            sys.stdout.write("       = " + " · ".join(f"{name} {what}" for name, what in event.states.items()) + "\n")
        sys.stdout.flush()

    supervisor = Supervisor(processes(path, settings), clock=BootClock(), report=report)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: supervisor.stop())
    code = supervisor.run()
    if code:
        raise typer.Exit(code)


def gate(config: ConfigOption = None, parent: ParentOption = None) -> None:
    """Start the gate alone."""
    settings = _begin(config, parent, signal.SIGTERM)  # so that it locks before it ends
    _folder(settings.paths.state, _PRIVATE)
    _serve(settings, profiles.gate)


def vision(config: ConfigOption = None, parent: ParentOption = None) -> None:
    """Start the eye alone."""
    _serve(_begin(config, parent, signal.SIGKILL), profiles.vision)


def sync(config: ConfigOption = None, parent: ParentOption = None) -> None:
    """Start the link alone."""
    _serve(_begin(config, parent, signal.SIGKILL), profiles.sync)


def _begin(config: Path | None, parent: int | None, by: signal.Signals) -> Config:
    _log_to_stderr()
    signal.signal(signal.SIGTERM, _leave)
    if parent is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_with(parent, by)
    settings = load(find(config))
    _folder(settings.paths.runtime, _SHARED)
    if not settings.gate.commissioned:
        _folder(settings.stage_socket, _PRIVATE)
    return settings


class _Line(logging.Formatter):
    """One line a record: the text of an exception can hold what it was about (`edge.cli.complaint`, rule 2)."""

    def formatException(self, ei: object) -> str:  # noqa: N802, ARG002 - its name in `logging`
        return ""


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Line("%(levelname)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger("edge").setLevel(logging.INFO)


def _leave(*_: object) -> None:
    raise SystemExit(0)


def _serve(settings: Config, profile: Callable[[Config], Profile]) -> None:
    chosen = profile(settings)
    sandbox = confine(chosen)
    sys.stderr.write(f"sandbox: {sandbox}\n")
    service = importlib.import_module(f"edge.{chosen.name}.service")
    code = service.run(settings, sandbox=sandbox)
    if code:
        raise typer.Exit(code)


def _folder(path: Path, mode: int) -> None:
    """Make `path` before the sandbox stands: a folder that does not exist gets no rule."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=mode, exist_ok=True)
    except OSError as error:
        raise PartFailed(
            f"{path} cannot be made: {error.strerror}", hint="check `paths` in the configuration, and who runs this"
        ) from None
