"""From the frame that decides to the relay, against the sum of the stages in between.

The gate is the real process with its real sockets, threads and vault; this process is its `vision` (`peer`). Both read
the boot clock. A round is one person: presence, three frames, relay, passage. What counts is the last of the frames:

    whole    from the instant at which it was captured to the instant at which the relay was energised
    stages   what the eye's own stop-watch says of that frame (second look, mesh, quality, align, embed, fuse), and the
             median times to encode, to decode and to compare, each taken by itself in this process

The threads that wake each other, the socket, the rules and the pins' driver are in the whole and in no stage.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge.clock import BootClock
from edge.config.load import load
from edge.demo.faces import RESIDENT
from edge.gate.compare import Yardstick, judge
from edge.gate.holdings import nothing_held
from edge.gate.inbox import Seen
from edge.gate.match import Gallery
from edge.gate.service import measure
from edge.measure.bench.frames import frames
from edge.measure.bench.gallery import owners
from edge.measure.bench.lane import BenchLane
from edge.measure.bench.peer import Peer, medians_ms
from edge.measure.bench.people import residents
from edge.measure.bench.row import Row, at_most
from edge.measure.timing import in_turns, wall
from edge.packs import find_pack
from edge.vision.embed import Embedder
from edge.vision.eye import Eye
from edge.vision.find import FaceFinder
from edge.vision.quality import Limits
from edge.vision.service import same_face_cosine
from edge.vision.stages import Stages
from edge.vision.zone import Zone
from edge.wire.messages import Sighting, decode_from_vision, encode

LIMIT = 1.15
ROUNDS = 21
TEMPLATES = 300
_SECONDS = 1.0


def rows(*, rounds: int = ROUNDS) -> list[Row]:
    """One."""
    clock, picture = BootClock(), frames()[RESIDENT]
    with BenchLane(clock) as lane:
        config = load(lane.config)
        yardstick = measure(config)
        pack, stages = find_pack(config.recognition.pack), Stages(clock)
        eye = Eye(
            FaceFinder(pack, stages),
            Embedder(pack.embedder, pack.alignment),
            stages,
            zone=Zone(*config.camera.zone),
            limits=Limits(face_min_px=config.recognition.face_min_px),
            same_face=same_face_cosine(config, pack),
        )
        known = residents(pack, TEMPLATES)
        lane.enrol(known, yardstick.model_sha256)
        lane.start("gate")
        peer = Peer(lane, eye, stages, clock, yardstick)
        released = [peer.round(picture, config.lane.agreeing) for _ in range(rounds)]
    whole_ms, stages_ms = medians_ms(released)
    stages_ms += _other_stages_ms(released[-1].sighting, known, yardstick)
    return [at_most("frame to relay, against the sum of its stages", whole_ms, stages_ms, LIMIT)]


def _other_stages_ms(sighting: Sighting, known: NDArray[np.int8], yardstick: Yardstick) -> float:
    """Encode, decode and compare: the sum of their medians."""
    data, seen = encode(sighting), Seen(sighting, yardstick.model_sha256)
    nothing = nothing_held(yardstick.model_sha256, yardstick.dimensions)
    held = replace(nothing, gallery=Gallery(known, owners(len(known))))
    taken = in_turns(
        {
            "encode": lambda: encode(sighting),
            "decode": lambda: decode_from_vision(data),
            "compare": lambda: judge(seen, held, yardstick),
        },
        seconds=_SECONDS,
        clock=wall,
    )
    return sum(taken.values())
