"""A beacon that is honest, a broker that is not, and a witness who knows the true time.

The witness never looks into the gate's books. Its one demand about safety is promise 4 itself: a gate that says "fresh"
at the true time T holds a consent state that nobody had superseded before T minus the bound. The others are what the
rules promise beside that: no life before an answer, no way below a floor, no gate that stays dead without a reason.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

EPS_S = 1e-3
SLACK_S = 60.0
"""ANSWER_MAX_S, written down a second time."""
HIGHEST = 2**53 - 1


class RuleBroken(AssertionError):
    def __init__(self, rule: int, what: str) -> None:
        super().__init__(f"rule {rule}: {what}")
        self.rule = rule


def demand(rule: int, holds: bool, what: str) -> None:
    if not holds:
        raise RuleBroken(rule, what)


@dataclass
class Books:
    """What the witness knows that the gate has taken; saved and restored with the gate's own database."""

    heads: list[Any] = field(default_factory=list)
    applied: Any = None


@dataclass
class Day:
    fresh: int = 0
    stale: set[str] = field(default_factory=set)
    rotations: int = 0


class World:
    def __init__(self, rules: ModuleType, seed: int) -> None:
        self.rules, self.rng = rules, random.Random(seed)
        self.now = 1_700_000_000.0
        self.booted_at = self.now
        self.generation = 0
        self.bound = self.rng.choice([300, 900, 3600, 86400])
        self.states = [(self.now, rules.SnapshotRef(1, "a1"), math.inf)]
        self.version = 0
        self.heads: list[Any] = []
        self.questions: list[bytes] = []
        self.answers: list[Any] = []
        self.books = Books()
        self.answered: list[Any] = []
        self.asked: tuple[bytes, float] | None = None
        self.kept: list[tuple[Any, Any, Books]] = []
        self.tainted = False
        self.day = Day()
        self.state = rules.booted(self.role)

    @property
    def role(self) -> Any:
        return self.rules.Role(frozenset({f"beacon {self.generation}"}), 1)

    @property
    def at(self) -> float:
        return self.now - self.booted_at

    # The honest beacon ------------------------------------------------------------------
    def publish(self) -> None:
        version = self.states[-1][1].version + 1
        until = self.now + self.rng.choice([math.inf, math.inf, 86400.0, 2000.0])
        self.states.append((self.now, self.rules.SnapshotRef(version, f"a{version}"), until))

    def sign_head(self) -> None:
        self.now += 1.0  # no two words of one second
        self.version += self.rng.choice([1, 1, 1, 50])
        life = self.rng.choice([self.bound, self.bound, 86400, 300])
        ref = self.states[-1][1]
        self.heads.append(self.rules.Head(self.version, ref, self.now, self.now + life, self.role.keyids))

    def answer(self) -> None:
        if self.questions:
            nonce = self.rng.choice(self.questions[-2:])
            self.answers.append(self.rules.Answer(nonce, self.now, self.states[-1][1], self.role.keyids))

    # What the broker and the thief do ------------------------------------------------------
    def deliver_head(self) -> None:
        if self.heads:
            self.hear(self.heads[-1] if self.rng.random() < 0.5 else self.rng.choice(self.heads), genuine=True)

    def deliver_answer(self) -> None:
        if self.answers:
            self.take(self.answers[-1] if self.rng.random() < 0.7 else self.rng.choice(self.answers), genuine=True)

    def forge(self) -> None:
        old = frozenset({f"beacon {g}" for g in range(self.generation)})
        signers = self.rng.choice([frozenset(), frozenset({"mallory"}), old])
        applied = self.books.applied.snapshot if self.books.applied else self.states[-1][1]
        if self.rng.random() < 0.5:
            self.hear(self.rules.Head(HIGHEST, applied, self.now, self.now + 300, signers), genuine=False)
        else:
            nonce = self.asked[0] if self.asked else b"?"
            self.take(self.rules.Answer(nonce, self.now - 9e5, applied, signers), genuine=False)

    def confuse(self) -> None:
        """The beacon restores an old backup and names a state that it had left behind."""
        newest = max((h.snapshot.version for h in self.books.heads), default=0)
        older = [ref for _, ref, _ in self.states if ref.version < newest]
        if older:
            self.version += 1
            ref = self.rng.choice(older)
            if self.asked is not None:
                self.take(self.rules.Answer(self.asked[0], self.now, ref, self.role.keyids), genuine=True)
            head = self.rules.Head(self.version, ref, self.now, self.now + 300, self.role.keyids)
            self.hear(head, genuine=True)

    def lie(self) -> None:
        """The beacon is taken over for a moment, says the worst, and its key is rotated."""
        self.tainted = True
        when = self.rng.choice([self.now + 9e8, self.now, 1.0])
        ref = self.rng.choice([self.states[-1][1], self.rules.SnapshotRef(HIGHEST, "bad")])
        self.hear(self.rules.Head(HIGHEST, ref, when, when + 300, self.role.keyids), genuine=False)
        if self.asked is not None and self.rng.random() < 0.5:
            self.take(self.rules.Answer(self.asked[0], when, ref, self.role.keyids), genuine=False)
        self.rotate()

    def rotate(self) -> None:
        self.generation += 1
        self.version = 0
        self.heads.clear()
        self.answers.clear()
        self.answered.clear()
        self.books.heads = []
        self.kept.clear()  # a gate without the new root would still believe the old key: nobody can help it
        self.state = self.rules.committed(self.state, self.books.applied, self.role)
        self.tainted = False
        self.day.rotations += 1

    # The gate ---------------------------------------------------------------------------
    def hear(self, head: Any, *, genuine: bool) -> None:
        lowest = max((h.version for h in self.books.heads), default=0)
        oldest = max((h.snapshot.version for h in self.books.heads), default=0)
        may = head.version >= lowest and (head.snapshot.version >= oldest or head.version == lowest)
        try:
            self.state = self.rules.heard(self.state, head, self.at)
        except self.rules.HeadRefused:
            demand(3, not (genuine and may), f"a rightful head {head.version} was refused")
            return
        if not self.tainted:
            demand(1, genuine, "a head that nobody signed was heard")
            demand(3, may, "a head below the floor was heard")
        if head.version > lowest:
            self.books.heads.append(head)

    def take(self, answer: Any, *, genuine: bool) -> None:
        due = self.asked is not None and answer.nonce == self.asked[0] and self.at - self.asked[1] <= SLACK_S
        oldest = max((h.snapshot.version for h in self.books.heads), default=0)
        due = due and answer.snapshot.version >= oldest
        try:
            self.state = self.rules.answered(self.state, answer, self.at)
        except self.rules.AnswerRefused:
            demand(5, not (genuine and due), "a rightful answer was refused")
            return
        if not self.tainted:
            demand(5, genuine and due, "an answer was taken that is not due")
        self.asked = None
        self.answered.append(answer)

    def ask(self) -> None:
        nonce = self.rng.randbytes(4)
        self.asked = (nonce, self.at)
        self.questions.append(nonce)
        self.state = self.rules.asked(self.state, nonce, self.at)

    def commit(self) -> None:
        have = self.books.applied.snapshot.version if self.books.applied else 0
        known = [s for s in self.states if s[1].version >= have]
        _, ref, until = known[-1] if self.rng.random() < 0.6 else self.rng.choice(known)
        self.books.applied = self.rules.Applied(ref, until, self.bound)
        self.state = self.rules.committed(self.state, self.books.applied, self.role)
        self.save()

    def save(self) -> None:
        self.kept.append((self.state.applied, self.state.floors, Books(list(self.books.heads), self.books.applied)))

    def reboot(self) -> None:
        applied, floors, books = None, self.rules.Floors(), Books()
        if self.kept:
            applied, floors, books = self.kept[-1] if self.rng.random() < 0.8 else self.rng.choice(self.kept)
        self.books = Books(list(books.heads), books.applied)
        self.now += self.rng.choice([1.0, 100.0, 1e5])
        self.booted_at = self.now - self.rng.random() * 20
        self.answered, self.asked = [], None
        self.state = self.rules.booted(self.role, applied, floors)

    # The witness ------------------------------------------------------------------------
    def look(self) -> None:
        verdict, now = self.rules.verdict(self.state, self.at), self.rules.reading(self.state, self.at)
        fresh = isinstance(verdict, self.rules.Fresh)
        if self.answered:
            demand(4, self.now - EPS_S <= now <= self.now + SLACK_S + EPS_S, f"the gate is {now - self.now:.0f} s off")
        demand(4, now >= max((h.signed_at for h in self.books.heads), default=0.0), "time is below what was signed")
        if fresh:
            self.day.fresh += 1
            demand(5, bool(self.answered), "fresh before this boot's nonce was answered")
            applied = self.books.applied
            demand(5, self.answered[-1].snapshot.version <= applied.snapshot.version, "fresh although it is behind")
            named = {word.snapshot for word in (*self.books.heads, *self.answered)}
            demand(2, applied.snapshot in named, "fresh although no word names the applied state")
            demand(6, self.now < applied.until, "fresh with an expired state")
            ends = [since for since, ref, _ in self.states if ref.version == applied.snapshot.version + 1]
            superseded_s = self.now - ends[0] if ends else 0.0
            demand(2, superseded_s < self.bound, f"fresh with a state that was superseded {superseded_s:.0f} s ago")
            demand(7, verdict.until > self.at, "fresh until the past")
            later = self.rules.verdict(self.state, verdict.until + EPS_S)
            demand(7, isinstance(later, self.rules.Stale), "fresh for longer than it said")
            if verdict.until - EPS_S > self.at:
                until = self.rules.verdict(self.state, verdict.until - EPS_S)
                demand(7, isinstance(until, self.rules.Fresh), "fresh for less long than it said")
        else:
            self.day.stale.add(verdict.reason.name)
            demand(7, not self.entitled(), f"stale without a reason: {verdict.reason}")

    def entitled(self) -> bool:
        """Whether anybody who played by the rules would be fresh now, with a minute to spare."""
        applied = self.books.applied
        if applied is None or not self.answered or self.now + SLACK_S >= applied.until:
            return False
        if self.answered[-1].snapshot.version > applied.snapshot.version:
            return False
        words = [(a.snapshot, a.time, math.inf) for a in self.answered]
        words += [(h.snapshot, h.signed_at, h.expires) for h in self.books.heads]
        counting = [word for word in words if word[0] == applied.snapshot]
        if not counting:
            return False
        word = max(counting, key=lambda w: w[1])
        remembered = self.answered[-1].time == word[1] or self.books.heads[-1].signed_at == word[1]
        return bool(remembered and self.now + SLACK_S < min(word[1] + self.bound, word[2]))

    def ask_and_hear(self) -> None:
        self.ask()
        self.now += self.rng.choice([0.1, 5.0, 59.0, 61.0])
        nonce = self.questions[-1]
        self.answers.append(self.rules.Answer(nonce, self.now, self.states[-1][1], self.role.keyids))
        self.now += self.rng.choice([0.0, 0.5, 30.0])
        self.take(self.answers[-1], genuine=True)

    def follow(self) -> None:
        """What happens on a good day, once a minute."""
        self.sign_head()
        self.hear(self.heads[-1], genuine=True)
        _, ref, until = self.states[-1]
        self.books.applied = self.rules.Applied(ref, until, self.bound)
        self.state = self.rules.committed(self.state, self.books.applied, self.role)
        self.save()

    def play(self, steps: int) -> Day:
        acts = [
            (self.ask_and_hear, 3),
            (self.follow, 3),
            (self.sign_head, 5),
            (self.deliver_head, 6),
            (self.publish, 1),
            (self.commit, 3),
            (self.ask, 2),
            (self.answer, 3),
            (self.deliver_answer, 4),
            (self.forge, 1),
            (self.confuse, 1),
            (self.reboot, 1),
            (self.save, 1),
            (self.lie, 0.5 if self.rng.random() < 0.3 else 0),
        ]
        for _ in range(steps):
            self.rng.choices([act for act, _ in acts], [weight for _, weight in acts])[0]()
            self.look()
            self.now += self.rng.choice([0.0, 0.0, 0.0, 1.0, 20.0, 55.0, self.bound / 5, self.bound * 0.9])
            self.look()
        return self.day


def play(rules: ModuleType, seed: int, steps: int = 60) -> Day:
    return World(rules, seed).play(steps)
