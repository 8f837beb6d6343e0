"""Configurations to begin with."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "firmware_config" / "gate.example.toml"
KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
OWN_KEY = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"

DESK = f"""\
[site]
id = "compound"
issuers = ["{KEY}"]

[gate]
id = "north"

[paths]
state = "state"
runtime = "run"

[camera]
kind = "sim"
device = "faces"

[pins]
kind = "sim"

[cards]
kind = "sim"
"""

LANE = f"""\
[site]
id = "compound"
issuers = ["{OWN_KEY}"]

[gate]
id = "north"
commissioned = true

[paths]
state = "/var/lib/edge-gate"
runtime = "/run/edge-gate"

[camera]
kind = "v4l2"
device = "0"

[pins]
kind = "gpio"
chip = "pinctrl-bcm2711"

[cards]
kind = "line"
device = "/dev/ttyS0"
"""


def with_setting(text: str, key: str, value: str) -> str:
    """`text` with `section.name = value` in place of whatever stood there."""
    section, name = key.split(".")
    lines = text.splitlines()
    if f"[{section}]" not in lines:
        lines += [f"[{section}]"]
    at = lines.index(f"[{section}]")
    end = next((n for n in range(at + 1, len(lines)) if lines[n].startswith("[")), len(lines))
    kept = [line for line in lines[at + 1 : end] if not line.startswith(f"{name} =")]
    return "\n".join([*lines[: at + 1], f"{name} = {value}", *kept, *lines[end:], ""])
