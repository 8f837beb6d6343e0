"""Configurations for tests: a desk with everything simulated."""

from __future__ import annotations

from pathlib import Path

from edge.config.schema import Camera, Cards, Config, Gate, Lane, Paths, Pins, Recognition, Site
from tests.gate.site import GATE, SITE, TestSite


def desk_config(site: TestSite, folder: Path = Path("/nowhere"), *, pad: str = "none") -> Config:
    """The gate of `site`, with camera, pins and cards simulated, state and sockets in `folder`."""
    return Config(
        site=Site(id=SITE, issuers=(site.issuer,)),
        gate=Gate(id=GATE),
        paths=Paths(state=folder / "state", runtime=folder / "run"),
        camera=Camera(kind="sim"),
        pins=Pins(kind="sim"),
        cards=Cards(kind="sim"),
        lane=Lane(attempt_s=5.0, release_s=0.5, rest_s=0.2, passage_max_s=5.0),
        recognition=Recognition(pad="simulated" if pad == "simulated" else "none"),
    )
