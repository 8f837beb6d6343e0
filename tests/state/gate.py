"""A gate in memory: it follows a site, commits to a byte string, and can lose its power."""

from __future__ import annotations

import hashlib

from edge.core.freshness import Fresh, Reason
from edge.core.status_list import Status
from edge.core.values import GateId
from edge.state import follow, trust
from edge.state.answer import answer_to, read_question
from edge.state.follow import Step
from edge.state.kept import Kept, freeze, thaw
from tests.state.site import GATE, NAME, Site


class Gate:
    def __init__(self, root: bytes, *, name: str = GATE, site: str = NAME) -> None:
        self.name, self.at, self.asked = GateId(name), 100.0, 0
        self.disk = freeze(trust.provisioned(site, root))  # type: ignore[arg-type]
        self.following = follow.started(thaw(self.disk), self.name)

    @property
    def kept(self) -> Kept:
        return self.following.kept

    @property
    def version(self) -> int:
        return self.following.state.snapshot.version if self.following.state else 0

    def why(self) -> Reason | None:
        told = follow.verdict(self.following, self.at)
        return None if isinstance(told, Fresh) else told.reason

    @property
    def fresh(self) -> bool:
        return self.why() is None

    def status(self, index: int) -> Status:
        return self.following.state.statuses.status(index) if self.following.state else Status.WITHDRAWN

    def passes(self, seconds: float) -> Gate:
        self.at += seconds
        return self

    # What comes in -----------------------------------------------------------------------
    def bundle(self, data: bytes, *, power: bool = True) -> Step:
        return self._done(follow.take_bundle(self.following, data, self.at), power)

    def head(self, data: bytes) -> Step:
        return self._done(follow.take_head(self.following, data, self.at), power=True)

    def answer(self, data: bytes) -> Step:
        return self._done(follow.take_answer(self.following, data, self.at), power=True)

    def _done(self, step: Step, power: bool) -> Step:
        self.following = step.following
        if not power:
            self.reboot()
            return step
        if step.must_commit:
            self.commit()
        if step.state is not None:
            self.following = follow.committed(self.following, step.state)
        return step

    # What it does ------------------------------------------------------------------------
    def commit(self) -> None:
        self.disk = freeze(self.kept)

    def ask(self) -> bytes:
        self.asked += 1
        nonce = hashlib.sha256(f"{self.name} {self.asked}".encode()).digest()[:16]
        self.following, question = follow.ask(self.following, nonce, self.at)
        return question

    def reboot(self, *, disk: bytes | None = None) -> Gate:
        self.at = 50.0
        self.following = follow.started(thaw(disk or self.disk), self.name)
        return self

    def wakes(self, site: Site) -> Gate:
        """Ask, and be answered at once."""
        question = self.ask()
        step = self.answer(answer_to(read_question(question), site.bundle, site.signers, now=site.now))
        assert step.refused is None, step.refused
        return self


def together(site: Site, gate: Gate, seconds: float) -> None:
    """The same time passes for both."""
    site.passes(seconds)
    gate.passes(seconds)


def following(site: Site | None = None) -> tuple[Site, Gate]:
    """A gate that follows a site and is fresh."""
    site = site or Site()
    gate = Gate(site.root, site=site.name).wakes(site)
    step = gate.bundle(site.data)
    assert step.refused is None, step.refused
    assert gate.fresh, gate.why()
    return site, gate
