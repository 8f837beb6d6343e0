"""What the gate refuses to be, and how it starts and stops."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.clock import BootClock
from edge.config.schema import Config
from edge.core.decide import Threshold
from edge.errors import ConfigError, PartFailed, Refused
from edge.gate import service
from edge.gate.compare import Yardstick
from edge.gate.service import Gate, admit, measure, prepare, refuse_what_no_lane_may_be, run, serve
from edge.packs import load_pack
from edge.sim.director import Director
from edge.wire.messages import PROTOCOL
from tests.fakes.clock import LOST_S
from tests.fakes.vision import hello
from tests.gate.configs import desk_config
from tests.gate.lane import DIMENSIONS, MODEL, OTHER_MODEL, YARDSTICK
from tests.gate.site import TestSite


@pytest.fixture
def config(tmp_path: Path) -> Config:
    for name in ("state", "run"):
        (tmp_path / name).mkdir(mode=0o700)
    return desk_config(TestSite(BootClock()), tmp_path)


def changed(config: Config, section: str, **settings: Any) -> Config:
    """The configuration with settings of one section changed."""
    return msgspec.structs.replace(config, **{section: msgspec.structs.replace(getattr(config, section), **settings)})


REAL = {"camera": {"kind": "v4l2"}, "pins": {"kind": "gpio"}, "cards": {"kind": "line"}, "recognition": {"pad": "none"}}


def commissioned(config: Config, **simulated: Any) -> Config:
    """A commissioned gate with real parts, but for those that are given."""
    config = changed(config, "gate", commissioned=True)
    for section, settings in (REAL | simulated).items():
        config = changed(config, section, **settings)
    return config


# Refusals ---------------------------------------------------------------------------------
def test_a_lane_with_no_way_in_but_the_face_is_refused(config: Config) -> None:
    with pytest.raises(Refused, match="no way in but the face"):
        prepare(changed(config, "cards", kind="none"), sandbox="")


def test_a_commissioned_gate_with_real_parts_is_not_refused(config: Config) -> None:
    refuse_what_no_lane_may_be(commissioned(config))


@pytest.mark.parametrize(
    ("section", "settings", "part"),
    [
        ("camera", {"kind": "sim"}, "camera"),
        ("pins", {"kind": "sim"}, "pins"),
        ("cards", {"kind": "sim"}, "card reader"),
        ("recognition", {"pad": "simulated"}, "PAD"),
    ],
)
def test_a_commissioned_gate_refuses_every_simulated_part(
    config: Config, section: str, settings: dict[str, str], part: str
) -> None:
    with pytest.raises(Refused, match=f"no simulated {part}"):
        prepare(commissioned(config, **{section: settings}), sandbox="")


def test_a_part_that_says_it_is_simulated_is_refused_whatever_the_configuration_says(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "refuse_what_no_lane_may_be", lambda config: None)
    with pytest.raises(Refused, match="no simulated pins"):
        prepare(commissioned(config, pins={"kind": "sim"}), sandbox="")
    assert not list(config.paths.runtime.glob("*.sock"))


@pytest.mark.parametrize("simulated", [True, False])
def test_a_simulated_camera_is_refused_by_a_commissioned_gate_only(config: Config, simulated: bool) -> None:
    said = hello(MODEL, DIMENSIONS, camera_simulated=simulated)
    admit(config, YARDSTICK, said)
    if simulated:
        with pytest.raises(Refused, match="no simulated camera"):
            admit(commissioned(config), YARDSTICK, said)
    else:
        admit(commissioned(config), YARDSTICK, said)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (hello(MODEL, DIMENSIONS, protocol=PROTOCOL + 1), "protocol"),
        (hello(OTHER_MODEL, DIMENSIONS), "embedder"),
        (hello(MODEL, 2 * DIMENSIONS), "embedder"),
    ],
)
def test_an_eye_that_does_not_fit_is_not_admitted(config: Config, said: Any, word: str) -> None:
    with pytest.raises((Refused, ConfigError), match=word):
        admit(config, YARDSTICK, said)


def test_a_lane_that_demands_pad_admits_no_eye_without(config: Config) -> None:
    demanding = changed(config, "recognition", pad="simulated")
    with pytest.raises(ConfigError, match="no presentation attacks"):
        admit(demanding, YARDSTICK, hello(MODEL, DIMENSIONS, pad_level="none"))
    admit(demanding, YARDSTICK, hello(MODEL, DIMENSIONS, pad_level="simulated"))


# The threshold ----------------------------------------------------------------------------
def test_the_threshold_is_the_measured_one_of_exactly_this_embedder(config: Config) -> None:
    found = measure(config)
    assert 0.0 < found.threshold.accept < 1.0
    assert found.dimensions == 128
    assert len(found.model_sha256) == 64


def test_a_configured_threshold_stands_above_the_measured_one(config: Config) -> None:
    assert measure(changed(config, "recognition", threshold=0.99)).threshold.accept == 0.99


def test_a_pack_without_a_measured_threshold_is_an_error(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass
    class Bare:
        """A pack that nobody measured."""

        embedder: Any
        thresholds: Any

    monkeypatch.setattr("edge.gate.service.load_pack", lambda *args: Bare(load_pack(*args).embedder, {}))
    with pytest.raises(ConfigError, match="no threshold"):
        measure(config)


# Starting and stopping --------------------------------------------------------------------
@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pack is read."""
    monkeypatch.setattr(service, "measure", lambda config: Yardstick(MODEL, DIMENSIONS, Threshold(0.9, 0.02)))


@pytest.mark.usefixtures("quick")
def test_a_gate_that_stops_has_locked_and_leaves_nothing_behind(config: Config) -> None:
    gate = prepare(config, sandbox="")
    thread = threading.Thread(target=serve, args=(gate,))
    thread.start()
    with Director(config.stage_socket) as director:
        director.wait_for(lambda moved: moved.sign == "card only", LOST_S)
    gate.stop()
    thread.join(LOST_S)
    assert not thread.is_alive()
    assert not list(config.paths.runtime.glob("**/*.sock"))
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("edge-")]


@pytest.mark.usefixtures("quick")
def test_sigterm_ends_the_gate_in_order_and_gives_its_handler_back(config: Config) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def end_it_when_it_runs() -> None:
        with Director(config.stage_socket) as director:
            director.wait_for(lambda moved: moved.sign == "card only", LOST_S)
        os.kill(os.getpid(), signal.SIGTERM)

    original = service.serve

    def serve_and_be_ended(gate: Gate) -> None:
        threading.Thread(target=end_it_when_it_runs).start()
        original(gate)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "serve", serve_and_be_ended)
        assert run(config, sandbox="") == 0
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.usefixtures("quick")
def test_two_gates_cannot_share_a_lane_and_the_first_goes_on(config: Config) -> None:
    first = prepare(config, sandbox="")
    with pytest.raises(PartFailed, match="stage"):
        prepare(config, sandbox="")
    assert config.admin_socket.exists()
    assert config.vision_socket.exists()
    first.close()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("broken", ["vision_socket", "sync_socket", "admin_socket"])
def test_a_start_that_fails_gives_everything_back(config: Config, broken: str) -> None:
    path: Path = getattr(config, broken)
    path.mkdir()
    with pytest.raises(PartFailed, match=path.name):
        prepare(config, sandbox="")
    path.rmdir()
    prepare(config, sandbox="").close()
