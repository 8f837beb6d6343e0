"""What must hold between settings, each rule with the law, the data sheet or the failure behind it.

A rule is a function whose parameters are the settings that it reads (`camera_kind` is `camera.kind`). It runs if each
of them could be read, whatever else is wrong in the file, and yields what it finds: the setting to point at, what is
wrong, and the way out.

Rule 1.  Face is never the only way in (CN-7), and without an intent nobody is scanned (EU-2).
Rule 2.  A commissioned gate has no simulated part and no picture from a file: a photograph would be its resident. Its
         issuers' keys are nobody's example.
Rule 3.  A line has one function, and a relay's line rests, while the board powers up, at the level that locks.
Rule 4.  Times and frames fit into each other: a window into its attempt, a pulse into its passage.
Rule 5.  State and sockets lie where only the gate writes, and where the kernel can reach them.
Rule 6.  A broker is met with both sides' certificates or not at all; there is no plain connection.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

MAX_SOCKET_PATH_BYTES = 107
"""sun_path holds 108 bytes with its closing zero (unix(7))."""
LONGEST_SOCKET = "stage/camera.sock"
PULLED_UP_BCM = range(9)
"""BCM lines that power up pulled high; 9 to 27 power up pulled low (BCM2835 peripherals, table 6-31)."""
HEADER_BCM = range(28)
"""BCM lines that reach the 40-pin header."""
SAFE_BCM = 17
PUBLISHED_KEYS = {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a": "RFC 8032, test 1"}
"""Public keys whose private half anybody can read; our example file has the first."""
PI_CHIPS = ("pinctrl-bcm", "pinctrl-rp1")
_DESK = "or set gate.commissioned = false for a desk or a test"
_GONE_AFTER_REBOOT = tuple(Path(folder) for folder in ("/run", "/tmp", "/dev/shm"))  # noqa: S108 - refused, not used
_WRITABLE_BY_ALL = tuple(Path(folder) for folder in ("/tmp", "/var/tmp", "/dev/shm"))  # noqa: S108 - likewise


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that the file breaks: which setting to point at, what is wrong, and the way out."""

    key: str
    message: str
    suggestion: str


Rule = Callable[..., Iterator[Breach]]
RULES: list[tuple[dict[str, str], Rule]] = []
"""Each rule after its parameters (name -> dotted key)."""


def breaches(values: Mapping[str, Any]) -> Iterator[Breach]:
    """Every breach among `values` (dotted key -> value; a setting that could not be read is not in it)."""
    for reads, rule in RULES:
        if all(key in values for key in reads.values()):
            yield from rule(**{name: values[key] for name, key in reads.items()})


def _rule(rule: Rule) -> Rule:
    RULES.append(({name: name.replace("_", ".", 1) for name in inspect.signature(rule).parameters}, rule))
    return rule


# Rule 1 ------------------------------------------------------------------------------------
@_rule
def _face_is_never_the_only_way(*, cards_kind: str) -> Iterator[Breach]:
    if cards_kind == "none":
        yield Breach(
            "cards.kind",
            "this lane would let people in by face only",
            "the law wants an equal way without a face on the same lane (China: FRT Measures 2025, art. 10): "
            'set kind = "line" and connect a reader, or let people type their card',
        )


@_rule
def _somebody_has_to_ask(*, pins_presence: int | None, pins_button: int | None) -> Iterator[Breach]:
    if pins_presence is None and pins_button is None:
        yield Breach(
            "pins.presence",
            "nothing tells the gate that somebody wants to pass, so the camera would never open",
            "nobody is scanned without asking: give the line of a presence sensor or of a button",
        )


# Rule 2 ------------------------------------------------------------------------------------
@_rule
def _a_commissioned_gate_has_a_camera(*, gate_commissioned: bool, camera_kind: str) -> Iterator[Breach]:
    if gate_commissioned and camera_kind != "v4l2":
        what = "a simulated camera" if camera_kind == "sim" else "pictures from a file"
        yield Breach(
            "camera.kind",
            f"a commissioned gate refuses {what}",
            f'set kind = "v4l2" and name a real device; {_DESK}',
        )


@_rule
def _a_commissioned_gate_has_pins(*, gate_commissioned: bool, pins_kind: str) -> Iterator[Breach]:
    if gate_commissioned and pins_kind == "sim":
        yield Breach(
            "pins.kind",
            "a commissioned gate refuses simulated pins",
            f'set kind = "gpio" and name the chip; {_DESK}',
        )


@_rule
def _a_commissioned_gate_has_a_reader(*, gate_commissioned: bool, cards_kind: str) -> Iterator[Breach]:
    if gate_commissioned and cards_kind == "sim":
        yield Breach(
            "cards.kind",
            "a commissioned gate refuses a simulated card reader",
            f'set kind = "line" and name the reader; {_DESK}',
        )


@_rule
def _a_commissioned_gate_does_not_pretend(*, gate_commissioned: bool, recognition_pad: str) -> Iterator[Breach]:
    if gate_commissioned and recognition_pad == "simulated":
        yield Breach(
            "recognition.pad",
            "a commissioned gate refuses a simulated attack detection: it would call every photograph alive",
            f'set pad = "none", and say so in the notice; {_DESK}',
        )


@_rule
def _an_issuer_counts_once(*, site_issuers: tuple[str, ...]) -> Iterator[Breach]:
    if len(set(site_issuers)) != len(site_issuers):
        yield Breach("site.issuers", "the same issuer key stands twice", "keep it once: a key is one voice")


@_rule
def _an_issuer_keeps_its_key_secret(*, gate_commissioned: bool, site_issuers: tuple[str, ...]) -> Iterator[Breach]:
    for key in site_issuers if gate_commissioned else ():
        if key in PUBLISHED_KEYS:
            yield Breach(
                "site.issuers",
                f"everybody can sign for one of these issuers: its private key is published ({PUBLISHED_KEYS[key]})",
                "make a key for your site with `edge-gate admin`, and put its public half here",
            )


# Rule 3 ------------------------------------------------------------------------------------
@_rule
def _a_line_has_one_function(
    *,
    pins_relay: int,
    pins_presence: int | None,
    pins_button: int | None,
    pins_passage: int | None,
    pins_lamp_green: int | None,
    pins_lamp_red: int | None,
) -> Iterator[Breach]:
    functions = {
        "relay": pins_relay,
        "presence": pins_presence,
        "button": pins_button,
        "passage": pins_passage,
        "lamp_green": pins_lamp_green,
        "lamp_red": pins_lamp_red,
    }
    free = next(line for line in HEADER_BCM if line not in PULLED_UP_BCM and line not in functions.values())
    for (first, line), (second, other) in combinations(functions.items(), 2):
        if line is not None and line == other:
            yield Breach(
                f"pins.{second}",
                f"line {line} is given to both {first} and {second}",
                f"give {second} a line of its own, for example {free}",
            )


@_rule
def _the_relay_is_off_at_power_up(
    *, pins_kind: str, pins_chip: str, pins_relay: int, pins_relay_active_high: bool
) -> Iterator[Breach]:
    if pins_kind != "gpio" or not pins_chip.startswith(PI_CHIPS):
        return
    line = f"line {pins_relay}"
    if pins_relay not in HEADER_BCM:
        yield Breach(
            "pins.relay",
            f"{line} of {pins_chip} does not reach the header",
            f"use one of 9 to 27, for example relay = {SAFE_BCM}",
        )
    elif pins_relay_active_high and pins_relay in PULLED_UP_BCM:
        yield Breach(
            "pins.relay",
            f"{line} is pulled high while the board powers up, and the relay would open the lane",
            f"use one of 9 to 27, for example relay = {SAFE_BCM}, with a pull-down resistor of its own",
        )
    elif not pins_relay_active_high and pins_relay not in PULLED_UP_BCM:
        yield Breach(
            "pins.relay_active_high",
            f"{line} is pulled low while the board powers up, and a relay that is active low would open the lane",
            "use a relay that is active high (or put a transistor before it) and set relay_active_high = true",
        )


@_rule
def _a_chip_has_a_label(*, pins_kind: str, pins_chip: str) -> Iterator[Breach]:
    if pins_kind == "gpio" and not pins_chip:
        yield Breach(
            "pins.chip",
            "the chip that has the lines is not named",
            'give its label as `gpiodetect` prints it, for example chip = "pinctrl-bcm2711" on a Pi 4',
        )


# Rule 4 ------------------------------------------------------------------------------------
@_rule
def _the_window_fits_into_the_attempt(*, lane_window_s: float, lane_attempt_s: float) -> Iterator[Breach]:
    if lane_window_s > lane_attempt_s:
        yield Breach(
            "lane.window_s",
            f"agreeing sightings may be {lane_window_s:g} s apart, but an attempt ends after {lane_attempt_s:g} s",
            f"choose window_s of at most {lane_attempt_s:g}, or a longer attempt_s",
        )


@_rule
def _an_old_sighting_does_not_count(*, lane_sighting_age_max_s: float, lane_window_s: float) -> Iterator[Breach]:
    if lane_sighting_age_max_s > lane_window_s:
        yield Breach(
            "lane.sighting_age_max_s",
            f"a sighting could be {lane_sighting_age_max_s:g} s old, but all must agree within {lane_window_s:g} s",
            f"choose sighting_age_max_s of at most {lane_window_s:g}, or a longer window_s",
        )


@_rule
def _enough_probes_to_agree(*, lane_agreeing: int, lane_probes_max: int) -> Iterator[Breach]:
    if lane_agreeing > lane_probes_max:
        yield Breach(
            "lane.probes_max",
            f"{lane_agreeing} probes have to agree, but an attempt compares {lane_probes_max}: nobody could pass",
            f"choose probes_max of at least {lane_agreeing}, or fewer agreeing",
        )


@_rule
def _enough_frames_to_agree(*, lane_agreeing: int, lane_window_s: float, camera_fps: int) -> Iterator[Breach]:
    frames = int(camera_fps * lane_window_s)
    if lane_agreeing > frames:
        yield Breach(
            "lane.agreeing",
            f"{lane_agreeing} frames have to agree within {lane_window_s:g} s, but the camera gives {frames}",
            "choose fewer agreeing, a longer window_s, or more fps",
        )


@_rule
def _the_pulse_ends_before_the_passage(*, lane_release_s: float, lane_passage_max_s: float) -> Iterator[Breach]:
    if lane_release_s >= lane_passage_max_s:
        yield Breach(
            "lane.release_s",
            f"the relay would be on for {lane_release_s:g} s, but a passage may last {lane_passage_max_s:g} s",
            f"choose release_s below {lane_passage_max_s:g}, or a longer passage_max_s",
        )


@_rule
def _the_zone_has_an_area(*, camera_zone: tuple[float, float, float, float]) -> Iterator[Breach]:
    left, top, right, bottom = camera_zone
    if left >= right or top >= bottom:
        yield Breach(
            "camera.zone",
            "the zone has no area, so nobody could stand in it",
            "give left, top, right, bottom as fractions of the frame, for example zone = [0.15, 0.0, 0.85, 1.0]",
        )


@_rule
def _the_smallest_face_fits_into_the_frame(*, recognition_face_min_px: int, camera_height: int) -> Iterator[Breach]:
    if recognition_face_min_px >= camera_height:
        yield Breach(
            "recognition.face_min_px",
            f"a face of {recognition_face_min_px} pixels does not fit into a frame of {camera_height}",
            f"choose face_min_px well below {camera_height}, for example 80",
        )


@_rule
def _a_camera_has_a_device(*, camera_kind: str, camera_device: str) -> Iterator[Breach]:
    number = camera_device.isascii() and camera_device.isdigit()
    if camera_kind == "v4l2" and not number and not camera_device.startswith("/dev/"):
        yield Breach(
            "camera.device",
            "the camera's device is not named",
            'give its number or path, for example device = "0" or device = "/dev/video0"',
        )
    if camera_kind in {"folder", "video"} and not camera_device:
        yield Breach("camera.device", f"the {camera_kind} to look at is not named", "give its path: device = …")


# Rule 5 ------------------------------------------------------------------------------------
@_rule
def _state_and_sockets_are_apart(*, paths_state: Path, paths_runtime: Path) -> Iterator[Breach]:
    if paths_state.is_relative_to(paths_runtime) or paths_runtime.is_relative_to(paths_state):
        yield Breach(
            "paths.runtime",
            "sockets and state share a folder, so whoever may reach a socket could reach the vault",
            'use two folders side by side, for example "/var/lib/edge-gate" and "/run/edge-gate"',
        )


@_rule
def _socket_paths_fit(*, paths_runtime: Path) -> Iterator[Breach]:
    length = len(bytes(paths_runtime / LONGEST_SOCKET))
    if length > MAX_SOCKET_PATH_BYTES:
        yield Breach(
            "paths.runtime",
            f"the path of a socket in it has {length} bytes, and the kernel takes {MAX_SOCKET_PATH_BYTES}",
            'choose a shorter folder, for example "/run/edge-gate"',
        )


@_rule
def _a_commissioned_gate_keeps_its_state(
    *, gate_commissioned: bool, paths_state: Path, paths_runtime: Path
) -> Iterator[Breach]:
    if not gate_commissioned:
        return
    if any(paths_state.is_relative_to(folder) for folder in _GONE_AFTER_REBOOT):
        yield Breach("paths.state", f"{paths_state} is gone after a reboot", 'use "/var/lib/edge-gate"')
    if any(paths_runtime.is_relative_to(folder) for folder in _WRITABLE_BY_ALL):
        yield Breach("paths.runtime", f"anybody may write beside {paths_runtime}", 'use "/run/edge-gate"')


# Rule 6 ------------------------------------------------------------------------------------
@_rule
def _a_broker_shows_and_sees_certificates(
    *,
    broker_host: str,
    broker_authority: Path | None,
    broker_certificate: Path | None,
    broker_key: Path | None,
) -> Iterator[Breach]:
    files = {"authority": broker_authority, "certificate": broker_certificate, "key": broker_key}
    for name, path in files.items():
        if broker_host and path is None:
            yield Breach(
                f"broker.{name}",
                f"a broker is named, and its {name} is not",
                f'name the PEM file, for example {name} = "broker/{name}.pem"; the site\'s administrator has made it',
            )
    if not broker_host and any(files.values()):
        yield Breach(
            "broker.host", "there are files for a broker, and no broker", 'name it, for example host = "gate-broker"'
        )
