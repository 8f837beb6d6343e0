"""The vault against a dictionary: whatever is done in whatever order, with restarts and kills in between."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.consent import ConsentRefused
from edge.core.consent import MAX_PROBES
from edge.core.quantise import quantise
from edge.core.retention import ERASE_AFTER_S
from edge.core.values import ConsentId
from edge.gate.vault import Standing, Vault
from tests.consent.documents import NOW, YEAR_S, consent
from tests.vault.cuts import Cut, Fuse, open_fused
from tests.vault.world import MODEL, OPERATOR, OTHER_MODEL, HandClock, cid, embedding, open_at, quick_folder, signed

PEOPLE = st.integers(1, 12)
SOME = st.sets(PEOPLE, min_size=1, max_size=4)
DAY_S = 24 * 3600


class VaultAgainstDictionary(RuleBasedStateMachine):
    """`held`: consent -> (model, number of references, expiry). `used` and `suspended`: as the vault remembers them."""

    def __init__(self) -> None:
        super().__init__()
        self._closing = contextlib.ExitStack()
        self.folder = self._closing.enter_context(quick_folder()) / "vault"
        self.clock = HandClock()
        self.held: dict[ConsentId, tuple[str, int, int]] = {}
        self.used: set[ConsentId] = set()
        self.suspended: set[ConsentId] = set()
        self.watched_s: dict[ConsentId, float] = {}
        self.vault: Vault
        self.fuse = Fuse()

    @initialize()
    def begin(self) -> None:
        open_at(self.folder, self.clock).close()
        self._open()

    def teardown(self) -> None:
        with contextlib.suppress(Cut):
            self.vault.close()
        self._closing.close()

    def _open(self) -> None:
        self.fuse = Fuse()
        self.vault = open_fused(self.folder, self.clock, self.fuse)

    # What people do ---------------------------------------------------------------------------
    @rule(number=PEOPLE, probes=st.integers(1, 3), model=st.sampled_from([MODEL, OTHER_MODEL]), lasts=st.integers(1, 3))
    def enrol(self, number: int, probes: int, model: str, lasts: int) -> None:
        expires = NOW + lasts * DAY_S
        lives = NOW - 60 <= self.clock.wall_s < expires
        allowed = lives and cid(number) not in self.held.keys() | self.used | self.suspended
        try:
            self._enrol(number, probes, model, expires)
        except ConsentRefused:
            assert not allowed
        else:
            assert allowed
            self.held[cid(number)] = (model, probes, expires)

    def _enrol(self, number: int, probes: int, model: str, expires: int) -> None:
        vectors = [embedding(number * 100 + each) for each in range(probes)]
        self.vault.enrol(signed(number, expires=expires), vectors, model_sha256=model, operator=OPERATOR)

    @rule(numbers=SOME)
    def erase(self, numbers: set[int]) -> None:
        asked = {cid(number) for number in numbers}
        gone = self.vault.erase(asked, why="withdrawn")
        assert set(gone.consents) == asked & self.held.keys()
        assert gone.references == sum(self.held[each][1] for each in gone.consents)
        self._erased(asked)

    def _erased(self, asked: set[ConsentId]) -> None:
        for each in asked:
            self.held.pop(each, None)
            self.watched_s.pop(each, None)
        self.used |= asked

    @rule(numbers=SOME)
    def suspend(self, numbers: set[int]) -> None:
        self.vault.suspend({cid(number) for number in numbers}, why="withdrawn")
        self.suspended |= {cid(number) for number in numbers}

    # What time does ---------------------------------------------------------------------------
    @rule(seconds=st.sampled_from([1.0, 3600.0, DAY_S / 2, float(DAY_S)]))
    def wait(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        self.sweep(seconds)

    @rule()
    def sweep_at_once(self) -> None:
        self.sweep(0.0)

    def sweep(self, since_s: float) -> None:
        past = {each for each, (_, _, expires) in self.held.items() if self.clock.wall_s >= expires}
        self.watched_s = {each: self.watched_s.get(each, -since_s) + since_s for each in past}
        due = {each for each, seconds in self.watched_s.items() if seconds >= ERASE_AFTER_S}
        gone = self.vault.sweep()
        assert due == (set(gone.consents) if gone else set())
        self._erased(due)

    # What machines do -------------------------------------------------------------------------
    @rule()
    def restart(self) -> None:
        self.vault.close()
        self._open()
        self.vault.sweep()
        self._watch_as_noted()

    def _watch_as_noted(self) -> None:
        """Watched time is noted only now and then; a restart may lose some, and never invents any."""
        noted = self.vault._watch.watched_s
        for each, seconds in noted.items():
            assert seconds <= self.watched_s.get(each, 0.0)
        self.watched_s = dict(noted)

    @rule(moment=st.integers(1, 8), data=st.data())
    def killed(self, moment: int, data: st.DataObject) -> None:
        """A change is killed at some moment: the old state or the new one, and what was suspended may be lost."""
        number = data.draw(PEOPLE)
        self.fuse.moments, self.fuse.burns_at = 0, moment
        enrolling = data.draw(st.booleans())
        changed: Any = None
        try:
            if enrolling:
                self._enrol(number, 2, MODEL, NOW + YEAR_S)
            else:
                self.vault.erase({cid(number)}, why="withdrawn")
            changed = True
        except Cut:
            changed = None
        except ConsentRefused:
            changed = False
        self._restart_from_the_disk()
        there, used = cid(number) in self.vault._book.roll.places, cid(number) in self.vault._book.state.spent
        if changed is None:
            changed = there != (cid(number) in self.held) or used != (cid(number) in self.used)
        if changed and enrolling:
            self.held[cid(number)] = (MODEL, 2, NOW + YEAR_S)
        elif changed:
            self._erased({cid(number)})
        self._watch_as_noted()

    def _restart_from_the_disk(self) -> None:
        disk = Path(shutil.copytree(self.folder, self.folder.with_name("disk")))
        with contextlib.suppress(Cut):
            self.vault.close()
        shutil.rmtree(self.folder)
        disk.rename(self.folder)
        self._open()
        self.vault.sweep()

    # What must always be so --------------------------------------------------------------------
    @invariant()
    @precondition(lambda self: hasattr(self, "vault"))
    def the_vault_holds_what_the_dictionary_holds(self) -> None:
        rows = {row.consent: row for row in self.vault.subjects("", 100).rows}
        assert {each: (row.model_sha256, row.references, int(row.expires)) for each, row in rows.items()} == self.held
        live = {
            each
            for each, (_, _, expires) in self.held.items()
            if each not in self.suspended and self.clock.wall_s < expires
        }
        assert self.vault.live(self.clock.wall()) == live
        assert {each for each, row in rows.items() if row.standing is Standing.LIVE} == live
        compared = [(reference.consent, reference.vector.tolist()) for reference in self.vault.references()]
        expected = [
            (each, quantise(embedding(int(each, 16) * 100 + probe)).vector.tolist())
            for each in live
            for probe in range(self.held[each][1])
        ]
        assert sorted(compared) == sorted(expected)
        assert len(self.vault.journal()) > 0 or not self.used | self.suspended | self.held.keys()


TestVaultAgainstDictionary = pytest.mark.slow(VaultAgainstDictionary.TestCase)
TestVaultAgainstDictionary.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_the_probes_of_the_model_are_within_the_limit() -> None:
    assert MAX_PROBES >= 3
    assert consent(1).consent == cid(1)
