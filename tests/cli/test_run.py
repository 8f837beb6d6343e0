"""The three real processes under one parent: the answer to "what if one of them dies"."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from edge.core.values import Part
from edge.errors import NotRunning
from edge.wire.admin import Status, StatusRequest
from edge.wire.client import ask
from tests.cli.conftest import Run

LINES = 2000
"""Lines that are read at most before a test gives up; the processes say a few dozen."""


class Desk:
    """`edge-gate run --json`, and what it said."""

    def __init__(self, config: Path) -> None:
        self._socket = config.parent / "run" / "admin.sock"
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "edge", "run", "--config", str(config), "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self._out: IO[str] = self.process.stdout
        self.said: list[dict[str, object]] = []

    def until(self, wanted: Callable[[dict[str, object]], bool]) -> None:
        for _ in range(LINES):
            line = self._out.readline()
            assert line, f"it ended: {self.said[-5:]} {self.process.stderr.read() if self.process.stderr else ''}"
            self.said.append(json.loads(line))
            if wanted(self.said[-1]):
                return
        pytest.fail("it never said so")

    def status(self) -> Status:
        answer = ask(self._socket, StatusRequest())
        assert isinstance(answer, Status)
        return answer

    def until_status(self, wanted: Callable[[Status], bool]) -> Status:
        for _ in range(400):  # twenty seconds: what changes is in other processes
            try:
                status = self.status()
            except NotRunning:
                status = None
            if status is not None and wanted(status):
                return status
            select.select([], [], [], 0.05)
        pytest.fail(f"it never came so far: {status}")

    def stopped_in_order(self) -> None:
        self.until(lambda said: said == {"states": {"gate": "stopped", "vision": "stopped", "sync": "stopped"}})
        assert self.process.wait(60) == 0
        states = [said["states"] for said in self.said if "states" in said]
        assert all(state["gate"] == "running" for state in states[:-1] if isinstance(state, dict))


def works(part: Part) -> Callable[[Status], bool]:
    return lambda status: all(report.ok for report in status.parts if report.part is part)


@pytest.fixture
def desk(config: Path) -> Iterator[Desk]:
    (config.parent / "faces").mkdir()
    running = Desk(config)
    yield running
    if running.process.poll() is None:
        running.process.terminate()
    running.process.communicate(timeout=60)


@pytest.mark.slow
def test_ctrl_c_reaches_all_and_the_gate_still_ends_last(config: Path, request: pytest.FixtureRequest) -> None:
    """A gate with typed cards reads the terminal, so it has to be in its group, where Ctrl-C goes to everybody."""
    config.write_text(config.read_text().replace('[cards]\nkind = "sim"', '[cards]\nkind = "line"'))
    desk: Desk = request.getfixturevalue("desk")
    desk.until_status(lambda status: all(part.ok for part in status.parts))
    os.killpg(desk.process.pid, signal.SIGINT)
    desk.stopped_in_order()


@pytest.mark.slow
def test_vision_dies_the_gate_lives_and_says_so_and_vision_comes_back(desk: Desk) -> None:
    began = desk.until_status(lambda status: set(status.sandboxes) == {"gate", "vision", "sync"})
    began = desk.until_status(lambda status: all(part.ok for part in status.parts))
    assert "not connected" in began.link
    children = Path(f"/proc/{desk.process.pid}/task/{desk.process.pid}/children").read_text().split()
    names = {Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[4].decode(): int(pid) for pid in children}
    assert set(names) == {"gate", "vision", "sync"}

    os.kill(names["vision"], signal.SIGKILL)
    lost = desk.until_status(lambda status: not works(Part.VISION)(status))
    assert lost.uptime_s >= began.uptime_s
    assert "vision" in lost.face
    back = desk.until_status(works(Part.VISION))
    assert back.uptime_s >= lost.uptime_s, "the gate never went"

    desk.process.send_signal(signal.SIGINT)
    desk.stopped_in_order()
    for pid in names.values():
        assert not Path(f"/proc/{pid}").exists()


@pytest.mark.slow
def test_nothing_is_left_when_the_parent_is_killed(desk: Desk) -> None:
    desk.until_status(lambda status: all(part.ok for part in status.parts))
    children = Path(f"/proc/{desk.process.pid}/task/{desk.process.pid}/children").read_text().split()
    pidfds = [os.pidfd_open(int(pid)) for pid in children]
    desk.process.kill()
    desk.process.wait()
    for pidfd in pidfds:
        assert select.select([pidfd], [], [], 60)[0]
        os.close(pidfd)


def test_run_refuses_a_configuration_with_mistakes(edge_gate: Run, config: Path) -> None:
    config.write_text(config.read_text().replace('[cards]\nkind = "sim"', '[cards]\nkind = "none"'))
    ended = edge_gate("run", "--config", config)
    assert ended.code == 3
    assert "by face only" in ended.err


@pytest.mark.parametrize("process", ["gate", "vision"])
def test_a_folder_that_cannot_be_made_is_named(config: Path, process: str) -> None:
    (config.parent / "run").write_text("a file")
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "edge", process, "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 6
    assert "cannot be made" in ended.stderr
