"""What the rules need from the world, and nothing of how it is done. One adapter per file implements one of these.

Each port has one contract suite in `tests/contracts/`, which every adapter and every fake passes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from edge.core.lane import Sign
    from edge.core.values import Instant, Intent, Refusal, WallTime, Way


class Clock(Protocol):
    """The two clocks of `edge.core.values`, passed in so that no test ever sleeps."""

    def now(self) -> Instant:
        """Seconds on the boot clock."""
        ...

    def wall(self) -> WallTime:
        """Seconds since 1970-01-01 UTC, as the calendar says."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: BGR uint8 [height, width, 3], borrowed from a buffer that the next frame overwrites."""

    number: int
    captured_at: Instant
    image: NDArray[np.uint8] = field(repr=False)


class Camera(Protocol):
    """Delivers the newest frame; older ones are dropped, never queued."""

    @property
    def simulated(self) -> bool:
        """Whether no light is involved; a commissioned gate refuses such a camera."""
        ...

    def present(self) -> bool:
        """Whether the device is there, without capturing. Cheap enough for once a second."""
        ...

    def open(self) -> None:
        """Start to capture. Raises `PartFailed` that names the device."""
        ...

    def newest(self, timeout_s: float) -> Frame | None:
        """The newest frame not handed out before, waiting up to `timeout_s`; None if none came (a stall).

        The image is valid until the next call. Raises `PartFailed` when the device is gone.
        """
        ...

    def close(self) -> None:
        """Stop to capture and overwrite every buffer with zeros. Closing twice is no error."""
        ...


class Turnstile(Protocol):
    """The relay and the lamps. Every energising is bounded by the driver itself, not only by its caller."""

    @property
    def simulated(self) -> bool:
        """Whether no wire is involved; a commissioned gate refuses such a turnstile."""
        ...

    def release(self, for_s: float) -> None:
        """Energise the relay for at most `for_s` seconds from now; a later call sets a new end.

        The driver de-energises by a timer of its own, also when its caller never returns. Raises `PartFailed`.
        """
        ...

    def lock(self) -> None:
        """De-energise the relay at once."""
        ...

    def show(self, sign: Sign) -> None:
        """Set the lamps to a lasting sign."""
        ...

    def refuse(self, way: Way, reason: Refusal, detail: str, other_ways: tuple[Way, ...]) -> None:
        """Show a refusal for a moment: the reason, and the other ways in."""
        ...

    def granted(self, way: Way) -> None:
        """Show that the lane is free."""
        ...

    def close(self) -> None:
        """De-energise, then let go of the pins."""
        ...


class Inputs(Protocol):
    """Presence, button, passage. The callbacks run on any thread and must only enqueue."""

    def listen(
        self,
        *,
        intent_began: Callable[[Intent], None],
        intent_ended: Callable[[], None],
        passage_began: Callable[[], None],
        passage_ended: Callable[[], None],
    ) -> None:
        """Report edges from now on, and first the levels that are already active."""
        ...

    def close(self) -> None:
        """Stop to report."""
        ...


class CardReader(Protocol):
    """Gives the numbers of cards as text; whoever calls hashes them at once."""

    @property
    def simulated(self) -> bool:
        """Whether no card is involved."""
        ...

    def listen(self, read: Callable[[str], None]) -> None:
        """Call `read` with each number from now on, on any thread."""
        ...

    def close(self) -> None:
        """Stop to report."""
        ...


class Interpreter(Protocol):
    """One verified model, ready to run on one thread."""

    def __call__(self, image: NDArray[Any]) -> list[NDArray[Any]]:
        """Run the model on one input tensor [1, height, width, channels]; copies of the outputs, in file order."""
        ...
