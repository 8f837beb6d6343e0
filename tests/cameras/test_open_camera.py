"""The configuration names the camera, and nothing else chooses one."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from edge.config.schema import Config
from edge.errors import PartFailed
from edge.vision.cameras import open_camera
from edge.vision.cameras.newest import NewestCamera
from tests.fakes.clock import HandClock


def config(tmp_path: Path, kind: str, device: str) -> Config:
    return msgspec.convert(
        {
            "site": {"id": "s", "issuers": ["0" * 64]},
            "gate": {"id": "g"},
            "paths": {"state": tmp_path / "state", "runtime": tmp_path},
            "camera": {"kind": kind, "device": device},
            "pins": {"kind": "sim"},
            "cards": {"kind": "sim"},
        },
        Config,
    )


@pytest.mark.parametrize(
    ("kind", "device", "name", "simulated"),
    [
        ("folder", "/x/pictures", "folder camera /x/pictures", True),
        ("video", "/x/lane.avi", "video camera /x/lane.avi", True),
        ("v4l2", "7", "camera /dev/video7", False),
    ],
)
def test_each_kind_is_its_adapter_and_says_whether_it_is_simulated(
    tmp_path: Path, kind: str, device: str, name: str, simulated: bool
) -> None:
    camera = open_camera(config(tmp_path, kind, device), HandClock())
    assert isinstance(camera, NewestCamera)
    assert (camera.name, camera.simulated) == (name, simulated)
    assert not camera.present()
    with pytest.raises(PartFailed, match=name):  # and no other camera is tried
        camera.open()


def test_the_simulated_one_listens_on_the_stage(tmp_path: Path) -> None:
    settings = config(tmp_path, "sim", "")
    camera = open_camera(settings, HandClock())
    assert isinstance(camera, NewestCamera)
    assert camera.simulated
    assert (settings.stage_socket / "camera.sock").is_socket()
    with pytest.raises(PartFailed, match="somebody else listens"):
        open_camera(settings, HandClock())
    camera._source._cues.close()  # type: ignore[attr-defined]
