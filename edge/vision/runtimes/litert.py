"""LiteRT: the package `ai-edge-litert`, TFLite under its present name."""

from __future__ import annotations

from edge.errors import PartFailed
from edge.vision.runtimes.calls import TfliteInterpreter


def open_interpreter(content: bytes, *, threads: int, what: str) -> TfliteInterpreter:
    """Load `content`. Raises `PartFailed`."""
    try:
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - its absence is an error with a way out
    except ImportError as error:
        raise PartFailed(
            f"the runtime litert cannot be imported: {error}",
            hint='install "ai-edge-litert", or set recognition.runtime = "tflite-runtime"',
        ) from None
    return TfliteInterpreter(Interpreter, content, threads=threads, what=what)
