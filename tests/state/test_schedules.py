"""Whatever a broker, a power cut and a rotation of keys do together, the gate ends where the site is."""

from __future__ import annotations

import os

from edge.core.freshness import Reason
from tests.state.schedules import STEPS, run

SCHEDULES = 400 if os.environ.get("CI") else 25


def test_every_schedule_ends_where_the_site_is() -> None:
    """Ten thousand by hand (`tests/state/schedules.py`); some hundred in CI, fewer at a desk."""
    told = run(SCHEDULES, 1000)
    assert told["fresh"] > SCHEDULES * STEPS / 10, "a gate that is never fresh proves nothing"
    assert {str(Reason.BEHIND), str(Reason.TOO_OLD), "AnswerRefused", "RolledBack", "NotSigned"} <= told.keys()
