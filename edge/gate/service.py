"""The gate process: put together, run, and taken apart locked.

Rule 1.  What a rule forbids is refused before anything is opened, and once more when a part says of itself that it is
         simulated: configuration and adapter have to agree (`Refused`).
Rule 2.  The pins are opened first, because that drives the relay inactive; and closed last but for the vault.
Rule 3.  `vision`, `sync`, operators and the disk may all be absent: the lane starts shut for faces, with cards, and
         each part joins when it is there. Only pins, readers and sockets that cannot be opened stop the start.
Rule 4.  The thread that calls `serve` is the decision thread. SIGTERM and SIGINT end its loop, which locks; then
         everything is closed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from edge.clock import BootClock
from edge.config.schema import Config
from edge.core.decide import Threshold
from edge.core.lane import IntentBegan, IntentEnded, PassageBegan, PassageEnded
from edge.core.values import GateId, Instant, Part, SiteId, Way
from edge.errors import ConfigError, Refused
from edge.gate.compare import Yardstick
from edge.gate.desk import Desk
from edge.gate.eye import EyeLink
from edge.gate.holdings import nothing_held
from edge.gate.inbox import Fault, Inbox
from edge.gate.loop import Loop
from edge.gate.operators import OperatorSocket, listen_for_operators
from edge.gate.pins import OpenPins, open_pins
from edge.gate.readers import open_reader
from edge.gate.storage import Storage
from edge.gate.uplink import Uplink
from edge.gate.vault import open_vault
from edge.packs import default_search, load_pack
from edge.ports import CardReader, Clock
from edge.wire.link import Listener
from edge.wire.messages import PROTOCOL, GateHello, VisionHello

VAULT = "vault"
"""The vault's folder, inside `paths.state`."""
WAYS = (Way.FACE, Way.CARD)
_DESK = "commission it with real parts, or set gate.commissioned = false for a desk or a test"


@dataclass(frozen=True, slots=True)
class Gate:
    """Everything that `serve` needs. `close` takes it apart, in the right order."""

    loop: Loop
    inbox: Inbox
    clock: Clock
    pins: OpenPins
    reader: CardReader
    storage: Storage
    eye: EyeLink
    uplink: Uplink
    operators: OperatorSocket
    close: Callable[[], None]

    def stop(self) -> None:
        """End `serve`; from any thread or a signal handler."""
        self.inbox.close()


def run(config: Config, *, sandbox: str) -> int:
    """Run the gate until SIGTERM or SIGINT. `sandbox` says in words what confines this process."""
    gate = prepare(config, sandbox=sandbox)
    with _stopped_by_signals(gate.stop):
        serve(gate)
    return 0


def prepare(config: Config, *, sandbox: str, clock: Clock | None = None) -> Gate:
    """Open what has to be there. Raises `Refused` (rule 1), `ConfigError`, `PartFailed`; nothing stays open then."""
    clock = clock or BootClock()
    refuse_what_no_lane_may_be(config)
    yardstick = measure(config)
    inbox = Inbox()
    hello = GateHello(protocol=PROTOCOL, pid=os.getpid(), site=config.site.id, gate=config.gate.id)
    mine = frozenset({os.getuid()})
    with ExitStack() as opened:
        storage = Storage(
            partial(
                open_vault,
                config.paths.state / VAULT,
                site=SiteId(config.site.id),
                gate=GateId(config.gate.id),
                issuers=config.site.issuers,
                clock=clock,
            ),
            inbox,
            clock,
            model_sha256=yardstick.model_sha256,
            dimensions=yardstick.dimensions,
        )
        opened.callback(storage.close)
        pins = open_pins(config, clock, lambda why: inbox.put(Fault(Part.PINS, why)))
        opened.callback(pins.close)
        _refuse_simulated(config, "pins", simulated=pins.turnstile.simulated)
        reader = open_reader(config)
        opened.callback(reader.close)
        _refuse_simulated(config, "card reader", simulated=reader.simulated)
        eye = EyeLink(
            Listener(config.vision_socket, allowed_uids=mine), hello, partial(admit, config, yardstick), inbox, clock
        )
        opened.callback(eye.close)
        uplink = Uplink(Listener(config.sync_socket, allowed_uids=mine), hello, clock)
        opened.callback(uplink.close)
        loop = Loop(
            pins.turnstile,
            eye,
            inbox,
            clock,
            config.lane.policy(pad_required=config.recognition.pad != "none"),
            yardstick,
            nothing_held(yardstick.model_sha256, yardstick.dimensions),
            WAYS,
        )
        desk = Desk(config, loop, eye, uplink, storage, yardstick, clock, sandbox=sandbox)
        operators = OperatorSocket(listen_for_operators(config.admin_socket, config.gate.operator_group), desk)
        opened.callback(operators.close)
        close = opened.pop_all().close
    return Gate(loop, inbox, clock, pins, reader, storage, eye, uplink, operators, close)


def serve(gate: Gate, fed: Callable[[Instant], None] = lambda _: None) -> None:
    """Run the lane on this thread until `gate.stop()`, then close everything. `fed` is for a watchdog."""
    now, put = gate.clock.now, gate.inbox.put
    try:
        gate.storage.start()
        gate.eye.start()
        gate.uplink.start()
        gate.operators.start()
        gate.reader.listen(gate.storage.card_shown)
        gate.pins.inputs.listen(
            intent_began=lambda source: put(IntentBegan(now(), source)),
            intent_ended=lambda: put(IntentEnded(now())),
            passage_began=lambda: put(PassageBegan(now())),
            passage_ended=lambda: put(PassageEnded(now())),
        )
        gate.loop.run(fed)
    finally:
        gate.inbox.close()
        gate.close()


def measure(config: Config) -> Yardstick:
    """What probes are measured with: the pack's embedder, and the threshold that was measured for exactly this file.

    Raises `ConfigError` when neither the pack nor the configuration has one.
    """
    recognition = config.recognition
    pack = load_pack(recognition.pack, (*config.paths.packs, *default_search()))
    accept = recognition.threshold
    if accept is None:
        accept = pack.thresholds.get(pack.embedder.sha256, {}).get(float(recognition.fmr))
    if accept is None:
        raise ConfigError(
            f"the pack {recognition.pack!r} has no threshold for an FMR of {recognition.fmr}",
            hint="choose another recognition.fmr, or measure with `edge-gate evaluate` and set recognition.threshold",
        )
    return Yardstick(pack.embedder.sha256, pack.embedder.output.dims, Threshold(accept, recognition.margin))


def refuse_what_no_lane_may_be(config: Config) -> None:
    """Rule 1, as far as the configuration says it. Raises `Refused`."""
    if config.cards.kind == "none":
        raise Refused(
            "this lane has no way in but the face", hint='set cards.kind = "line"; a typed card number is enough'
        )
    _refuse_simulated(config, "camera", simulated=config.camera.kind == "sim")
    _refuse_simulated(config, "pins", simulated=config.pins.kind == "sim")
    _refuse_simulated(config, "card reader", simulated=config.cards.kind == "sim")
    _refuse_simulated(config, "PAD", simulated=config.recognition.pad == "simulated")


def admit(config: Config, yardstick: Yardstick, hello: VisionHello) -> None:
    """Whether this eye may be used. Raises `Refused` or `ConfigError`."""
    if hello.protocol != PROTOCOL:
        raise Refused(
            f"vision speaks protocol {hello.protocol}, the gate {PROTOCOL}", hint="install one version for both"
        )
    _refuse_simulated(config, "camera", simulated=hello.camera_simulated)
    if (hello.embedder_sha256, hello.dimensions) != (yardstick.model_sha256, yardstick.dimensions):
        raise ConfigError(
            f"vision loaded the embedder {hello.embedder_sha256[:12]}…, "
            f"the references and the threshold are for {yardstick.model_sha256[:12]}…",
            hint="start both with the same configuration and the same pack",
        )
    if config.recognition.pad != "none" and hello.pad_level == "none":
        raise ConfigError(
            "vision detects no presentation attacks, and the lane demands it",
            hint="start both with the same configuration",
        )


def _refuse_simulated(config: Config, part: str, *, simulated: bool) -> None:
    if simulated and config.gate.commissioned:
        raise Refused(f"a commissioned gate has no simulated {part}", hint=_DESK)


@contextlib.contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Only the main thread can have signal handlers; elsewhere `stop` is called by whoever started us."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    ignored = before[signal.SIGINT] is signal.SIG_IGN  # our parent decides about Ctrl-C
    try:
        signal.signal(signal.SIGTERM, lambda *_: stop())
        if not ignored:
            signal.signal(signal.SIGINT, lambda *_: stop())
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
