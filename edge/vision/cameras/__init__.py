"""Cameras behind the one port `edge.ports.Camera`: one adapter a file, chosen by name in the configuration.

There is no second choice: a camera that does not open is a failed part, never a reason to try another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from edge.sim.server import CueSocket
from edge.sim.stage import CAMERA_SOCKET
from edge.vision.cameras.folder import FolderSource
from edge.vision.cameras.newest import NewestCamera
from edge.vision.cameras.pace import Pace
from edge.vision.cameras.sim import SimSource
from edge.vision.cameras.v4l2 import V4l2Source
from edge.vision.cameras.video import VideoSource

if TYPE_CHECKING:
    from edge.config.schema import Config
    from edge.ports import Camera, Clock


def open_camera(config: Config, clock: Clock) -> Camera:
    """The camera that `config.camera` names, not capturing yet. Touches no device.

    Raises `PartFailed` only for the simulated one, if its stage is taken.
    """
    settings = config.camera
    pace = Pace(settings.fps, clock)
    match settings.kind:
        case "sim":
            return NewestCamera(SimSource(settings, pace, CueSocket(config.stage_socket / CAMERA_SOCKET)))
        case "folder":
            return NewestCamera(FolderSource(settings, pace))
        case "video":
            return NewestCamera(VideoSource(settings, pace))
        case "v4l2":
            return NewestCamera(V4l2Source(settings, clock))
        case _ as unreachable:
            assert_never(unreachable)
