"""What is said when a wall is missing, and what happens when the kernel refuses one."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge.config.load import load
from edge.errors import PartFailed, Refused
from edge.sandbox import confine, landlock, profiles, seccomp
from edge.sandbox.landlock import Fs
from tests.sandbox.conftest import CHILD, Site, Tries

NO_LANDLOCK = "from edge.sandbox import landlock; landlock._CREATE_RULESET = 9999"


@pytest.fixture
def no_libseccomp(tmp_path: Path) -> str:
    (tmp_path / "pyseccomp.py").write_text("raise RuntimeError('Unable to find libseccomp')")
    return f"sys.path.insert(0, {str(tmp_path)!r})"


def test_a_missing_landlock_is_said(tries: Tries) -> None:
    came = tries({"inet": "socket.socket(socket.AF_INET)"}, profile={}, before=[NO_LANDLOCK])
    assert came == {"said": "seccomp, but the kernel has no landlock", "inet": "EPERM"}


def test_a_missing_libseccomp_is_said_with_its_package(tries: Tries, no_libseccomp: str, landlock_abi: int) -> None:
    came = tries({"write": "open('/tmp/edge-gate-test', 'w')"}, profile={}, before=[no_libseccomp])
    assert came["said"].startswith(f"landlock abi {landlock_abi}, but seccomp needs libseccomp.so.2")
    assert came["write"] == "EACCES"


def test_no_wall_at_all_is_not_sandboxed(tries: Tries, no_libseccomp: str) -> None:
    came = tries({}, profile={}, before=[NO_LANDLOCK, no_libseccomp])
    assert came["said"].startswith("not sandboxed: the kernel has no landlock; seccomp needs")


def test_without_landlock_a_process_still_leaves_no_core(tries: Tries, no_libseccomp: str) -> None:
    came = tries({"core": "prctl(3) == 0 or 1 / 0"}, profile={}, before=[NO_LANDLOCK, no_libseccomp])
    assert came["core"] == "ok"


@pytest.mark.parametrize(
    "broken",
    [
        "from edge.sandbox import landlock; landlock._RESTRICT_SELF = 9999",
        "from edge.sandbox import landlock; landlock._ADD_RULE = 9999",
        "from edge.sandbox import landlock; landlock._PATH_BENEATH = 77",
        "import pyseccomp; pyseccomp.SyscallFilter.load = lambda _: os.stat('/nowhere')",
    ],
)
@pytest.mark.usefixtures("landlock_abi")
def test_a_wall_that_the_kernel_refuses_stops_the_process(broken: str) -> None:
    asked = {"tries": {}, "profile": {"reads": ["/usr"]}, "before": [broken]}
    ended = subprocess.run(
        [sys.executable, str(CHILD), json.dumps(asked)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode != 0
    assert "PartFailed" in ended.stderr
    assert "not complete" not in ended.stdout


def test_a_process_with_two_threads_cannot_be_confined_any_more() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        with pytest.raises(PartFailed, match="can no longer be confined"):
            confine(profiles.Profile("test"))
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("version", range(1, 10))
def test_a_kernel_is_asked_for_the_rights_that_it_knows(version: int) -> None:
    handled = landlock._known(~Fs(0), version)
    assert (Fs.REFER in handled) == (version >= 2)
    assert (Fs.TRUNCATE in handled) == (version >= 3)
    assert (Fs.IOCTL_DEV in handled) == (version >= 5)
    assert Fs.EXECUTE in handled
    assert landlock._known(landlock.WRITE, version) in handled


def test_no_right_to_run_programs_or_make_devices_is_ever_given() -> None:
    for rights in (landlock.READ, landlock.WRITE, landlock.USE_DEVICE, landlock.MEET):
        assert not rights & (Fs.EXECUTE | Fs.MAKE_CHAR | Fs.MAKE_BLOCK | Fs.MAKE_SYM)


def test_every_denied_call_is_known_to_libseccomp_or_too_new_for_it() -> None:
    import pyseccomp  # noqa: PLC0415 - fails without the library, and so does this test

    names = (*seccomp.NEVER, *seccomp.OWNERSHIP)
    unknown = {name for name in names if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) == -1}
    assert unknown == set()
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("process", ["vision", "sync"])
@pytest.mark.parametrize("place", ["faces/vault", "packs/vault"])
def test_a_vault_inside_what_others_read_is_refused(site: Site, process: str, place: str) -> None:
    text = site.config.read_text().replace('state = "state"', f'state = "{place}"\npacks = ["packs"]')
    site.config.write_text(text)
    config = load(site.config)
    if process == "sync":
        profiles.sync(config)  # it reads neither faces nor packs
        return
    with pytest.raises(Refused, match="the vault would lie in it"):
        profiles.vision(config)


def test_a_vault_among_the_packages_is_refused(site: Site) -> None:
    site.config.write_text(site.config.read_text().replace('state = "state"', f'state = "{sys.prefix}/state"'))
    for profile in (profiles.vision, profiles.sync):
        with pytest.raises(Refused, match="the vault would lie"):
            profile(load(site.config))


def test_who_outlived_its_parent_ends_at_once() -> None:
    code = (
        f"import signal; from edge.sandbox.process import end_with; end_with({1 << 22}, signal.SIGTERM); print('alive')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == -15
    assert ended.stdout == ""
