"""A disk that is full, fails or is gone: a clear error, and the old state intact."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.gate.vault import Vault, VaultFailed, VaultFull
from edge.gate.vault.opening import DATABASE, SLOTS
from tests.vault.world import MODEL, OPERATOR, OTHER_MODEL, HandClock, cid, embedding, enrol, open_at, signed, templates

TINY_BYTES = 512 * 1024


def enrol_until_it_fails(vault: Vault, error: type[VaultFailed]) -> int:
    """How many were acknowledged before the disk refused."""
    done: list[int] = []
    with pytest.raises(error, match=r"disk|slot") as caught:
        fill(vault, done)
    assert caught.value.hint
    return len(done)


def fill(vault: Vault, done: list[int]) -> None:
    for number in range(1, 4000):
        probes = [embedding(number, 1024) for _ in range(8)]
        vault.enrol(signed(number), probes, model_sha256=MODEL, operator=OPERATOR)
        done.append(number)


def everything_acknowledged_is_there(folder: Path, clock: HandClock, people: int) -> None:
    vault = open_at(folder, clock)
    held = templates(vault)
    assert set(held) in ({cid(n) for n in range(1, people + 1)}, {cid(n) for n in range(1, people + 2)})
    assert set(held.values()) <= {8}
    assert vault.live(clock.wall()) == set(held)
    vault.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 512 KiB."""
    mount = tmp_path / "tiny"
    mount.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={TINY_BYTES}", "tmpfs", str(mount)]
    try:
        if subprocess.run(options, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount a small tmpfs")
    except FileNotFoundError:
        pytest.skip("needs mount(8)")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_a_full_disk_keeps_what_was_acknowledged(tiny_disk: Path, tmp_path: Path, clock: HandClock) -> None:
    vault = open_at(tiny_disk / "vault", clock)
    people = enrol_until_it_fails(vault, VaultFailed)
    with contextlib.suppress(VaultFailed):
        vault.close()
    assert people > 1
    roomy = tmp_path / "roomy"
    subprocess.run(["cp", "-a", str(tiny_disk / "vault"), str(roomy)], check=True)
    everything_acknowledged_is_there(roomy, clock, people)


def test_on_a_full_disk_an_erasure_is_done_or_says_that_it_is_not(
    tiny_disk: Path, tmp_path: Path, clock: HandClock
) -> None:
    vault = open_at(tiny_disk / "vault", clock)
    people = enrol_until_it_fails(vault, VaultFailed)
    with contextlib.suppress(VaultFailed):
        vault.close()
    done = False
    with contextlib.suppress(VaultFailed):
        vault = open_at(tiny_disk / "vault", clock)
        vault.erase({cid(1)}, why="withdrawn")
        done = True
    assert not done or cid(1) not in templates(vault)
    with contextlib.suppress(VaultFailed):
        vault.close()
    roomy = tmp_path / "roomy"
    subprocess.run(["cp", "-a", str(tiny_disk / "vault"), str(roomy)], check=True)
    vault = open_at(roomy, clock)
    assert not done or cid(1) not in templates(vault)
    vault.erase({cid(1)}, why="withdrawn")
    assert set(templates(vault)) >= {cid(n) for n in range(2, people + 1)}
    vault.close()


def test_no_vault_is_made_on_a_full_disk(tiny_disk: Path, clock: HandClock) -> None:
    with contextlib.suppress(OSError):
        (tiny_disk / "ballast").write_bytes(bytes(TINY_BYTES))
    with pytest.raises(VaultFailed):
        open_at(tiny_disk / "vault", clock)
    assert not (tiny_disk / "vault").exists()
    (tiny_disk / "ballast").unlink()
    open_at(tiny_disk / "vault", clock).close()


@contextlib.contextmanager
def no_file_above(limit_bytes: int) -> Iterator[None]:
    """Writes beyond this size fail with EFBIG in the whole process (Python ignores SIGXFSZ)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("limit_bytes", [200_000, 300_000, 400_000, 500_000])
def test_a_write_that_fails_anywhere_keeps_what_was_acknowledged(
    folder: Path, clock: HandClock, limit_bytes: int
) -> None:
    vault = open_at(folder, clock)
    with no_file_above(limit_bytes):
        people = enrol_until_it_fails(vault, VaultFailed)
        with contextlib.suppress(VaultFailed):
            vault.close()
    everything_acknowledged_is_there(folder, clock, people)


def test_a_database_that_may_not_grow_is_full(vault: Vault, folder: Path, clock: HandClock) -> None:
    pages = vault._store._database._db.execute("PRAGMA page_count").fetchone()[0]
    vault._store._database._db.execute(f"PRAGMA max_page_count = {pages}")
    people = enrol_until_it_fails(vault, VaultFull)
    vault.close()
    vault = open_at(folder, clock)
    assert set(templates(vault)) == {cid(number) for number in range(1, people + 1)}
    enrol(vault, 4000, model=OTHER_MODEL)
    vault.close()


Failing = Callable[..., Any]


@pytest.mark.parametrize("call", ["open", "pwrite", "fsync", "read"])
@pytest.mark.parametrize("at", range(4))
def test_an_error_at_any_call_on_a_slot_keeps_one_state_or_the_other(
    folder: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch, call: str, at: int
) -> None:
    vault = open_at(folder, clock)
    enrol(vault, 1)
    enrol(vault, 2)
    real: Failing = getattr(os, call)
    calls = 0

    def failing(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(*arguments, **options)

    monkeypatch.setattr(os, call, failing)
    said = ""
    try:
        vault.erase({cid(2)}, why="withdrawn")
    except VaultFailed as error:
        said = error.message
    monkeypatch.undo()
    done = not said
    assert done or "Input/output error" in said
    vault.close()
    vault = open_at(folder, clock)
    assert set(templates(vault)) in (({cid(1)},) if done else ({cid(1)}, {cid(1), cid(2)}))
    vault.close()


def test_a_disk_that_is_gone_is_named(folder: Path, clock: HandClock) -> None:
    (folder.parent / "file").touch()
    with pytest.raises(VaultFailed, match="file"):
        open_at(folder.parent / "file" / "vault", clock)


def test_a_folder_that_may_not_be_read_is_named(folder: Path, clock: HandClock) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    open_at(folder, clock).close()
    folder.chmod(0)
    with pytest.raises(VaultFailed, match="cannot be read"):
        open_at(folder, clock)
    folder.chmod(0o700)


def test_the_files_are_the_three_that_the_documentation_names(vault: Vault, folder: Path) -> None:
    enrol(vault, 1)
    vault.close()
    assert {path.name for path in folder.iterdir()} - {f"{DATABASE}-wal"} == {DATABASE, *SLOTS}
