"""A camera that plays a script, remembers what was asked of it, and refuses to be used out of order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.errors import PartFailed
from edge.ports import Frame
from tests.fakes.clock import HandClock

Image: TypeAlias = NDArray[np.uint8]
Moment: TypeAlias = Image | Sequence[Image] | Exception | None


class ScriptedCamera:
    """One call of `newest` plays one moment of `script`.

    An image is a new frame; several images were captured since the last call, and the last of them wins; None is a
    stall, which takes as long as the caller would wait (on the hand clock); an exception is raised. After the script
    nothing comes any more. All images have one shape. As with a real camera one buffer is lent again and again, and
    zeroed on closing. Misuse is an `AssertionError`, because a test should fail there and nowhere later.
    """

    simulated = True

    def __init__(self, script: Iterable[Moment], clock: HandClock, *, frame_s: float = 1 / 30) -> None:
        self.script: deque[Moment] = deque(script)
        self.calls: list[str] = []
        self.plugged = True
        self.opened = False
        self._clock, self._frame_s = clock, frame_s
        self._number = 0
        self._buffer: Image | None = None

    def present(self) -> bool:
        return self.plugged

    def open(self) -> None:
        self.calls.append("open")
        assert not self.opened, "opened twice"
        if not self.plugged:
            raise PartFailed("scripted camera is unplugged", hint="plug it in")
        self.opened, self._number = True, 0

    def newest(self, timeout_s: float) -> Frame | None:
        self.calls.append("newest")
        assert self.opened, "newest() of a camera that is not open"
        if not self.plugged:
            raise PartFailed("scripted camera is unplugged", hint="plug it in")
        moment = self.script.popleft() if self.script else None
        if isinstance(moment, Exception):
            raise moment
        if moment is None:
            self._clock.advance(timeout_s)
            return None
        images = [moment] if isinstance(moment, np.ndarray) else list(moment)
        captured_at = self._clock.now()
        self._number += len(images)
        self._clock.advance(self._frame_s)
        return Frame(self._number, captured_at, self._lend(images[-1]))

    def close(self) -> None:
        self.calls.append("close")
        self.opened = False
        if self._buffer is not None:
            self._buffer.fill(0)

    def _lend(self, image: Image) -> Image:
        if self._buffer is None:
            self._buffer = np.empty_like(image)
        self._buffer[:] = image
        return self._buffer
