from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from edge.clock import BootClock
from edge.config.schema import Camera, Cards, Config, Gate, Paths, Pins, Recognition, Site
from edge.core.values import Part
from edge.errors import ConfigError, NotRunning, PartFailed
from edge.packs import Pack
from edge.packs.errors import PackDamaged, PackUnknown
from edge.vision import service
from edge.vision.service import RETRY_MAX_S, RETRY_S, prepare, run, same_face_cosine, serve
from edge.wire.link import Link, Listener
from edge.wire.messages import PROTOCOL, GateHello, PartState, VisionHello, decode_from_vision, encode
from tests.fakes.clock import LOST_S, HandClock
from tests.vision.people import RUNTIME

GATE_HELLO = encode(GateHello(protocol=PROTOCOL, pid=1, site="site", gate="gate"))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    for name in ("run", "run/stage", "state"):
        (tmp_path / name).mkdir()
    return Config(
        site=Site(id="site", issuers=("0" * 64,)),
        gate=Gate(id="gate"),
        paths=Paths(state=tmp_path / "state", runtime=tmp_path / "run"),
        camera=Camera(kind="sim"),
        pins=Pins(kind="sim"),
        cards=Cards(kind="sim"),
        recognition=Recognition(pad="simulated", runtime=RUNTIME),
    )


@pytest.fixture
def gate(config: Config) -> Iterator[Listener]:
    listener = Listener(config.vision_socket, allowed_uids=frozenset({os.getuid()}))
    yield listener
    listener.close()


def spoilt(config: Config, pack: Pack, role: str, tmp_path: Path) -> Config:
    """The same configuration with its own copy of the pack, one bit of which has flipped."""
    models = tmp_path / "models"
    shutil.copytree(pack.detector.folder, models)
    part = getattr(pack, role)
    path = models / part.path.relative_to(part.folder)
    content = bytearray(path.read_bytes())
    content[1000] ^= 0x10
    path.write_bytes(content)
    return msgspec.structs.replace(config, paths=msgspec.structs.replace(config.paths, packs=(models,)))


def test_what_is_prepared_says_what_it_is(config: Config, pack: Pack) -> None:
    prepared = prepare(config, BootClock())
    hello = prepared.hello
    assert hello.embedder_sha256 == pack.embedder.sha256
    assert hello.dimensions == pack.embedder.output.dims
    assert (hello.pad_level, hello.runtime) == ("simulated", RUNTIME)
    assert (hello.camera, hello.camera_simulated) == ("sim", True)
    assert prepared.sight.eye.embeddings == 0


@pytest.mark.parametrize("role", ["detector", "landmarks", "embedder"])
def test_a_spoilt_model_is_not_loaded_and_the_gate_hears_why(
    config: Config, gate: Listener, pack: Pack, tmp_path: Path, role: str
) -> None:
    heard: list[object] = []

    def listen() -> None:
        link = gate.accept(LOST_S)
        assert link is not None
        link.send(GATE_HELLO)
        for _ in range(2):
            datagram = link.receive(LOST_S)
            assert datagram is not None
            heard.append(decode_from_vision(datagram.data))
        link.close()

    listener = threading.Thread(target=listen)
    listener.start()
    with pytest.raises(PackDamaged):
        prepare(spoilt(config, pack, role, tmp_path), BootClock())
    listener.join(LOST_S)
    hello, state = heard
    assert isinstance(hello, VisionHello)
    assert isinstance(state, PartState)
    assert (state.part, state.ok) == (Part.MODEL, False)
    assert getattr(pack, role).path.name in state.why


def test_without_a_gate_a_spoilt_model_is_an_error_all_the_same(config: Config, pack: Pack, tmp_path: Path) -> None:
    with pytest.raises(PackDamaged) as caught:
        run(spoilt(config, pack, "embedder", tmp_path), sandbox="none", clock=HandClock())
    assert caught.value.exit_code == PartFailed.exit_code


def test_an_unknown_pack_is_named(config: Config) -> None:
    unknown = msgspec.structs.replace(config, recognition=Recognition(pack="no-such-pack", runtime=RUNTIME))
    with pytest.raises(PackUnknown, match="no-such-pack"):
        prepare(unknown, BootClock())


def test_a_stage_that_is_taken_is_told_to_the_gate(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[PartState] = []
    monkeypatch.setattr(service, "_tell", lambda _config, _hello, state: told.append(state))
    first = prepare(config, BootClock())
    with pytest.raises(PartFailed):
        prepare(config, BootClock())
    assert [(state.part, state.ok) for state in told] == [(Part.CAMERA, False)]
    assert first.sight.lookout.fault is None


def test_a_track_is_held_to_the_threshold_of_the_lane(config: Config, pack: Pack) -> None:
    measured = pack.thresholds[pack.embedder.sha256][1e-4]
    assert same_face_cosine(config, pack) == measured
    chosen = msgspec.structs.replace(config, recognition=Recognition(threshold=0.5))
    assert same_face_cosine(chosen, pack) == 0.5
    unmeasured = Pack(**{name: getattr(pack, name) for name in pack.__slots__} | {"thresholds": {}})
    with pytest.raises(ConfigError, match="no threshold"):
        same_face_cosine(config, unmeasured)


class Patience(threading.Event):
    """Remembers how long it was asked to wait, and waits for nothing; set after `turns`."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._turns = turns

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        if len(self.waits) >= self._turns:
            self.set()
        return self.is_set()


def test_a_gate_that_is_away_is_asked_for_again_with_patience(config: Config) -> None:
    prepared, stop = prepare(config, BootClock()), Patience(8)

    def nobody(_: Config) -> Link:
        raise NotRunning("the gate does not answer", hint="start it")

    assert serve(prepared, sandbox="test", clock=HandClock(), stop=stop, meet=nobody) == 0
    assert stop.waits == [min(RETRY_S * 2**n, RETRY_MAX_S) for n in range(8)]


def test_a_gate_that_comes_and_goes_is_greeted_each_time(config: Config, caplog: pytest.LogCaptureFixture) -> None:
    prepared, stop = prepare(config, BootClock()), Patience(3)
    hellos: list[VisionHello] = []

    def brief(_: Config) -> Link:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        peer = Link(theirs)
        peer.send(GATE_HELLO)

        class Once(Link):
            """Lets the hello through, then the gate is gone."""

            def send(self, data: bytes, fds: object = ()) -> None:
                super().send(data)
                hello = decode_from_vision(data)
                if isinstance(hello, VisionHello):
                    hellos.append(hello)
                    peer.close()

        return Once(ours)

    with caplog.at_level(logging.WARNING):
        serve(prepared, sandbox="landlock and seccomp", clock=HandClock(), stop=stop, meet=brief)
    assert len(hellos) == 3
    assert {hello.sandbox for hello in hellos} == {"landlock and seccomp"}
    assert len(stop.waits) == 3


def test_sigterm_ends_it_within_a_second(config: Config, gate: Listener) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def end() -> None:
        link = gate.accept(LOST_S)
        assert link is not None
        link.send(GATE_HELLO)
        for _ in range(2):  # the hello and the first counters: it is at work
            assert link.receive(LOST_S) is not None
        signal.raise_signal(signal.SIGTERM)
        with suppress(PartFailed):  # which is how the other end's leaving shows
            while link.receive(LOST_S) is not None:
                pass

    other = threading.Thread(target=end)
    other.start()
    try:
        assert run(config, sandbox="none") == 0
    finally:
        signal.signal(signal.SIGTERM, before)
        other.join(LOST_S)
