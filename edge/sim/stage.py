"""The director's words to the simulated parts, as datagrams on Unix sockets in the runtime folder.

Each simulated part binds a socket of its own (`<stage>/camera.sock`, `<stage>/pins.sock`); the director sends `Cue`s
there, and reads what the pins did (`Moved`) from the socket that it named in `Watch`. A simulated part says so in its
name, in its port (`simulated`), and in `status`; a commissioned gate does not start with one.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from edge.errors import InputError

MAX_CUE_BYTES = 4096
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

    path: Annotated[str, Meta(min_length=1, max_length=100)]


class Moved(Struct, frozen=True, forbid_unknown_fields=True):
    """What the simulated pins show after a change; `at` is the boot clock."""

    at: float
    relay: bool
    sign: str
    refusal: str = ""
    detail: str = ""
    other_ways: tuple[str, ...] = ()


Any = Scene | Sense | PresentCard | Watch
_DECODE = msgspec.json.Decoder(Any)


def decode_cue(data: bytes) -> Any:
    """Parse one cue. Raises `InputError`."""
    if len(data) > MAX_CUE_BYTES:
        raise InputError(f"a cue of {len(data)} bytes is above {MAX_CUE_BYTES}", hint="use `edge.sim.stage` to send it")
    try:
        return _DECODE.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"a cue does not parse: {error}", hint="use `edge.sim.stage` to send it") from None


def encode_cue(cue: Cue) -> bytes:
    """JSON of `cue`."""
    return msgspec.json.encode(cue)
