"""The readers of cards. Which one reads is said in the configuration; there is no fallback to another."""

from __future__ import annotations

from typing import assert_never

from edge.config.schema import Config
from edge.errors import Refused
from edge.gate.readers.line import LineReader
from edge.ports import CardReader


def open_reader(config: Config) -> CardReader:
    """The reader that the configuration names.

    Raises `Refused` for a lane without one (a face is never the only way in, requirement CN-7), `PartFailed` that names
    the device.
    """
    match config.cards.kind:
        case "none":
            raise Refused(
                "this lane has no way in but the face", hint='set cards.kind = "line"; a typed card number is enough'
            )
        case "line":
            return LineReader(config.cards.device)
        case "sim":
            from edge.gate.readers.sim import SimReader  # noqa: PLC0415 - a gate with a reader never loads the stage

            return SimReader(config.stage_socket)
        case _ as unreachable:
            assert_never(unreachable)
