"""Real children, tiny ones: started again when they end, stopped in order, and never left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge.clock import BootClock
from edge.config.load import load
from edge.errors import PartFailed
from edge.supervise.backoff import Backoff
from edge.supervise.child import MAX_LINE_BYTES, Spec
from edge.supervise.desk import processes
from edge.supervise.supervisor import Changed, Said, Supervisor
from tests.config.texts import DESK
from tests.supervise.stage import LOST_S, POLITE, STUBBORN, Play, python


def open_fds() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def ends(pid: int) -> bool:
    """Wait until the process `pid`, which is not ours, is gone."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], LOST_S)[0])
    finally:
        os.close(pidfd)


# Restarting ---------------------------------------------------------------------------------
def test_a_killed_child_comes_back_and_the_others_never_went() -> None:
    with Play([python("gate", POLITE, essential=True), python("vision", POLITE)]) as play:
        play.says("gate", "up")
        play.says("vision", "up")
        before = play.supervisor.pids()
        os.kill(before["vision"], signal.SIGKILL)
        assert play.until_state("vision", "restarts in") == "restarts in 0.01 s (signal 9)"
        play.until_said("vision", "up")
        after = play.supervisor.pids()
        assert after["gate"] == before["gate"]
        assert after["vision"] != before["vision"]


def test_an_essential_child_that_crashes_is_restarted_too() -> None:
    with Play([python("gate", POLITE, essential=True), python("vision", POLITE)]) as play:
        play.until_said("gate", "up")
        os.kill(play.supervisor.pids()["gate"], signal.SIGSEGV)
        play.until_state("gate", "restarts in")
        play.until_said("gate", "up")


def test_each_failure_in_a_row_doubles_the_pause() -> None:
    backoff = Backoff(first_s=0.01, most_s=0.03, healthy_s=1000.0)
    with Play([python("vision", "raise SystemExit(6)")], backoff=backoff) as play:
        pauses = [play.until_state("vision", "restarts in") for _ in range(4)]
    assert pauses == [f"restarts in {pause} s (exit 6)" for pause in (0.01, 0.02, 0.03, 0.03)]


@pytest.mark.parametrize("code", [2, 3, 5])
def test_a_refusal_is_not_repeated(code: int) -> None:
    with Play([python("gate", POLITE, essential=True), python("vision", f"raise SystemExit({code})")]) as play:
        play.until_state("vision", f"ended (exit {code}), not started again")
        play.says("gate", "up")
        assert set(play.supervisor.pids()) == {"gate"}


def test_a_refusal_of_the_gate_ends_everything_with_its_code() -> None:
    with Play([python("gate", "raise SystemExit(5)", essential=True), python("vision", POLITE)]) as play:
        assert play.ended() == 5
    assert play.supervisor.pids() == {}


# Stopping -----------------------------------------------------------------------------------
def test_the_gate_is_stopped_when_the_others_are_gone() -> None:
    specs = [python("gate", POLITE, essential=True), python("vision", POLITE), python("sync", POLITE)]
    with Play(specs) as play:
        for name in ("gate", "vision", "sync"):
            play.says(name, "up")
        play.supervisor.stop()
        assert play.ended() == 0
    byes = [name for name, line in play.lines() if line == "bye"]
    assert sorted(byes[:2]) == ["sync", "vision"]
    assert byes[2:] == ["gate"]
    last = play.seen[-1]
    assert isinstance(last, Changed)
    assert set(last.states.values()) == {"stopped"}
    gone = next(n for n, e in enumerate(play.seen) if isinstance(e, Changed) and e.states["vision"] == "stopped")
    assert gone < play.seen.index(Said("gate", "bye"))


def test_who_does_not_stop_is_killed_after_the_grace() -> None:
    with Play([python("gate", POLITE, essential=True), python("vision", STUBBORN)], grace_s=0.05) as play:
        play.until_said("vision", "up")
        play.supervisor.stop()
        assert play.ended() == 0
    assert ("vision", "no") in play.lines()


def test_a_second_stop_kills_at_once() -> None:
    with Play([python("gate", STUBBORN, essential=True), python("vision", STUBBORN)]) as play:
        play.until_said("vision", "up")
        play.supervisor.stop()
        play.until_said("vision", "no")
        play.supervisor.stop()
        assert play.ended() == 0


def test_the_same_signal_twice_is_one_stop() -> None:
    with Play([python("gate", POLITE, essential=True), python("vision", POLITE)], again_s=1e6) as play:
        play.says("gate", "up")
        play.says("vision", "up")
        play.supervisor.stop()
        play.says("vision", "bye")
        play.supervisor.stop()
        assert play.ended() == 0
    assert ("gate", "bye") in play.lines()


def test_a_stop_while_somebody_waits_for_a_restart() -> None:
    with Play([python("vision", "raise SystemExit(6)")], backoff=Backoff(first_s=1e6, most_s=1e6)) as play:
        play.until_state("vision", "restarts in")
        play.supervisor.stop()
        assert play.ended() == 0


def test_a_stop_before_the_start_and_after_the_end() -> None:
    supervisor = Supervisor([python("vision", POLITE)], clock=BootClock(), report=lambda _: None)
    supervisor.stop()
    assert supervisor.run() == 0
    supervisor.stop()


def test_nothing_stays_open() -> None:
    before = open_fds()
    for _ in range(3):
        with Play([python("gate", POLITE, essential=True), python("vision", "raise SystemExit(6)")]) as play:
            play.until_state("vision", "restarts in")
    assert open_fds() == before


@pytest.mark.parametrize("gate", [POLITE, STUBBORN])
def test_no_child_is_left_when_the_report_fails(gate: str) -> None:
    pids: list[int] = []

    def report(event: object) -> None:
        pids.extend(supervisor.pids().values())
        if isinstance(event, Said):
            raise BrokenPipeError

    specs = [python("gate", gate, essential=True), python("vision", STUBBORN)]
    supervisor = Supervisor(specs, clock=BootClock(), report=report, grace_s=LOST_S if gate is POLITE else 0.05)
    with pytest.raises(BrokenPipeError):
        supervisor.run()
    assert pids
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists()


def test_a_child_that_cannot_be_started_is_named_and_the_others_end() -> None:
    specs = [python("gate", POLITE, essential=True), Spec("vision", ("/nowhere/python",))]
    before = open_fds()
    supervisor = Supervisor(specs, clock=BootClock(), report=lambda _: None)
    with pytest.raises(PartFailed, match="vision cannot be started"):
        supervisor.run()
    assert supervisor.pids() == {}
    assert open_fds() <= before


# Lines --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"no newline", ["no newline"]),
        (b"\x1b[2J\x1b]0;x\x07\n", ["?[2J?]0;x?"]),
        (b"tab\tbell\x07\n", ["tab?bell?"]),
        (b"\xff\xfe\n", ["\ufffd\ufffd"]),
        ("\u202egnihtemos\u00e9\n".encode(), ["?gnihtemos\u00e9"]),
        (b"x" * (2 * MAX_LINE_BYTES + 5) + b"\n", ["x" * MAX_LINE_BYTES, "x" * MAX_LINE_BYTES, "xxxxx"]),
        (b"y" * (MAX_LINE_BYTES * 2), ["y" * MAX_LINE_BYTES, "y" * MAX_LINE_BYTES]),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_lines_are_text_of_bounded_length(written: bytes, read: list[str]) -> None:
    code = f"import os; os.write(1, {written!r}); raise SystemExit(2)"
    with Play([python("vision", code, essential=True)]) as play:
        assert play.ended() == 2
    assert play.lines() == [("vision", line) for line in read]


def test_a_line_that_never_ends_is_not_kept_until_it_does() -> None:
    with Play([python("vision", "print('y' * 5000, end='', flush=True)" + POLITE)]) as play:
        play.until_said("vision", "y" * MAX_LINE_BYTES)
        play.until_said("vision", "y" * MAX_LINE_BYTES)
        assert play.supervisor.pids()


def test_what_a_child_says_on_stderr_is_heard_too() -> None:
    with Play([python("vision", "import sys; print('oh', file=sys.stderr); raise SystemExit(2)")]) as play:
        play.until_said("vision", "oh")


def test_a_grandchild_that_keeps_the_output_open_stops_nothing() -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '1000']).pid, flush=True); raise SystemExit(2)"
    with Play([python("vision", code, essential=True)]) as play:
        assert play.ended() == 2
    ((_, pid),) = play.lines()
    os.kill(int(pid), signal.SIGKILL)


# The parent's end ---------------------------------------------------------------------------
PARENT = """
import os, sys
from edge.clock import BootClock
from edge.supervise.child import Spec
from edge.supervise.supervisor import Supervisor
child = f'''
import os, signal, sys
from edge.sandbox.process import end_with
end_with({os.getpid()}, signal.SIGTERM)
print(os.getpid(), sys.stdin.readline(), flush=True)
signal.pause()
'''
spec = Spec("gate", (sys.executable, "-c", child), essential=True, input=True)
Supervisor([spec], clock=BootClock(), report=lambda event: print(event, flush=True)).run()
"""


def test_nobody_outlives_a_parent_that_is_killed_and_the_gate_reads_its_input() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write("12345\n")
    parent.stdin.flush()
    said = next(line for line in parent.stdout if "12345" in line)
    pid = int("".join(filter(str.isdigit, said.split("line='")[1].split(" ")[0])))
    assert Path(f"/proc/{pid}").exists()
    parent.kill()
    parent.wait(LOST_S)
    assert ends(pid)
    parent.stdin.close()
    parent.stdout.close()


# Which processes ----------------------------------------------------------------------------
def test_the_processes_of_a_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gate.toml").write_text(DESK)
    monkeypatch.chdir(tmp_path)
    gate, vision, sync = processes(Path("gate.toml"), load(Path("gate.toml")))
    assert [spec.name for spec in (gate, vision, sync)] == ["gate", "vision", "sync"]
    assert [spec.essential for spec in (gate, vision, sync)] == [True, False, False]
    assert not any(spec.input for spec in (gate, vision, sync))
    for spec in (gate, vision, sync):
        assert spec.argv[:5] == (sys.executable, "-P", "-m", "edge", spec.name)
        assert str(tmp_path / "gate.toml") in spec.argv
        assert spec.argv[-2:] == ("--parent", str(os.getpid()))


@pytest.mark.parametrize(("device", "reads"), [("-", True), ("/dev/ttyS0", False)])
def test_only_a_gate_with_typed_cards_reads_the_terminal(tmp_path: Path, device: str, reads: bool) -> None:
    (tmp_path / "gate.toml").write_text(
        DESK.replace('[cards]\nkind = "sim"', f'[cards]\nkind = "line"\ndevice = "{device}"')
    )
    specs = processes(tmp_path / "gate.toml", load(tmp_path / "gate.toml"))
    assert [spec.input for spec in specs] == [reads, False, False]


def test_a_folder_called_edge_where_the_operator_stands_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "__main__.py").write_text("print('hijacked')")
    (tmp_path / "edge" / "__init__.py").write_text("")
    (tmp_path / "gate.toml").write_text(DESK)
    spec = processes(tmp_path / "gate.toml", load(tmp_path / "gate.toml"))[0]
    ended = subprocess.run(
        [*spec.argv[:4], "--version"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert "hijacked" not in ended.stdout
    assert ended.stdout.startswith("edge-gate ")


def test_threads_may_ask_for_the_processes(tmp_path: Path) -> None:
    with Play([python("vision", "raise SystemExit(6)")]) as play:
        done = threading.Event()

        def look() -> None:
            for _ in range(2000):
                play.supervisor.pids()
            done.set()

        threading.Thread(target=look).start()
        assert done.wait(LOST_S)
