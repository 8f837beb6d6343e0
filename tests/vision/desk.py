"""A gate's end of the link and a hand on the clock, for `edge.vision.session`. Nobody here ever sleeps."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from edge.core.values import Part
from edge.vision.eye import Eye
from edge.vision.lookout import Lookout
from edge.vision.quality import reference_limits
from edge.vision.session import Session, Sight
from edge.wire.link import Datagram, Link
from edge.wire.messages import (
    PROTOCOL,
    GateHello,
    Message,
    PartState,
    VisionCounters,
    VisionHello,
    decode_from_vision,
    encode,
)
from tests.fakes.camera import Moment, ScriptedCamera
from tests.fakes.clock import HandClock
from tests.fakes.vision import hello

FRAME_S = 0.1
GATE_HELLO = GateHello(protocol=PROTOCOL, pid=1, site="site", gate="gate")
M = TypeVar("M", bound=Message)


class Desk:
    """One session with a scripted camera: `at` says what the gate does when, `run` lets the time pass."""

    def __init__(self, eye: Eye, *script: Moment, greeting: Message | None = GATE_HELLO) -> None:
        self.clock = HandClock()
        self.began = self.clock.now()
        self.camera = ScriptedCamera(script, self.clock, frame_s=FRAME_S)
        self.eye = eye
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.gate, self._link = Link(theirs), Link(ours)
        sight = Sight(eye, Lookout(self.camera, self.clock, fps=10), reference_limits(80))
        self.session = Session(self._link, sight, self.clock, self.hello, wait=self._wait)
        self.heard: list[tuple[float, Message]] = []
        self._plan: list[tuple[float, Callable[[], None]]] = []
        if greeting is not None:
            self.say(greeting)

    @property
    def hello(self) -> VisionHello:
        return hello(self.eye._embedder.model.sha256, 128)

    def say(self, message: Message, fds: Sequence[int] = ()) -> None:
        self.gate.send(encode(message), fds)

    def at(self, second: float, *deeds: Message | Callable[[], None]) -> None:
        for deed in deeds:
            act = partial(self.say, deed) if isinstance(deed, Message) else deed
            self._plan.append((self.began + second, act))
        self._plan.sort(key=lambda entry: entry[0])

    def run(self, until: float) -> None:
        """Let the session live until so many seconds after the beginning."""
        try:
            self.session.run(lambda: self.clock.now() >= self.began + until)
        finally:
            self._hear()

    def close(self) -> None:
        self.gate.close()
        self._link.close()

    def all(self, kind: type[M]) -> list[M]:
        return [message for _, message in self.heard if isinstance(message, kind)]

    def states(self, part: Part) -> list[tuple[float, bool, str]]:
        """Seconds since the beginning, ok, why."""
        return [
            (at - self.began, message.ok, message.why)
            for at, message in self.heard
            if isinstance(message, PartState) and message.part is part
        ]

    def embeddings(self) -> list[int]:
        return [counters.embeddings for counters in self.all(VisionCounters)]

    def _wait(self, link: Link, timeout_s: float | None) -> Datagram | None:
        self._hear()
        self._act()
        datagram = link.receive(0.0)
        if datagram is None and timeout_s:
            next_deed = self._plan[0][0] - self.clock.now() if self._plan else timeout_s
            self.clock.advance(max(0.0, min(timeout_s, next_deed)))
            self._act()
            datagram = link.receive(0.0)
        return datagram

    def _act(self) -> None:
        while self._plan and self._plan[0][0] <= self.clock.now() + 1e-9:
            self._plan.pop(0)[1]()

    def _hear(self) -> None:
        while (datagram := self.gate.receive(0.0)) is not None:
            with datagram:
                self.heard.append((self.clock.now(), decode_from_vision(datagram.data)))


LIGHT = np.full((120, 160, 3), 90, np.uint8)
"""An empty lane by day."""
BLACK = np.full((120, 160, 3), 3, np.uint8)
"""A hand on the lens."""
