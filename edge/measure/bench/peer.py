"""This process as the `vision` of a real gate: the real eye, fed with one still picture, one round a person."""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.lane import Sign
from edge.core.values import AttemptId, Instant
from edge.errors import NotRunning, PartFailed
from edge.gate.compare import Yardstick
from edge.measure.bench.lane import BenchLane
from edge.ports import Clock, Frame
from edge.vision.eye import Eye
from edge.vision.stages import Stages
from edge.wire.link import Link, connect
from edge.wire.messages import (
    PROTOCOL,
    Look,
    Message,
    Sighting,
    VisionCounters,
    VisionHello,
    decode_to_vision,
    encode,
)

READY_S = 20.0
SOON_S = 5.0
_RETRY_S = 0.05


@dataclass(frozen=True, slots=True)
class Round:
    """One release: seconds from capture to relay, seconds in the eye's stages, and the sighting that decided."""

    whole_s: float
    stages_s: float
    sighting: Sighting


class Peer:
    """Connects when made. One thread."""

    def __init__(self, lane: BenchLane, eye: Eye, stages: Stages, clock: Clock, yardstick: Yardstick) -> None:
        self._lane, self._eye, self._stages, self._clock = lane, eye, stages, clock
        self._link = self._connected(lane)
        hello = VisionHello(
            protocol=PROTOCOL,
            pid=os.getpid(),
            embedder_sha256=yardstick.model_sha256,
            dimensions=yardstick.dimensions,
            pad_level="none",
            runtime="litert",
            sandbox="bench",
            camera="still picture",
            camera_simulated=True,
        )
        self._send(hello)
        self._send(VisionCounters(frames=0, embeddings=0, looking=False, stage_us={}))
        lane.director.wait_for(lambda moved: moved.sign == Sign.READY.value, READY_S)

    def round(self, picture: NDArray[np.uint8], agreeing: int) -> Round:
        """Somebody comes, is recognised in `agreeing` frames, and walks through. Raises `ShownOtherwise`."""
        self._send(VisionCounters(frames=self._eye.frames, embeddings=0, looking=False, stage_us={}))
        self._lane.director.sense(presence=True)
        self._eye.begin(AttemptId(self._look().attempt))
        for _ in range(agreeing):
            self._stages.reset()
            captured_at = self._clock.now()
            sighting = self._eye.see(Frame(self._eye.frames, captured_at, picture))
            self._send(sighting)
        relay = self._lane.director.wait_for(lambda moved: moved.relay and moved.at >= captured_at, SOON_S)
        stages_us = sum(self._stages.median_us.values())
        self._eye.forget()
        self._walk_through()
        return Round(relay.at - captured_at, 1e-6 * stages_us, sighting)

    def _walk_through(self) -> None:
        director = self._lane.director
        director.sense(passage=True)
        director.sense(presence=False)
        director.sense(passage=False)
        director.wait_for(lambda moved: not moved.relay and moved.sign == Sign.READY.value, SOON_S)

    def _look(self) -> Look:
        """The next order to look; orders to be blind are passed over."""
        until: Instant = self._clock.now() + SOON_S
        while self._clock.now() < until:
            datagram = self._link.receive(until - self._clock.now())
            if datagram is not None:
                with datagram:
                    order = decode_to_vision(datagram.data)
                if isinstance(order, Look):
                    return order
        raise PartFailed("the gate did not ask its eye to look", hint="try `edge-gate demo`")

    def _connected(self, lane: BenchLane) -> Link:
        until = self._clock.now() + READY_S
        while True:
            try:
                link = connect(lane.folder / "run" / "vision.sock", "the gate")
            except NotRunning:
                if self._clock.now() > until:
                    raise
                lane.wait(_RETRY_S)
            else:
                return link

    def _send(self, message: Message) -> None:
        self._link.send(encode(message))


def medians_ms(rounds: list[Round]) -> tuple[float, float]:
    """Whole and stages, in milliseconds."""
    whole = statistics.median(one.whole_s for one in rounds)
    stages = statistics.median(one.stages_s for one in rounds)
    return 1e3 * whole, 1e3 * stages
