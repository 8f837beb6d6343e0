"""The demo is the product's main job, and its JSON is an interface."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from rich.console import Console

from edge.core.lane import Sign
from edge.demo.drawing import WIDTH, Line, View, draw, picture

pytest.importorskip("skimage", reason="the demo's stranger comes with scikit-image (extra: demo)")
pytest.importorskip("matplotlib", reason="the demo's resident comes with matplotlib (extra: demo)")

WITHIN_S = 240


@pytest.mark.slow
def test_the_day_at_the_gate_comes_out_as_promised() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge", "demo", "--json"], capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    wrong = [step for step in told["steps"] if not step["ok"]]
    assert not wrong
    assert told["ok"] is True
    assert done.returncode == 0
    assert all(set(step) == {"name", "expected", "happened", "ms", "ok"} for step in told["steps"])
    names = [step["name"] for step in told["steps"]]
    assert "consent and enrolment" in names
    assert "withdrawal" in names
    assert "camera pulled" in names


def test_a_camera_that_is_none_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge", "demo", "--camera", "webcam"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stderr.startswith("edge-gate: error: --camera webcam names no camera")


def test_the_picture_has_one_size_whatever_it_shows() -> None:
    views = [
        View(),
        View(free=True, people=("resident",), place="between"),
        View(people=("resident", "friend"), place="before", words="more than one person in the zone " * 5),
        View(plugged=False, sign=Sign.CARD_ONLY.value, people=("card",), place="through", card=True),
    ]
    sizes = {len(picture(view).plain.splitlines()) for view in views}
    assert len(sizes) == 1
    assert all(len(line) <= WIDTH for view in views for line in picture(view).plain.splitlines())


def test_a_failed_step_is_marked() -> None:
    console = Console(record=True, width=100)
    console.print(
        draw(View(title="lane"), (Line("card", "open", 3.0, ok=True), Line("stranger", "open", 9.0, ok=False)), "")
    )
    text = console.export_text()
    assert "✓" in text
    assert "✗" in text
