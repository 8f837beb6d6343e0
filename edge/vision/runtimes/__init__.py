"""Runtimes for TFLite models. Which one is used is written in the configuration; none stands in for another.

litert       Google's LiteRT (`ai-edge-litert`), the default
tflite       `tflite-runtime` 2.14, for boards that cannot have numpy 2
calls        the calls that both understand
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from edge.vision.runtimes.calls import TfliteInterpreter

Runtime = Literal["litert", "tflite-runtime"]


def load(runtime: Runtime, content: bytes, *, threads: int, what: str) -> TfliteInterpreter:
    """An interpreter of `runtime` with the model `content`; `what` names the model in errors.

    Raises:
        PartFailed: the runtime is not installed, or cannot run this model.
    """
    # Imported here and not above: a gate has one of the two installed, and each costs 0.1 s to import.
    match runtime:
        case "litert":
            from edge.vision.runtimes.litert import open_interpreter  # noqa: PLC0415
        case "tflite-runtime":
            from edge.vision.runtimes.tflite import open_interpreter  # noqa: PLC0415
    return open_interpreter(content, threads=threads, what=what)
