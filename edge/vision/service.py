"""The process `vision`: loads what it needs, then serves `gate` until it is told to end.

Rule 1.  Everything from the disk is read in `prepare`: models, verified, and the libraries that run them. After that
         the process needs no file but its camera's. It may be confined before, with leave to read its packs, or after.
Rule 2.  If that fails, `gate` hears why before the process ends with the error's exit code; whoever started it starts
         it again, with patience. To try again in place would need the disk for ever (rule 1).
Rule 3.  The gate may come and go. While it is away the camera is closed, and we ask for it again after 0.2 s, then
         twice as long each time up to `RETRY_MAX_S`.
Rule 4.  SIGTERM ends the process within a second, the camera closed and the buffers overwritten.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from edge.clock import BootClock
from edge.core.values import Part
from edge.errors import ConfigError, EdgeError, PartFailed
from edge.packs import Pack, default_search, load_pack
from edge.vision.cameras import open_camera
from edge.vision.embed import Embedder
from edge.vision.eye import Eye
from edge.vision.find import FaceFinder
from edge.vision.lookout import Lookout
from edge.vision.quality import Limits, reference_limits
from edge.vision.session import Session, Sight
from edge.vision.stages import Stages
from edge.vision.zone import Zone
from edge.wire.link import Link, connect
from edge.wire.messages import MAX_TEXT, PROTOCOL, PartState, VisionHello, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config.schema import Config
    from edge.ports import Camera, Clock

RETRY_S = 0.2
RETRY_MAX_S = 5.0
TELL_S = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that `serve` needs. Nothing of it is a secret yet."""

    config: Config
    sight: Sight
    hello: VisionHello
    """Still without the word on the sandbox."""


def run(config: Config, *, sandbox: str, clock: Clock | None = None) -> int:
    """`prepare` and `serve` until SIGTERM, for a process that is confined already or will not be.

    Returns 0. Raises an `EdgeError` if it cannot be prepared.
    """
    clock = clock or BootClock()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return serve(prepare(config, clock), sandbox=sandbox, clock=clock, stop=stop)


def prepare(config: Config, clock: Clock) -> Prepared:
    """Verify and load the models, and name the camera without opening it.

    Raises:
        ConfigError: there is no such pack, or no threshold for its model.
        PartFailed: a model is missing, damaged or cannot be run, or the simulated camera's stage is taken. The gate
            was told, if it could be reached.
    """
    pack = load_pack(config.recognition.pack, (*config.paths.packs, *default_search()))
    try:
        eye = _open_eye(config, pack, clock)
    except PartFailed as error:
        _tell(config, _hello(config, pack, camera=None), PartState(Part.MODEL, ok=False, why=error.message[:MAX_TEXT]))
        raise
    try:
        camera = open_camera(config, clock)
    except PartFailed as error:
        _tell(config, _hello(config, pack, camera=None), PartState(Part.CAMERA, ok=False, why=error.message[:MAX_TEXT]))
        raise
    sight = Sight(eye, Lookout(camera, clock, config.camera.fps), reference_limits(config.recognition.face_min_px))
    return Prepared(config, sight, _hello(config, pack, camera))


def serve(
    prepared: Prepared,
    *,
    sandbox: str,
    clock: Clock,
    stop: threading.Event,
    meet: Callable[[Config], Link] | None = None,
) -> int:
    """Obey the gate until `stop` is set; `sandbox` says how the process is confined. Returns 0.

    `meet` connects to the gate (raising an `EdgeError` while it is away); tests bring their own.
    """
    hello = msgspec.structs.replace(prepared.hello, sandbox=sandbox[:MAX_TEXT])
    patience = RETRY_S
    while not stop.is_set():
        try:
            link = (meet or _meet)(prepared.config)
        except EdgeError as error:
            _log.info("%s; trying again in %.1f s", error.message, patience)
            stop.wait(patience)
            patience = min(2 * patience, RETRY_MAX_S)
            continue
        began = clock.now()
        try:
            Session(link, prepared.sight, clock, hello).run(stop.is_set)
        except EdgeError as error:
            _log.warning("%s", error.message)
            stop.wait(patience)
        finally:
            link.close()
        patience = RETRY_S if clock.now() - began > RETRY_MAX_S else min(2 * patience, RETRY_MAX_S)
    return 0


def same_face_cosine(config: Config, pack: Pack) -> float:
    """The cosine below which a capture belongs to another face than its track's: the threshold of the lane itself.

    Two captures of one person within half a second are far more alike than two that are months apart.

    Raises:
        ConfigError: nobody has measured this model at this rate, and the configuration names no threshold.
    """
    wanted = config.recognition
    measured = pack.thresholds.get(pack.embedder.sha256, {}).get(float(wanted.fmr))
    cosine = measured if wanted.threshold is None else wanted.threshold
    if cosine is None:
        raise ConfigError(
            f"model pack {pack.name!r} has no threshold at FMR {wanted.fmr} for its embedder",
            hint="measure one with `edge-gate evaluate`, and set recognition.threshold",
        )
    return cosine


def _open_eye(config: Config, pack: Pack, clock: Clock) -> Eye:
    wanted = config.recognition
    stages = Stages(clock)
    eye = Eye(
        FaceFinder(pack, stages, runtime=wanted.runtime, threads=wanted.threads),
        Embedder(pack.embedder, pack.alignment, runtime=wanted.runtime, threads=wanted.threads),
        stages,
        zone=Zone(*config.camera.zone),
        limits=Limits(face_min_px=wanted.face_min_px),
        same_face=same_face_cosine(config, pack),
        pad=wanted.pad,
    )
    try:
        eye.self_test()  # also touches every page that the first attempt would otherwise wait for
    except PartFailed:
        raise
    except EdgeError as error:
        raise PartFailed(error.message, hint=error.hint) from None
    stages.reset()
    return eye


def _hello(config: Config, pack: Pack, camera: Camera | None) -> VisionHello:
    """What we are. Without a camera: what we should have become, said by a process that is about to end."""
    return VisionHello(
        protocol=PROTOCOL,
        pid=os.getpid(),
        embedder_sha256=pack.embedder.sha256,
        dimensions=pack.embedder.output.dims,
        pad_level=config.recognition.pad,
        runtime=config.recognition.runtime,
        sandbox="not running",
        camera=f"{config.camera.kind} {config.camera.device}".strip()[:MAX_TEXT],
        camera_simulated=camera.simulated if camera else config.camera.kind != "v4l2",
    )


def _meet(config: Config) -> Link:
    return connect(config.vision_socket, "the gate")


def _tell(config: Config, hello: VisionHello, state: PartState) -> None:
    """Say why we end, if anybody listens; the error itself is raised by whoever calls."""
    try:
        link = _meet(config)
    except EdgeError as error:
        _log.info("%s", error.message)
        return
    try:
        # The gate speaks first, and a peer that has left by then is never listened to.
        greeting = link.receive(TELL_S)
        if greeting is None:
            return
        with greeting:
            pass
        link.send(encode(hello))
        link.send(encode(state))
    except EdgeError as error:
        _log.info("%s", error.message)
    finally:
        link.close()
