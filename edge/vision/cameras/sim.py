"""The simulated lane camera: paints whatever `Scene` the director last cued. No light is involved, and it says so.

Rule 1.  Cues are heard whether the camera is open or closed, by whoever asks it anything; the newest scene counts.
Rule 2.  An unplugged camera is gone (`present`, `open` and `newest` say so); a stalled one is there and silent.
Rule 3.  A scene with a face that is not in the folder fails the camera, by name: a demo that silently showed an empty
         lane instead would test nothing.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import PartFailed
from edge.sim.stage import Scene
from edge.vision.cameras.faces import Face, read_faces
from edge.vision.cameras.scenery import Scenery

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.config.schema import Camera as Settings
    from edge.core.values import Instant
    from edge.sim.server import CueSocket
    from edge.vision.cameras.pace import Pace

MAX_CUES_AT_ONCE = 64
"""Heard between two frames; a director who says more is heard later, and delays no frame."""


class SimSource:
    """`settings.device` is the folder with the faces, or empty for a lane that stays empty."""

    simulated = True

    def __init__(self, settings: Settings, pace: Pace, cues: CueSocket) -> None:
        self.name = "sim camera"
        self._settings, self._pace, self._cues = settings, pace, cues
        self._hearing = threading.Lock()
        self._scene = Scene()
        self._faces: dict[str, Face] | None = None
        self._scenery: Scenery | None = None
        self._beats = 0

    def present(self) -> bool:
        """Whether the director left it plugged in."""
        return self._newest_scene().plugged

    def start(self) -> tuple[int, int]:
        """Read the faces (once) and draw the lane. Raises `PartFailed`, `InputError`."""
        if not self.present():
            raise self._unplugged()
        if self._faces is None:
            self._faces = read_faces(Path(self._settings.device)) if self._settings.device else {}
        if self._scenery is None:
            self._scenery = Scenery(self._settings.width, self._settings.height, self._faces)
        self._beats = 0
        self._pace.start()
        return self._settings.height, self._settings.width

    def fill(self, image: NDArray[np.uint8]) -> Instant | None:
        """Paint the scene at the next beat."""
        at = self._pace.beat()
        if at is None or self._scenery is None:
            return None
        scene = self._newest_scene()
        if not scene.plugged:
            raise self._unplugged()
        if unknown := self._scenery.unknown(scene):
            raise PartFailed(
                f"the scene asks for {', '.join(sorted(unknown))}, and {self._settings.device!r} has no such image",
                hint="put <name>.jpg or <name>.png into the folder of camera.device",
            )
        self._beats += 1
        if scene.stalled:
            return None
        self._scenery.paint(scene, self._beats * self._pace.period_s, image)
        return at

    def stop(self) -> None:
        """Nothing is held."""

    def interrupt(self) -> None:
        """Do not wait for the next beat."""
        self._pace.end()

    def _newest_scene(self) -> Scene:
        with self._hearing:
            for _ in range(MAX_CUES_AT_ONCE):
                match self._cues.receive(0.0):
                    case Scene() as scene:
                        self._scene = scene
                    case None:
                        break
                    case _:
                        pass  # a cue for another part says nothing to a camera
            return self._scene

    def _unplugged(self) -> PartFailed:
        return PartFailed(f"{self.name} is unplugged", hint="the director unplugged it; let them plug it in again")
