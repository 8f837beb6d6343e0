"""A gate's folders, and a child process that is confined and tries things there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.sandbox import landlock
from edge.sandbox.wall import Absent
from tests.config.texts import DESK

CHILD = Path(__file__).with_name("child.py")
Tries = Callable[..., dict[str, str]]


@dataclass(frozen=True)
class Site:
    root: Path
    config: Path
    state: Path
    runtime: Path
    faces: Path


@pytest.fixture
def site(tmp_path: Path) -> Site:
    config = tmp_path / "gate.toml"
    config.write_text(DESK)
    for name in ("state", "run/stage", "faces"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "state" / "vault").write_text("templates")
    (tmp_path / "faces" / "a.txt").write_text("a face")
    return Site(tmp_path, config, tmp_path / "state", tmp_path / "run", tmp_path / "faces")


@pytest.fixture
def tries() -> Tries:
    def run(tries: dict[str, str], **asked: Any) -> dict[str, str]:
        ended = subprocess.run(
            [sys.executable, str(CHILD), json.dumps({"tries": tries, **asked}, default=str)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        came: dict[str, str] = json.loads(ended.stdout.splitlines()[-1])
        return came

    return run


@pytest.fixture
def landlock_abi() -> int:
    try:
        return landlock.abi()
    except Absent as absent:
        pytest.skip(f"this machine cannot show it: {absent}")
