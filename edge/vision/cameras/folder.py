"""A folder of images as a camera: in order of their names, at the configured rate, again and again.

For measuring and for the desk. A picture that cannot be read is left out with a warning that names it, once; a folder
without a readable picture is a failed camera.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import InputError, PartFailed
from edge.vision.cameras.pictures import SUFFIXES, fit, read_picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.config.schema import Camera as Settings
    from edge.core.values import Instant
    from edge.vision.cameras.pace import Pace

LOOP = True
"""Whether the folder begins again after its last picture; else the camera fails there."""
MAX_FILES = 100_000
_log = logging.getLogger(__name__)


class FolderSource:
    """`settings.device` is the folder; it is read all along. Pictures are scaled to the configured size."""

    simulated = True

    def __init__(self, settings: Settings, pace: Pace, *, loop: bool = LOOP) -> None:
        self.name = f"folder camera {settings.device}"
        self.skipped: set[str] = set()
        """Names of the files that could not be read."""
        self._folder = Path(settings.device)
        self._shape = (settings.height, settings.width)
        self._pace, self._loop = pace, loop
        self._files: list[Path] = []
        self._next = 0

    def present(self) -> bool:
        """Whether the folder exists."""
        return self._folder.is_dir()

    def start(self) -> tuple[int, int]:
        """List the folder. Raises `PartFailed`."""
        try:
            found = [path for path in self._folder.iterdir() if path.suffix.lower() in SUFFIXES]
        except OSError as error:
            raise self._failed(f"cannot be listed: {error.strerror}") from None
        if not found:
            raise self._failed("has no .jpg or .png file")
        if len(found) > MAX_FILES:
            raise self._failed(f"has more than {MAX_FILES} images")
        self._files, self._next = sorted(found), 0
        self._pace.start()
        return self._shape

    def fill(self, image: NDArray[np.uint8]) -> Instant | None:
        """The next readable picture, at the next beat."""
        at = self._pace.beat()
        if at is None:
            return None
        for _ in self._files:
            if self._next == len(self._files):
                if not self._loop:
                    raise self._failed("has shown its last image")
                self._next = 0
            path = self._files[self._next]
            self._next += 1
            try:
                fit(read_picture(path), image)
            except InputError as error:
                self._skip(path.name, error.message)
            else:
                return at
        raise self._failed(f"has no readable image ({len(self.skipped)} skipped)")

    def stop(self) -> None:
        """Forget the list."""
        self._files = []

    def interrupt(self) -> None:
        """Do not wait for the next beat."""
        self._pace.end()

    def _skip(self, name: str, why: str) -> None:
        if name not in self.skipped:
            self.skipped.add(name)
            _log.warning("%s skipped (%d so far)", why, len(self.skipped))

    def _failed(self, what: str) -> PartFailed:
        return PartFailed(f"{self.name} {what}", hint="set camera.device to a folder with JPEG or PNG images")
