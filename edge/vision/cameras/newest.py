"""The newest frame wins: the one mechanism that turns any source of pictures into a `edge.ports.Camera`.

Rule 1.  A thread captures into a `Ring` of three buffers, so that nothing queues and what is on loan stays as it is.
Rule 2.  A frame is as old as its light: the source names the instant of capture, before it decodes.
Rule 3.  Only the capture thread touches the device, from the opening to the release. To release a device under a thread
         that reads from it crashes the process (OpenCV), so nobody else ever does.
Rule 4.  Whatever ends that thread is what `newest` raises, as `PartFailed`, until the camera is opened again.
Rule 5.  `open` and `close` are bounded. A thread that hangs inside its driver is left behind: it cannot be killed, it
         holds one buffer of its own, and it zeroes that and releases the device when the driver lets go. Until then
         `open` says so instead of starting a second thread on the same device.
Rule 6.  Closing zeroes the buffers, the one on loan included.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from edge.errors import EdgeError, PartFailed
from edge.vision.cameras.ring import Ring

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.core.values import Instant
    from edge.ports import Frame

OPEN_WAIT_S = 5.0
"""A USB camera answers within two seconds, its own power-up included."""
CLOSE_WAIT_S = 1.0
_log = logging.getLogger(__name__)


class Source(Protocol):
    """One device or file, as its adapter sees it. All but `present` and `interrupt` run on the capture thread."""

    @property
    def name(self) -> str:
        """How messages call it: its kind and the device."""
        ...

    @property
    def simulated(self) -> bool:
        """See `edge.ports.Camera.simulated`."""
        ...

    def present(self) -> bool:
        """See `edge.ports.Camera.present`."""
        ...

    def start(self) -> tuple[int, int]:
        """Begin to capture; (height, width) of every picture to come. Raises an `EdgeError`."""
        ...

    def fill(self, image: NDArray[np.uint8]) -> Instant | None:
        """Wait for the next picture, write all of it into `image` (BGR uint8 [height, width, 3]) and return when it was
        captured; None when none came. Raises an `EdgeError` when the device is gone.
        """
        ...

    def stop(self) -> None:
        """Release the device. Called once for each `start`, also for one that failed."""
        ...

    def interrupt(self) -> None:
        """Make a waiting `fill` return soon, if the device knows how. Called from another thread."""
        ...


class NewestCamera:
    """A `edge.ports.Camera` over any `Source`. Used by one reader; `close` may come from another thread."""

    def __init__(self, source: Source, *, open_wait_s: float = OPEN_WAIT_S, close_wait_s: float = CLOSE_WAIT_S) -> None:
        self._source = source
        self._open_wait_s, self._close_wait_s = open_wait_s, close_wait_s
        self._lock = threading.Lock()  # of open and close
        self._capture: _Capture | None = None
        self._hanging: _Capture | None = None

    @property
    def name(self) -> str:
        """How messages call it."""
        return self._source.name

    @property
    def simulated(self) -> bool:
        """Whether no light is involved."""
        return self._source.simulated

    def present(self) -> bool:
        """Whether the device is there."""
        return self._source.present()

    def open(self) -> None:
        """Start to capture; an open camera starts afresh. Raises `PartFailed` that names the device."""
        with self._lock:
            self._close()
            if self._hanging is not None and self._hanging.running:
                raise PartFailed(
                    f"{self.name} still hangs in its driver since it was closed",
                    hint="unplug it and plug it in again; a restart of the process frees it too",
                )
            self._hanging = None
            capture = _Capture(self._source)
            if not capture.started(self._open_wait_s):
                capture.end(PartFailed(f"{self.name} did not open", hint="it is being closed"))
                self._hanging = capture
                raise PartFailed(
                    f"{self.name} did not open within {self._open_wait_s:g} s",
                    hint="unplug it and plug it in again, or try another port",
                )
            self._capture = capture

    def newest(self, timeout_s: float) -> Frame | None:
        """The newest frame not handed out before; None if none came in time. Raises `PartFailed`."""
        capture = self._capture
        if capture is None or capture.ring is None:
            raise PartFailed(f"{self.name} is not open", hint="open it first; this is a mistake in edge-gate")
        return capture.ring.take(timeout_s)

    def close(self) -> None:
        """Stop to capture and zero the buffers; returns within `close_wait_s` whatever the device does."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is None:
            return
        capture.end(PartFailed(f"{self.name} was closed", hint="open it again"))
        if not capture.finished(self._close_wait_s):
            _log.warning("%s hangs in its driver; it is left behind", self.name)
            self._hanging = capture


class _Capture:
    """One opening of the device, and its thread."""

    def __init__(self, source: Source) -> None:
        self.ring: Ring | None = None
        self._source = source
        self._stop = threading.Event()
        self._started = threading.Event()
        self._failure: PartFailed | None = None
        self._thread = threading.Thread(target=self._run, name=f"capture {source.name}", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the thread still holds the device."""
        return self._thread.is_alive()

    def started(self, timeout_s: float) -> bool:
        """Wait for the device to open. Raises `PartFailed` if it could not, False if it has not said."""
        if not self._started.wait(timeout_s):
            return False
        if self.ring is None and self._failure is not None:
            raise self._failure
        return True

    def end(self, why: PartFailed) -> None:
        """Ask the thread to end; what is lent and ready is zeroed at once."""
        self._stop.set()
        self._source.interrupt()
        if self.ring is not None:
            self.ring.end(why)
            self.ring.wipe()

    def finished(self, timeout_s: float) -> bool:
        """Wait for the thread."""
        self._thread.join(timeout_s)
        return not self.running

    def _run(self) -> None:
        failure = None
        try:
            ring = Ring(*self._source.start())
            self.ring = ring
            self._started.set()
            while not self._stop.is_set():
                captured_at = self._source.fill(ring.canvas)
                if captured_at is not None:
                    ring.publish(captured_at)
        except Exception as error:  # noqa: BLE001 - rule 4: whatever it was, the reader learns of it
            failure = _failed(self._source.name, error)
        self._release()
        if self.ring is not None:
            self.ring.wipe_canvas()
            self.ring.end(failure or PartFailed(f"{self._source.name} was closed", hint="open it again"))
            if self._stop.is_set():  # a frame published while we were being closed
                self.ring.wipe()
        self._failure = failure
        self._started.set()

    def _release(self) -> None:
        try:
            self._source.stop()
        except Exception as error:  # noqa: BLE001 - a driver that cannot even let go must not hide why we close
            _log.warning("%s", _failed(self._source.name, error).message)


def _failed(name: str, error: Exception) -> PartFailed:
    if isinstance(error, EdgeError):
        return PartFailed(error.message, hint=error.hint)
    return PartFailed(f"{name} failed: {type(error).__name__}: {error}", hint="unplug it and plug it in again")
