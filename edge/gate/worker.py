"""One thread that does jobs for others, one after the other, and looks after something in between."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import TypeVar

from edge.core.values import Instant
from edge.errors import PartFailed
from edge.ports import Clock

ANSWER_S = 30.0
"""How long somebody waits for an answer."""
JOIN_S = 10.0
T = TypeVar("T")


_Job = Callable[[], None]


class Worker:
    """`look` is called on the thread, at first and whenever as many seconds have gone as it returned; `end` at the end.

    None of the two may raise.
    """

    def __init__(self, name: str, clock: Clock, look: Callable[[], float], end: Callable[[], None]) -> None:
        self._name, self._clock, self._look, self._end = name, clock, look, end
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._look_at: Instant = clock.now()
        self._thread = threading.Thread(target=self._run, name=f"edge-{name}", daemon=True)
        self.closing = False

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Finish the jobs that wait, then end."""
        self.closing = True
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join(JOIN_S)

    def look_soon(self) -> None:
        """Look again before the next job; only from the thread itself."""
        self._look_at = self._clock.now()

    def ask(self, work: Callable[[], T]) -> T:
        """Do `work` on the thread, and return or raise what it did. Raises `PartFailed` if that takes `ANSWER_S`."""
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
                answer.set_exception(error)

        self._jobs.put(run)
        try:
            return answer.result(ANSWER_S)
        except NotInTime:
            raise PartFailed(
                f"{self._name} did not answer within {ANSWER_S:g} s", hint="check the disk; see `edge-gate status`"
            ) from None

    def _run(self) -> None:
        try:
            while True:
                if self._clock.now() >= self._look_at:
                    self._look_at = self._clock.now() + self._look()
                try:
                    job = self._jobs.get(timeout=max(0.0, self._look_at - self._clock.now()))
                except queue.Empty:
                    continue
                if job is None:
                    return
                job()
        finally:
            self._end()
