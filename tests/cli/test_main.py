"""How every command ends: with its result, or with two lines and a code of the table."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import __version__, errors
from edge.cli import main
from edge.cli.complaint import no_tracebacks
from edge.cli.main import COMMANDS
from edge.errors import EXIT_CODES, ConfigError, EdgeError, InputError, NotRunning, PartFailed, Refused, ShownOtherwise
from tests.cli.conftest import Run

EDGE_GATE = (sys.executable, "-m", "edge")
SECRET = "the-embedding-of-somebody"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Put a command `x` into the table that does what the test says."""

    def put(work: Callable[[], None]) -> None:
        def x() -> None:
            work()

        monkeypatch.setattr(sys.modules[__name__], "x", x, raising=False)
        monkeypatch.setitem(COMMANDS, "x", (f"{__name__}:x", "A test."))

    return put


def raises(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


# The table ----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help(edge_gate: Run, name: str) -> None:
    ended = edge_gate(name, "--help")
    assert ended.code == 0, ended.err
    assert ended.out.startswith(f"Usage: edge-gate {name}")


def test_the_help_is_quick_because_it_imports_nothing_that_it_does_not_need() -> None:
    code = "import sys; from edge.cli.main import invoke; invoke(['--help']); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(ended.stdout.splitlines()[-1].split())
    assert not loaded & {"cv2", "numpy", "rich", "msgspec", "cryptography", "ctypes", "edge.config.load"}


def test_the_help_lists_every_command(edge_gate: Run) -> None:
    for args in ((), ("--help",), ("-h",)):
        ended = edge_gate(*args)
        assert ended.code == 0
        for name, (_, summary) in COMMANDS.items():
            assert re.search(rf"^  {name} +{re.escape(summary)}$", ended.out, re.MULTILINE)


def test_the_version(edge_gate: Run) -> None:
    assert edge_gate("--version").out == f"edge-gate {__version__}\n"


# What went wrong ----------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [EdgeError, ConfigError, InputError, Refused, PartFailed, NotRunning, ShownOtherwise])
def test_our_errors_are_two_lines_and_their_code(
    edge_gate: Run, command: Callable[..., None], kind: type[EdgeError]
) -> None:
    command(raises(kind("it is so", hint="do that")))
    ended = edge_gate("x")
    assert (ended.code, ended.out) == (kind.exit_code, "")
    assert ended.err == "edge-gate: error: it is so\nhint: do that\n"


def test_with_json_an_error_is_one_object(edge_gate: Run, command: Callable[..., None]) -> None:
    command(raises(Refused("it is so", hint="do that")))
    ended = edge_gate("x", "--json")
    assert ended.code == 2, "x has no --json, which is an error of its own, and said as JSON"
    assert ended.json["exit_code"] == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "_run", lambda _: raises(Refused("it is so", hint="do that"))())
        ended = edge_gate("status", "--json")
    assert ended.json == {"error": "it is so", "hint": "do that", "exit_code": 5}


def test_every_class_of_error_has_a_row_in_the_table() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, EdgeError)]
    assert {kind.exit_code for kind in kinds} | {0, 2} == set(EXIT_CODES)


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (("stats",), "no such command 'stats'. Did you mean 'status'?", "`edge-gate --help`"),
        (("status", "--jsn"), "no such option: --jsn", "`edge-gate status --help`"),
        (("subjects",), "missing command", "`edge-gate subjects --help`"),
        (("subjects", "shw"), "no such command 'shw'", "`edge-gate subjects --help`"),
        (("subjects", "show"), "missing argument 'SUBJECT'", "`edge-gate subjects show --help`"),
        (("status", "too", "much"), "unexpected extra argument", "`edge-gate status --help`"),
        (("status", "--config"), "option '--config' requires an argument", "`edge-gate status --help`"),
        (("gate", "--parent", "x"), "invalid value", "`edge-gate gate --help`"),
    ],
)
def test_a_misspelt_command_line_is_two_lines_too(
    edge_gate: Run, args: tuple[str, ...], message: str, hint: str
) -> None:
    ended = edge_gate(*args)
    assert (ended.code, ended.out) == (2, "")
    first, second = ended.err.splitlines()
    assert message.lower() in first.lower()
    assert first.startswith("edge-gate: error: ")
    assert hint in second
    assert edge_gate(args[0], "--json", *args[1:]).json["exit_code"] == 2


@pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), RuntimeError(SECRET), AssertionError(SECRET)])
def test_what_we_did_not_foresee_is_named_by_type_and_place_and_never_by_its_text(
    edge_gate: Run, command: Callable[..., None], error: Exception
) -> None:
    command(raises(error))
    ended = edge_gate("x")
    assert ended.code == 1
    assert SECRET not in ended.err + ended.out
    assert re.search(rf"error: unexpected {type(error).__name__} at edge/cli/main\.py:\d+\nhint: ", ended.err)


def test_an_error_of_the_system_is_named_by_its_number(edge_gate: Run, command: Callable[..., None]) -> None:
    command(raises(OSError(errno.EIO, SECRET, SECRET)))
    ended = edge_gate("x")
    assert "unexpected OSError (Input/output error)" in ended.err
    assert SECRET not in ended.err


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (OSError(errno.ENOSPC, "x"), "the disk is full", 6),
        (MemoryError(), "not enough memory", 6),
        (ModuleNotFoundError("x", name="matplotlib.figure"), "matplotlib is not installed", 6),
        (ModuleNotFoundError("x", name="somebody"), "unexpected ModuleNotFoundError", 1),
    ],
)
def test_what_a_machine_lacks_is_said(
    edge_gate: Run, command: Callable[..., None], error: Exception, said: str, code: int
) -> None:
    command(raises(error))
    ended = edge_gate("x")
    assert ended.code == code
    assert said in ended.err


def test_an_interrupt_ends_quietly(edge_gate: Run, command: Callable[..., None]) -> None:
    command(raises(KeyboardInterrupt()))
    ended = edge_gate("x")
    assert (ended.code, ended.out, ended.err) == (130, "", "")


def test_control_characters_in_a_name_do_not_reach_the_terminal(edge_gate: Run, tmp_path: Path) -> None:
    ended = edge_gate("status", "--config", tmp_path / "\x1b[2Jx\nedge-gate: error: forged")
    assert "\x1b" not in ended.err
    assert len(ended.err.splitlines()) == 2


def test_a_reader_that_goes_away_ends_us_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [*EDGE_GATE, "--help"], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_threads_leave_no_traceback_either(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("excepthook", "unraisablehook"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    no_tracebacks()
    thread = threading.Thread(target=raises(ValueError(SECRET)))
    thread.start()
    thread.join()
    said = capsys.readouterr().err
    assert "unexpected ValueError" in said
    assert SECRET not in said
    assert "Traceback" not in said


def test_the_real_command_shows_no_traceback_for_a_defect(tmp_path: Path) -> None:
    code = (
        "import sys; from edge.cli import main; main.COMMANDS['x'] = ('os:nothing', 'x');"
        "sys.argv = ['edge-gate', 'x']; main.main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 2


def test_json_errors_go_to_stdout_alone() -> None:
    ended = subprocess.run(
        [*EDGE_GATE, "status", "--config", "/nowhere/gate.toml", "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 3
    assert ended.stderr == ""
    assert set(json.loads(ended.stdout)) == {"error", "hint", "exit_code"}
