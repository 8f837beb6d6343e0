"""A gate that answers one scripted answer a request, and remembers what it was asked."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.wire.admin import Answer, Request, decode_request
from edge.wire.link import Link, Listener
from edge.wire.messages import encode

LOST_S = 20.0


class FakeGate:
    """Listens where `edge-gate` looks for a gate. An answer of None is silence."""

    def __init__(self, runtime: Path, *answers: Answer | None) -> None:
        runtime.mkdir(exist_ok=True)
        self._listener = Listener(runtime / "admin.sock", allowed_uids=frozenset({os.getuid()}))
        self._answers = answers
        self.asked: list[Request] = []
        self.files: list[bytes] = []
        self._silent: list[Link] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        for answer in self._answers:
            link = self._listener.accept(LOST_S)
            assert link is not None
            datagram = link.receive(LOST_S)
            assert datagram is not None
            with datagram:
                self.asked.append(decode_request(datagram.data))
                self.files += [os.pread(fd, 100, 0) for fd in datagram.fds]
            if answer is None:
                self._silent.append(link)
            else:
                link.send(encode(answer))
                link.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._thread.join(LOST_S)
        self._listener.close()
        for link in self._silent:
            link.close()
