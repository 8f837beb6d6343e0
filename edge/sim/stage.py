"""The director's words to the simulated parts, as datagrams on Unix sockets in the runtime folder.

Each simulated part binds a socket of its own: `Scene` goes to the camera, `Sense` and `Watch` to the pins, and
`PresentCard` to the card reader. What the pins did (`Moved`) comes back on the socket that a `Watch` named. A simulated
part says so in its name, in its port (`simulated`), and in `status`; a commissioned gate does not start with one.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from edge.errors import InputError

CAMERA_SOCKET = "camera.sock"
PINS_SOCKET = "pins.sock"
CARDS_SOCKET = "cards.sock"
"""File names inside `Config.stage_socket`, which is a folder."""
MAX_CUE_BYTES = 4096
T = TypeVar("T")
Name = Annotated[str, Meta(max_length=64, pattern=r"\A[A-Za-z0-9_.-]*\Z")]


class Cue(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """Root of everything that a director may say."""


class Person(Struct, frozen=True, forbid_unknown_fields=True):
    """One face in the scene: the stem of an image in the camera's folder, and how it stands there."""

    face: Name
    height_px: Annotated[float, Meta(ge=20, le=2000)] = 170.0
    """Height of the face (brow to chin box of the detector, about) in the frame."""
    x: Annotated[float, Meta(ge=-0.5, le=1.5)] = 0.5
    y: Annotated[float, Meta(ge=-0.5, le=1.5)] = 0.45
    """Centre of the face in fractions of the frame."""
    roll_deg: Annotated[float, Meta(ge=-180, le=180)] = 0.0
    sway_px: Annotated[float, Meta(ge=0, le=200)] = 3.0
    """Amplitude of a slow movement from frame to frame."""


class Scene(Cue, frozen=True):
    """What the simulated lane camera sees from the next frame on."""

    people: Annotated[tuple[Person, ...], Meta(max_length=4)] = ()
    light: Annotated[float, Meta(ge=0.0, le=4.0)] = 1.0
    """Factor on brightness: 0 is night, 1 as photographed, 2 glare."""
    noise: Annotated[float, Meta(ge=0.0, le=50.0)] = 3.0
    """Standard deviation of sensor noise in grey levels."""
    blur_px: Annotated[float, Meta(ge=0.0, le=30.0)] = 0.0
    """Sigma of motion or focus blur."""
    plugged: bool = True
    """False: the device is gone, as when somebody pulls the cable."""
    stalled: bool = False
    """True: the device is there, and delivers no more frames."""


class Sense(Cue, frozen=True):
    """Set the level of an input of the simulated lane."""

    presence: bool | None = None
    button: bool | None = None
    passage: bool | None = None


class PresentCard(Cue, frozen=True):
    """Hold a card to the simulated reader."""

    number: Annotated[str, Meta(min_length=1, max_length=64)]


class Watch(Cue, frozen=True):
    """Send every `Moved` from now on (the present state first) to the datagram socket at `path`."""

    path: Annotated[str, Meta(min_length=1, max_length=107)]


class Moved(Struct, frozen=True, forbid_unknown_fields=True):
    """What the simulated pins show after a change; `at` is the boot clock."""

    at: float
    relay: bool
    sign: str
    refusal: str = ""
    detail: str = ""
    other_ways: tuple[str, ...] = ()


AnyCue = Scene | Sense | PresentCard | Watch
_CUE: msgspec.json.Decoder[AnyCue] = msgspec.json.Decoder(AnyCue)
_MOVED = msgspec.json.Decoder(Moved)
_HINT = "let `edge.sim.director` speak to the stage, of the same version as the parts"


def decode_cue(data: bytes) -> AnyCue:
    """Parse one cue. Raises `InputError`."""
    return _decode(_CUE, data, "cue")


def decode_moved(data: bytes) -> Moved:
    """Parse one report of the pins. Raises `InputError`."""
    return _decode(_MOVED, data, "report")


def encode(word: Cue | Moved) -> bytes:
    """JSON of `word`. Raises `InputError` above `MAX_CUE_BYTES`."""
    return _bounded(msgspec.json.encode(word), type(word).__name__)


def _decode(decoder: msgspec.json.Decoder[T], data: bytes, what: str) -> T:
    try:
        return decoder.decode(_bounded(data, what))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"a {what} does not parse: {error}", hint=_HINT) from None


def _bounded(data: bytes, what: str) -> bytes:
    if len(data) > MAX_CUE_BYTES:
        raise InputError(f"a {what} of {len(data)} bytes is above {MAX_CUE_BYTES}", hint=_HINT)
    return data
