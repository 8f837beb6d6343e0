"""How edge-gate says no: `edge-gate: error: …` and `hint: …` on stderr, the exit code from `edge.errors.EXIT_CODES`.

Rule 1.  With `--json` the same is an object on stdout: `{"error", "hint", "exit_code"}`, and `"mistakes"` where a
         configuration has several. Nothing goes to stderr then.
Rule 2.  Nobody sees a traceback. What we did not foresee is named by its type and the line of ours that it came from,
         never by its text: the text of an exception can hold what the exception was about, a face or a key.
Rule 3.  The same holds for threads and for what happens while Python ends.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from edge.config.mistakes import ConfigMistakes
from edge.errors import EdgeError, PartFailed

_PACKAGE = Path(__file__).resolve().parents[1]
_EXTRAS = {
    "matplotlib": "demo",
    "skimage": "demo",
    "dlib": "bench",
    "faiss": "bench",
    "psutil": "bench",
    "flatbuffers": "build",
    "lgpio": "pi",
    "tflite_runtime": "tflite",
}
"""Modules that come with an extra of the distribution."""


class Unforeseen(EdgeError):
    """A defect of edge-gate."""


def complain(error: EdgeError, *, as_json: bool) -> int:
    """Say `error` and return its exit code."""
    mistakes = error.mistakes if isinstance(error, ConfigMistakes) else ()
    if as_json:
        import msgspec  # noqa: PLC0415 - only here: a command line that is merely misspelt should answer at once

        said: dict[str, Any] = {"error": error.message, "hint": error.hint, "exit_code": error.exit_code}
        if mistakes:
            said["mistakes"] = mistakes
        sys.stdout.write(msgspec.json.encode(said).decode() + "\n")
        return error.exit_code
    for mistake in mistakes:
        where = f"line {mistake.line}: " if mistake.line else ""
        what = f"{mistake.key}: " if mistake.key else ""
        sys.stderr.write(_plain(f"{where}{what}{mistake.message}; {mistake.suggestion}") + "\n")
    sys.stderr.write(f"edge-gate: error: {_plain(error.message)}\nhint: {_plain(error.hint)}\n")
    return error.exit_code


def foreseen(error: BaseException) -> EdgeError:
    """`error` itself if it is ours, else what may be said of it (rule 2)."""
    if isinstance(error, EdgeError):
        return error
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in _EXTRAS:
        module = (error.name or "").split(".")[0]
        return PartFailed(
            f"{module} is not installed", hint=f"it comes with an extra: pip install 'edge-gate[{_EXTRAS[module]}]'"
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return PartFailed("the disk is full", hint="free some space; what was committed before is safe")
    if isinstance(error, MemoryError):
        return PartFailed("there is not enough memory", hint="end other programs, or use a smaller model pack")
    what = type(error).__name__
    if isinstance(error, OSError) and error.errno:
        what += f" ({os.strerror(error.errno)})"
    return Unforeseen(
        f"unexpected {what} at {_our_line(error.__traceback__)}",
        hint="this is a defect of edge-gate; please report this line, it holds nothing of any person",
    )


def no_tracebacks() -> None:
    """Replace every hook through which Python would print a traceback (rules 2 and 3)."""

    def last_words(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None or issubclass(kind, (SystemExit, KeyboardInterrupt)):
            return
        complain(foreseen(error.with_traceback(trace)), as_json=False)

    sys.excepthook = last_words
    threading.excepthook = lambda args: last_words(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: last_words(args.exc_type, args.exc_value, args.exc_traceback)


def _our_line(trace: TracebackType | None) -> str:
    """The innermost line of our own code, as `edge/gate/match.py:42`."""
    place = "an unknown line"
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE):
            place = f"{Path(_PACKAGE.name) / path.relative_to(_PACKAGE)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _plain(text: str) -> str:
    """One line without control characters: a file's name must not write to the operator's terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
