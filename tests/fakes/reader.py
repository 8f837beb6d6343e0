"""A reader whose cards are presented by the test, on the thread of the test."""

from __future__ import annotations

from collections.abc import Callable


class FakeReader:
    """See `edge.ports.CardReader`."""

    simulated = True

    def __init__(self) -> None:
        self._read: Callable[[str], None] | None = None
        self.closed = False

    def listen(self, read: Callable[[str], None]) -> None:
        assert self._read is None, "listened to twice"
        assert not self.closed, "listened to after close"
        self._read = read

    def close(self) -> None:
        self.closed, self._read = True, None

    def present(self, number: str) -> None:
        assert self._read is not None, "nobody listens"
        self._read(number)
