"""tflite-runtime 2.14: LiteRT's predecessor, for CPython 3.11 and numpy below 2."""

from __future__ import annotations

from edge.errors import PartFailed
from edge.vision.runtimes.calls import TfliteInterpreter


def open_interpreter(content: bytes, *, threads: int, what: str) -> TfliteInterpreter:
    """Load `content`. Raises `PartFailed`."""
    try:
        from tflite_runtime.interpreter import Interpreter  # noqa: PLC0415 - its absence is an error with a way out
    except ImportError as error:
        raise PartFailed(
            f"the runtime tflite-runtime cannot be imported: {error}",
            hint='install "edge-gate[tflite]" (CPython 3.11, numpy < 2), or set recognition.runtime = "litert"',
        ) from None
    return TfliteInterpreter(Interpreter, content, threads=threads, what=what)
