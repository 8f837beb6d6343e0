"""Is this capture good enough to be compared, and if not, what should the person do about it?

Rule 1.  A gate never guesses from a bad capture: outside the limits it says one `Unfit`, the one that the person can
         mend first (come nearer before turning, turn before finding better light, light before holding still).
Rule 2.  Measuring touches pixels (`edge.vision.meter`); judging is a pure comparison of numbers with named limits. So
         limits can be tested, drawn and argued about without an image.
Rule 3.  What is not a number is outside every limit.
Rule 4.  `quality` ranks captures of one person for fusion, in [0, 1] (a unified quality score in the sense of ISO/IEC
         29794-1). It is no probability.

The limits were chosen on a 40 % sample of LFW with synthetic blur, darkness, glare, shadow and cover: `docs/vision.md`
has the table, with how often each limit is wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.core.values import Unfit
from edge.vision.landmarks import Pose


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on one face."""

    face_px: float
    """Height of the detector's box, about brow to chin, in frame pixels."""
    fills: float
    """The same as a fraction of the frame's height."""
    inside: float
    """Fraction of the mesh that lies inside the frame."""
    pose: Pose
    luma: float
    """Mean grey level of the face, 0 to 255."""
    glare: float
    """Fraction of the face that is so bright that it holds no structure."""
    evenness: float
    """Mean grey level of the darker half of the face over that of the brighter one, 0 to 1."""
    sharpness: float
    """Structure of two pixels over structure of six pixels of the patch, in the blurrier direction; no unit."""
    clearness: float
    """The detector's score in its second look, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Outside of these a capture is unfit. Units as in `Measured`; angles in degrees."""

    face_min_px: float = 80.0
    fills_max: float = 0.90
    inside_min: float = 0.97
    yaw_max_deg: float = 30.0
    pitch_max_deg: float = 25.0
    roll_max_deg: float = 35.0
    luma_min: float = 20.0
    luma_max: float = 235.0
    glare_max: float = 0.50
    evenness_min: float = 0.25
    sharpness_min: float = 0.16
    clearness_min: float = 0.80


def reference_limits(face_min_px: float) -> Limits:
    """Stricter limits for a capture that becomes a reference: it is compared for months, a probe for a moment."""
    return Limits(
        face_min_px=face_min_px,
        yaw_max_deg=20.0,
        pitch_max_deg=20.0,
        roll_max_deg=25.0,
        luma_min=35.0,
        luma_max=225.0,
        glare_max=0.25,
        evenness_min=0.40,
        sharpness_min=0.19,
        clearness_min=0.82,
    )


def judge(measured: Measured, limits: Limits) -> Unfit | None:
    """Why a capture is unfit, or None. Pure."""
    m, pose = measured, measured.pose
    # Each row says what has to hold; so that NaN, of which no comparison is true, is unfit.
    rows = (
        (m.face_px >= limits.face_min_px, Unfit.TOO_SMALL),
        (m.fills <= limits.fills_max, Unfit.TOO_NEAR),
        (m.inside >= limits.inside_min, Unfit.OFF_ZONE),
        (abs(pose.yaw_deg) <= limits.yaw_max_deg, Unfit.TURNED),
        (abs(pose.pitch_deg) <= limits.pitch_max_deg, Unfit.TURNED),
        (abs(pose.roll_deg) <= limits.roll_max_deg, Unfit.TURNED),
        (m.luma >= limits.luma_min, Unfit.TOO_DARK),
        (m.luma <= limits.luma_max, Unfit.TOO_BRIGHT),
        (m.glare <= limits.glare_max, Unfit.TOO_BRIGHT),
        (m.evenness >= limits.evenness_min, Unfit.HARSH_LIGHT),
        (m.sharpness >= limits.sharpness_min, Unfit.BLURRED),
        (m.clearness >= limits.clearness_min, Unfit.COVERED),
    )
    return next((reason for holds, reason in rows if not holds), None)


def quality(measured: Measured) -> float:
    """A unified quality score in [0, 1]: the geometric mean of how far each measure is from bad to good. Pure."""
    m = measured
    turned = max(abs(m.pose.yaw_deg), abs(m.pose.pitch_deg))
    parts = (
        _ramp(m.face_px, 40.0, 160.0),
        _ramp(turned, 45.0, 8.0),
        _ramp(m.luma, 8.0, 60.0),
        _ramp(m.glare, 0.8, 0.05),
        _ramp(m.evenness, 0.1, 0.7),
        _ramp(m.sharpness, 0.12, 0.25),
        _ramp(m.clearness, 0.65, 0.90),
    )
    return float(math.prod(parts) ** (1 / len(parts)))


def _ramp(value: float, bad: float, good: float) -> float:
    """0 at `bad` and beyond, 1 at `good` and beyond, a straight line between; 0 for what is not a number."""
    share = (value - bad) / (good - bad)
    return min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
