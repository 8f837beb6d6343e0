"""Suspended at once, erased in time: `suspend`, the calendar, and `sweep`."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.consent import ConsentRefused
from edge.core.consent import Reason
from edge.core.retention import ERASE_AFTER_S
from edge.gate.vault import Standing, Vault, VaultFailed, VaultFull
from edge.gate.vault.database import Database
from tests.consent.documents import NOW
from tests.vault.world import MODEL, HandClock, cid, enrol, open_at, templates

HOUR_S = 3600.0


def test_a_suspended_consent_is_not_compared_and_not_live(vault: Vault, clock: HandClock) -> None:
    enrol(vault, 1)
    enrol(vault, 2, probes=2)
    vault.suspend({cid(1)}, why="withdrawn")
    assert templates(vault) == {cid(2): 2}
    assert vault.live(clock.wall()) == {cid(2)}
    assert [row.standing for row in vault.subjects("", 9).rows] == [Standing.SUSPENDED, Standing.LIVE]


def test_a_suspension_outlasts_a_restart(vault: Vault, folder: Path, clock: HandClock) -> None:
    enrol(vault, 1)
    vault.suspend({cid(1), cid(5)}, why="withdrawn")
    vault.close()
    vault = open_at(folder, clock)
    assert vault.live(clock.wall()) == frozenset()
    assert templates(vault) == {}
    with pytest.raises(ConsentRefused) as caught:
        enrol(vault, 5)
    assert caught.value.reason is Reason.SUSPENDED
    vault.close()


def test_a_suspension_holds_in_memory_even_when_the_disk_refuses(
    vault: Vault, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise VaultFull("full", hint="free some space")

    enrol(vault, 1)
    monkeypatch.setattr(Database, "replace", full)
    for change in (vault.suspend, vault.erase):
        with pytest.raises(VaultFailed, match=r"full|anew"):
            change({cid(1)}, why="withdrawn")
    assert vault.live(clock.wall()) == frozenset()


def test_suspending_twice_writes_once(vault: Vault) -> None:
    enrol(vault, 1)
    vault.suspend({cid(1)}, why="withdrawn")
    before = vault._store.epoch
    vault.suspend({cid(1)}, why="withdrawn")
    vault.suspend((), why="nothing")
    assert vault._store.epoch == before


def test_the_calendar_suspends_at_the_second(vault: Vault, clock: HandClock) -> None:
    enrol(vault, 1, expires=NOW + 100)
    enrol(vault, 2)
    assert vault.live(NOW + 99.9) == {cid(1), cid(2)}
    assert vault.live(NOW + 100) == {cid(2)}
    assert vault.expired(NOW + 99.9) == frozenset()
    assert vault.expired(NOW + 100) == {cid(1)}
    clock.pass_s(100)
    assert templates(vault) == {cid(2): 1}
    assert vault.subjects("", 1).rows[0].standing is Standing.EXPIRED


def test_a_calendar_before_the_beginning_suspends_too(vault: Vault, clock: HandClock) -> None:
    enrol(vault, 1)
    clock.wall_s = NOW - 61.0
    assert vault.live(clock.wall()) == frozenset()
    assert templates(vault) == {}
    assert vault.subjects("", 1).rows[0].standing is Standing.NOT_YET_VALID
    clock.wall_s = float(NOW)
    assert templates(vault) == {cid(1): 1}


def test_an_expired_template_is_erased_after_a_day_of_boot_clock(vault: Vault, clock: HandClock) -> None:
    enrol(vault, 1, expires=NOW + 100)
    enrol(vault, 2)
    clock.pass_s(100)
    assert vault.sweep() is None
    clock.pass_s(ERASE_AFTER_S - 1)
    assert vault.sweep() is None
    clock.pass_s(1)
    gone = vault.sweep()
    assert gone is not None
    assert gone.consents == (cid(1),)
    assert vault.sweep() is None
    assert vault.journal()[-1].why == "expired"
    assert vault.journal()[-1].operator == "gate"
    assert [row.consent for row in vault.subjects("", 9).rows] == [cid(2)]


def test_a_lying_calendar_erases_nobody_and_is_told(vault: Vault, clock: HandClock) -> None:
    for number in range(1, 4):
        enrol(vault, number)
    vault.sweep()
    clock.wall_s *= 2
    clock.boot_s += 1
    assert vault.sweep() is None
    assert jumped(vault)
    assert vault.live(clock.wall()) == frozenset()
    clock.pass_s(ERASE_AFTER_S - 10)
    assert vault.sweep() is None
    clock.wall_s = float(NOW)
    clock.pass_s(1)
    assert vault.sweep() is None
    assert jumped(vault)
    assert len(vault.live(clock.wall())) == 3
    clock.pass_s(20)
    assert vault.sweep() is None
    assert not jumped(vault)
    assert len(templates(vault)) == 3


def jumped(vault: Vault) -> bool:
    return vault.clock_jumped


def test_what_was_watched_is_noted_and_counts_after_a_restart(vault: Vault, folder: Path, clock: HandClock) -> None:
    enrol(vault, 1, expires=NOW + 100)
    clock.pass_s(100)
    vault.sweep()
    epoch = vault._store.epoch
    for _ in range(12):
        clock.pass_s(HOUR_S)
        assert vault.sweep() is None
    assert vault._store.epoch == epoch + 2
    vault.close()
    clock.boot_s = 5.0
    vault = open_at(folder, clock)
    assert vault.sweep() is None
    clock.pass_s(12 * HOUR_S)
    assert vault.sweep() is not None
    vault.close()


def test_a_note_is_taken_back_at_once(vault: Vault, folder: Path, clock: HandClock) -> None:
    enrol(vault, 1, expires=NOW + 100)
    clock.pass_s(100)
    vault.sweep()
    for _ in range(7):
        clock.pass_s(HOUR_S)
        vault.sweep()
    clock.wall_s = float(NOW)
    vault.sweep()
    assert vault._book.state.watched == {}
    vault.close()
    vault = open_at(folder, clock)
    assert vault._book.state.watched == {}
    assert vault.live(clock.wall()) == {cid(1)}
    vault.close()


def test_a_sweep_without_anything_to_do_writes_nothing(vault: Vault, clock: HandClock) -> None:
    enrol(vault, 1)
    before = vault._store.epoch
    for _ in range(5):
        clock.pass_s(10)
        vault.sweep()
    assert vault._store.epoch == before
    assert len(vault.matrix(MODEL)[0]) == 1
