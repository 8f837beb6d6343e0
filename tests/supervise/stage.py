"""A supervisor in a thread, tiny real children, and the events that it reported, in order."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from edge.clock import BootClock
from edge.supervise.backoff import Backoff
from edge.supervise.child import Spec
from edge.supervise.supervisor import Changed, Said, Supervisor

LOST_S = 20.0
"""How long a test waits before it fails; never reached when the code is right."""
QUICK = Backoff(first_s=0.01, most_s=0.02, healthy_s=1000.0)

POLITE = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("up", flush=True)
signal.sigwait({signal.SIGTERM})
print("bye", flush=True)
"""
STUBBORN = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("up", flush=True)
while True:
    signal.sigwait({signal.SIGTERM})
    print("no", flush=True)
"""


def python(name: str, code: str, *, essential: bool = False, reads: bool = False) -> Spec:
    return Spec(name, (sys.executable, "-S", "-E", "-c", code), essential=essential, input=reads)


class Play:
    """Runs a supervisor; leaving it asks twice to stop."""

    def __init__(
        self, specs: Sequence[Spec], *, backoff: Backoff = QUICK, grace_s: float = LOST_S, again_s: float = 0.0
    ) -> None:
        self._events: queue.Queue[Said | Changed] = queue.Queue()
        self.seen: list[Said | Changed] = []
        self.supervisor = Supervisor(
            specs, clock=BootClock(), report=self._events.put, backoff=backoff, grace_s=grace_s, again_s=again_s
        )
        self.code: int | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self.code = self.supervisor.run()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.supervisor.stop()
        self.supervisor.stop()
        self._thread.join(LOST_S)
        assert not self._thread.is_alive()

    def until(self, wanted: Callable[[Said | Changed], bool]) -> Said | Changed:
        """The next event that is wanted; all up to it are in `seen`."""
        while True:
            event = self._events.get(timeout=LOST_S)
            self.seen.append(event)
            if wanted(event):
                return event

    def happens(self, wanted: Callable[[Said | Changed], bool]) -> Said | Changed:
        """The first event of all that is wanted, whether it was seen already or is yet to come."""
        return next((event for event in self.seen if wanted(event)), None) or self.until(wanted)

    def says(self, name: str, line: str) -> None:
        self.happens(lambda event: event == Said(name, line))

    def until_said(self, name: str, line: str) -> None:
        self.until(lambda event: event == Said(name, line))

    def until_state(self, name: str, begins: str) -> str:
        found = self.until(lambda event: isinstance(event, Changed) and event.states[name].startswith(begins))
        assert isinstance(found, Changed)
        return found.states[name]

    def ended(self) -> int:
        """Wait for the end of `run`; the rest of the events are in `seen`."""
        self._thread.join(LOST_S)
        while not self._events.empty():
            self.seen.append(self._events.get_nowait())
        assert self.code is not None
        return self.code

    def lines(self) -> list[tuple[str, str]]:
        return [(event.name, event.line) for event in self.seen if isinstance(event, Said)]
