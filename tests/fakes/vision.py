"""A peer that speaks for `vision`, line by line as the test says; honest unless told otherwise."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from edge.core.values import Part
from edge.errors import PartFailed
from edge.wire.link import Datagram, connect
from edge.wire.messages import (
    PROTOCOL,
    Examine,
    Examined,
    GateHello,
    GateToVision,
    Look,
    Message,
    PartState,
    Probe,
    Sighting,
    VisionCounters,
    VisionHello,
    decode_to_vision,
    encode,
)
from tests.fakes.clock import LOST_S

BEAT_S = 0.5
Order = TypeVar("Order", bound=Message)


def hello(model_sha256: str, dimensions: int, **changes: object) -> VisionHello:
    """What an honest eye with this embedder says first."""
    said: dict[str, object] = {
        "protocol": PROTOCOL,
        "pid": os.getpid(),
        "embedder_sha256": model_sha256,
        "dimensions": dimensions,
        "pad_level": "none",
        "runtime": "fake",
        "sandbox": "not sandboxed: a fake",
        "camera": "fake camera",
        "camera_simulated": True,
    }
    return VisionHello(**(said | changes))  # type: ignore[arg-type]


class FakeVision:
    """Connected from the start; a context manager."""

    def __init__(self, path: Path) -> None:
        self._link = connect(path, "the gate")
        self._closed = threading.Event()
        self._heart: threading.Thread | None = None
        self.embeddings = 0

    def say(self, *messages: Message, fds: Sequence[int] = ()) -> None:
        for message in messages:
            self._link.send(encode(message), fds)

    def press(self, message: Message, times: int) -> None:
        """Say it so often, as fast as the gate reads."""
        for _ in range(times):
            while True:
                try:
                    self.say(message)
                except PartFailed as error:
                    if "does not read" not in error.message:
                        raise
                    select.select([], [self._link], [], LOST_S)
                else:
                    break

    def babble(self, data: bytes) -> None:
        """Bytes that are perhaps no message."""
        self._link.send(data)

    def alive(self) -> None:
        """What it says every second."""
        self.say(VisionCounters(frames=0, embeddings=self.embeddings, looking=False, stage_us={}))

    def keep_alive(self) -> None:
        """Let its heart beat by itself, until it is closed."""
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self._heart.start()

    def _beat(self) -> None:
        with contextlib.suppress(PartFailed):
            while not self._closed.wait(BEAT_S):
                self.alive()

    def part(self, part: Part, *, ok: bool, why: str = "") -> None:
        self.say(PartState(part=part, ok=ok, why=why))

    def hear(self) -> GateToVision:
        """The next order; it has to come."""
        with self.received() as datagram:
            return decode_to_vision(datagram.data)

    def received(self) -> Datagram:
        datagram = self._link.receive(LOST_S)
        assert datagram is not None, "the gate said nothing"
        return datagram

    def greet(self, said: VisionHello) -> None:
        """Exchange hellos."""
        self.say(said)
        assert isinstance(self.hear(), GateHello)
        self.alive()

    def until(self, kind: type[Order]) -> Order:
        """The next order of this kind; others are passed over."""
        while not isinstance(order := self.hear(), kind):
            pass
        return order

    def show(self, look: Look, probe: Probe, captured_at: float) -> None:
        """One frame with one face."""
        self.embeddings += 1
        self.say(Sighting(attempt=look.attempt, captured_at=captured_at, candidates=1, probe=probe))

    def examined(self, order: Examine, *probes: Probe, unfit: tuple[str, ...] = ()) -> None:
        self.say(Examined(job=order.job, probes=probes, unfit=unfit))

    def sent_away(self) -> bool:
        """Whether the gate ends this connection."""
        try:
            while True:
                with self.received():
                    continue
        except PartFailed:
            return True

    def close(self) -> None:
        self._closed.set()
        if self._heart is not None:
            self._heart.join(LOST_S)
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
