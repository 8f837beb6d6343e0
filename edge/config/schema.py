"""Every setting of a gate, typed, with its default and its limits. One TOML file; nothing else configures anything.

A setting that would be unsafe to guess has no default. `edge.config.load` checks ranges, then the rules across
settings (`edge.config.rules`), and reports every mistake of the file at once, with its line and a suggestion.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from edge.core.lane import LanePolicy

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]*\Z",
        description="a name of at most 64 letters, digits, dots, dashes and underscores",
        examples=["north-gate"],
    ),
]
PublicKey = Annotated[
    str, Meta(pattern=r"\A[0-9a-f]{64}\Z", description="an Ed25519 public key in 64 lower-case hexadecimal digits")
]
Unit = Annotated[float, Meta(ge=0.0, le=1.0)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Root of all sections."""


class Site(Settings, frozen=True):
    """Whose gate this is, and whose signature makes a consent."""

    id: Name
    """The site that consents are given to."""
    issuers: Annotated[tuple[PublicKey, ...], Meta(min_length=1, max_length=16)]
    """Keys whose signature makes a consent."""
    profile: Literal["cn", "eu", "us-il"] = "cn"
    """Whose law the notices and limits follow; the default is the strictest."""
    kind: Annotated[
        Literal["compound", "office", "campus", "venue"],
        Meta(description='one of "compound", "office", "campus", "venue" (no private space: FRT Measures, art. 13)'),
    ] = "compound"
    """What kind of place this is."""


class Gate(Settings, frozen=True):
    """This gate. A commissioned gate refuses simulated parts and images from files."""

    id: Name
    """This gate, as consents name it."""
    commissioned: bool = False
    """True on a lane that people use: no simulated part, no image from a file."""
    operator_group: Annotated[str, Meta(max_length=32)] = ""
    """Unix group whose members may enrol and erase; empty: only the user that the gate runs as."""


class Paths(Settings, frozen=True):
    """Where state lives (root-only, on disk) and where sockets live (gone after a reboot)."""

    state: Path
    """The vault, on a disk that outlives a reboot."""
    runtime: Path
    """The sockets of the three processes and of operators."""
    packs: tuple[Path, ...] = ()
    """Further folders with model packs, before the built-in ones."""


class Lane(Settings, frozen=True):
    """The numbers of `edge.core.lane.LanePolicy`."""

    attempt_s: Annotated[float, Meta(ge=1.0, le=30.0)] = 6.0
    """Longest opening of the eye after one intent, in seconds."""
    agreeing: Annotated[int, Meta(ge=2, le=20)] = 3
    """Sightings of one track that must agree on one subject."""
    window_s: Annotated[float, Meta(ge=0.2, le=10.0)] = 2.0
    """Time within which they were all captured."""
    sighting_age_max_s: Annotated[float, Meta(ge=0.1, le=5.0)] = 1.0
    """Age above which a sighting no longer counts."""
    probes_max: Annotated[int, Meta(ge=2, le=100)] = 12
    """Probes that one attempt may compare: each is another chance for a stranger."""
    release_s: Annotated[float, Meta(ge=0.5, le=15.0)] = 5.0
    """Longest pulse of the relay."""
    passage_max_s: Annotated[float, Meta(ge=2.0, le=60.0)] = 15.0
    """Time after which a passage that does not end is an alarm."""
    rest_s: Annotated[float, Meta(ge=0.2, le=10.0)] = 1.0
    """Pause between a passage and the next attempt."""

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
    """Which adapter looks, and where."""

    kind: Literal["sim", "folder", "video", "v4l2"]
    """The adapter: simulated lane, images of a folder, a video file, a V4L2 device."""
    device: Annotated[str, Meta(max_length=4096)] = ""
    """Number or /dev path for v4l2, file for video, folder of pictures for folder and sim."""
    width: Annotated[int, Meta(ge=160, le=4096)] = 640
    """Pixels that are asked of the device."""
    height: Annotated[int, Meta(ge=120, le=4096)] = 480
    """Pixels that are asked of the device."""
    fps: Annotated[int, Meta(ge=1, le=120)] = 30
    """Frames a second that are asked of the device."""
    zone: tuple[Unit, Unit, Unit, Unit] = (0.15, 0.0, 0.85, 1.0)
    """Left, top, right, bottom of the zone in front of the gate, in fractions of the frame."""


class Recognition(Settings, frozen=True):
    """Which models, and how sure is sure. Without `threshold` the pack's measured one for `fmr` counts."""

    pack: Name = "dlib-resnet"
    """The model pack, by name."""
    fmr: Literal["1e-3", "1e-4", "1e-5"] = "1e-4"
    """False match rate whose measured threshold is used."""
    threshold: Annotated[float, Meta(ge=-1.0, le=1.0)] | None = None
    """Cosine from which a comparison is a match, in place of the measured one."""
    margin: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.02
    """Cosine by which the best subject must beat every other."""
    pad: Literal["none", "simulated"] = "none"
    """Presentation attack detection."""
    runtime: Literal["litert", "tflite-runtime"] = "litert"
    """The interpreter of the models."""
    threads: Annotated[int, Meta(ge=1, le=8)] = 1
    """Threads of the interpreter."""
    face_min_px: Annotated[int, Meta(ge=40, le=1000)] = 80
    """Height of the face box below which a capture is unfit."""


class Pins(Settings, frozen=True):
    """Which adapter drives the relay, and which line is what. Line numbers are the chip's (Pi: BCM)."""

    kind: Literal["sim", "gpio"]
    """The adapter: simulated lane, or lines of a gpiochip."""
    chip: Annotated[str, Meta(max_length=64)] = ""
    """Label of the gpiochip, for example "pinctrl-bcm2711"; numbers change between kernels."""
    relay: Annotated[int, Meta(ge=0, le=511)] = 17
    """Output: releases the lane."""
    relay_active_high: bool = True
    """Which level releases."""
    presence: Annotated[int, Meta(ge=0, le=511)] | None = 22
    """Input: somebody stands before the gate."""
    button: Annotated[int, Meta(ge=0, le=511)] | None = None
    """Input: somebody asks to pass."""
    passage: Annotated[int, Meta(ge=0, le=511)] | None = 23
    """Input: the arms have left their rest."""
    lamp_green: Annotated[int, Meta(ge=0, le=511)] | None = 24
    """Output: the lane is free."""
    lamp_red: Annotated[int, Meta(ge=0, le=511)] | None = 25
    """Output: the lane is shut."""
    debounce_s: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.02
    """Shortest level of an input that counts."""


class Cards(Settings, frozen=True):
    """The second way in. `kind = "none"` makes a face-only lane, which is refused."""

    kind: Literal["none", "sim", "line"]
    """The adapter: simulated, or a reader (or a person) that types lines."""
    device: Annotated[str, Meta(max_length=4096)] = "-"
    """For line: a reader that types lines, as a path to its tty, or "-" for standard input."""


class Broker(Settings, frozen=True):
    """Where the site's broker is. Without a host the gate is on its own, and hears of no withdrawal by itself."""

    host: Annotated[str, Meta(max_length=253)] = ""
    """Name or address, as the broker's certificate names it."""
    port: Annotated[int, Meta(ge=1, le=65_535)] = 8883
    """Its TLS port; there is no other."""
    authority: Path | None = None
    """PEM: whose certificates count, which is the site's own authority."""
    certificate: Path | None = None
    """PEM: what this gate shows."""
    key: Path | None = None
    """PEM, not encrypted, readable by `sync` only: the certificate's key."""


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
    broker: Broker = field(default_factory=Broker)

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
