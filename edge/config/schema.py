"""Every setting of a gate, typed, with its default and its limits. One TOML file; nothing else configures anything.

A setting that would be unsafe to guess has no default. `edge.config.load` checks ranges, then the rules across
settings (`edge.config.rules`), and reports every mistake of the file at once, with its line and a suggestion.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from edge.core.lane import LanePolicy

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]*\Z")]
PublicKey = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
"""Ed25519 public key, hex."""
Unit = Annotated[float, Meta(ge=0.0, le=1.0)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Root of all sections."""


class Site(Settings, frozen=True):
    """Whose gate this is, and whose signature makes a consent."""

    id: Name
    issuers: Annotated[tuple[PublicKey, ...], Meta(min_length=1, max_length=16)]
    profile: Literal["cn", "eu", "us-il"] = "cn"
    kind: Literal["compound", "office", "campus", "venue"] = "compound"


class Gate(Settings, frozen=True):
    """This gate. A commissioned gate refuses simulated parts and images from files."""

    id: Name
    commissioned: bool = False
    operator_group: Annotated[str, Meta(max_length=32)] = ""
    """Unix group whose members may enrol and erase; empty: only the user that the gate runs as."""


class Paths(Settings, frozen=True):
    """Where state lives (root-only, on disk) and where sockets live (gone after a reboot)."""

    state: Path
    runtime: Path
    packs: tuple[Path, ...] = ()
    """Further folders with model packs, before the built-in ones."""


class Lane(Settings, frozen=True):
    """The numbers of `edge.core.lane.LanePolicy`."""

    attempt_s: Annotated[float, Meta(ge=1.0, le=30.0)] = 6.0
    agreeing: Annotated[int, Meta(ge=2, le=20)] = 3
    window_s: Annotated[float, Meta(ge=0.2, le=10.0)] = 2.0
    sighting_age_max_s: Annotated[float, Meta(ge=0.1, le=5.0)] = 1.0
    probes_max: Annotated[int, Meta(ge=2, le=100)] = 12
    release_s: Annotated[float, Meta(ge=0.5, le=15.0)] = 5.0
    passage_max_s: Annotated[float, Meta(ge=2.0, le=60.0)] = 15.0
    rest_s: Annotated[float, Meta(ge=0.2, le=10.0)] = 1.0

    def policy(self, *, pad_required: bool) -> LanePolicy:
        """The policy for `edge.core.lane.step`."""
        return LanePolicy(
            attempt_s=self.attempt_s,
            agreeing=self.agreeing,
            window_s=self.window_s,
            sighting_age_max_s=self.sighting_age_max_s,
            probes_max=self.probes_max,
            release_s=self.release_s,
            passage_max_s=self.passage_max_s,
            rest_s=self.rest_s,
            pad_required=pad_required,
        )


class Camera(Settings, frozen=True):
    """Which adapter looks. `device` is a number or path for v4l2, a folder for folder, a file for video."""

    kind: Literal["sim", "folder", "video", "v4l2"]
    device: Annotated[str, Meta(max_length=4096)] = ""
    width: Annotated[int, Meta(ge=160, le=4096)] = 640
    height: Annotated[int, Meta(ge=120, le=4096)] = 480
    fps: Annotated[int, Meta(ge=1, le=120)] = 30
    zone: tuple[Unit, Unit, Unit, Unit] = (0.15, 0.0, 0.85, 1.0)
    """Left, top, right, bottom of the zone in front of the gate, in fractions of the frame."""


class Recognition(Settings, frozen=True):
    """Which models, and how sure is sure. Without `threshold` the pack's measured one for `fmr` counts."""

    pack: Name = "dlib-resnet"
    fmr: Literal["1e-3", "1e-4", "1e-5"] = "1e-4"
    threshold: Annotated[float, Meta(ge=-1.0, le=1.0)] | None = None
    margin: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.02
    pad: Literal["none", "simulated"] = "none"
    runtime: Literal["litert", "tflite-runtime"] = "litert"
    threads: Annotated[int, Meta(ge=1, le=8)] = 1
    face_min_px: Annotated[int, Meta(ge=40, le=1000)] = 80
    """Height of the face box below which a capture is unfit."""


class Pins(Settings, frozen=True):
    """Which adapter drives the relay, and which line is what. Line numbers are the chip's (Pi: BCM)."""

    kind: Literal["sim", "gpio"]
    chip: Annotated[str, Meta(max_length=64)] = ""
    """Label of the gpiochip, for example "pinctrl-bcm2711"; numbers change between kernels."""
    relay: Annotated[int, Meta(ge=0, le=511)] = 17
    relay_active_high: bool = True
    presence: Annotated[int, Meta(ge=0, le=511)] | None = 22
    button: Annotated[int, Meta(ge=0, le=511)] | None = None
    passage: Annotated[int, Meta(ge=0, le=511)] | None = 23
    lamp_green: Annotated[int, Meta(ge=0, le=511)] | None = 24
    lamp_red: Annotated[int, Meta(ge=0, le=511)] | None = 25
    debounce_s: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.02


class Cards(Settings, frozen=True):
    """The second way in. `kind = "none"` makes a face-only lane, which is refused."""

    kind: Literal["none", "sim", "line"]
    device: Annotated[str, Meta(max_length=4096)] = "-"
    """For line: a reader that types lines, as a path to its tty, or "-" for standard input."""


class Config(Settings, frozen=True):
    """The whole file."""

    site: Site
    gate: Gate
    paths: Paths
    camera: Camera
    pins: Pins
    cards: Cards
    lane: Lane = field(default_factory=Lane)
    recognition: Recognition = field(default_factory=Recognition)

    @property
    def vision_socket(self) -> Path:
        """Where `vision` meets `gate`."""
        return self.paths.runtime / "vision.sock"

    @property
    def sync_socket(self) -> Path:
        """Where `sync` meets `gate`."""
        return self.paths.runtime / "sync.sock"

    @property
    def admin_socket(self) -> Path:
        """Where operators meet `gate`."""
        return self.paths.runtime / "admin.sock"

    @property
    def stage_socket(self) -> Path:
        """Where simulated parts are played (never on a commissioned gate)."""
        return self.paths.runtime / "stage"
