"""Cards that are presented on the stage."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from edge.errors import PartFailed
from edge.sim.server import CueSocket
from edge.sim.stage import CARDS_SOCKET, PresentCard

_HEAR_S = 0.5
_JOIN_S = 2.0


class SimReader:
    """See `edge.ports.CardReader`."""

    def __init__(self, stage: Path) -> None:
        self._ear = CueSocket(stage / CARDS_SOCKET)
        self._thread: threading.Thread | None = None

    @property
    def simulated(self) -> bool:
        """True."""
        return True

    def listen(self, read: Callable[[str], None]) -> None:
        """See the port."""
        self._thread = threading.Thread(target=self._run, args=(read,), name="edge-cards", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """See the port. Closing twice is no error."""
        self._ear.close()
        if self._thread is not None:
            self._thread.join(_JOIN_S)

    def _run(self, read: Callable[[str], None]) -> None:
        while True:
            try:
                cue = self._ear.receive(_HEAR_S)
            except PartFailed:
                return
            if isinstance(cue, PresentCard):
                read(cue.number)
