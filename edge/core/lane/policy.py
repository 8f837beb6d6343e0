"""The numbers of a lane. Seconds are seconds of the boot clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """What the site chose for this lane; `edge.config` checks the ranges.

    `agreeing` sightings of one track, all captured within `window_s` and none older than `sighting_age_max_s` when it
    arrives, release the lane. `probes_max` bounds how many probes one attempt may compare: every further probe is
    another chance for a stranger, so the error budget counts on it.
    """

    attempt_s: float = 6.0
    agreeing: int = 3
    window_s: float = 2.0
    sighting_age_max_s: float = 1.0
    probes_max: int = 12
    release_s: float = 5.0
    passage_max_s: float = 15.0
    rest_s: float = 1.0
    pad_required: bool = False
