"""Random schedules of a site, a broker that keeps no promise, and a gate: real keys, real bytes, nothing stubbed.

Ten thousand by hand, with the seed it began with: `python -m tests.state.schedules 10000 0`.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable
from time import perf_counter

from edge.core.status_list import Status, inflate, overlaid
from edge.state.answer import answer_to, read_question
from tests.state.gate import Gate
from tests.state.site import Site

STEPS = 40
ROLES = ("timestamp", "snapshot", "suspend", "admin", "roots")


class Schedule:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.site = Site(bound_s=self.rng.choice([300, 3600, 86400]))
        self.gate = Gate(self.site.root).wakes(self.site)
        self.gate.bundle(self.site.data)
        self.heads, self.bundles = [self.site.head], [self.site.data]
        self.retained: bytes | None = self.site.data
        self.disks = [self.gate.disk]
        self.withdrawn: dict[int, float] = {}
        self.free = 100
        self.told: Counter[str] = Counter()

    # The site ---------------------------------------------------------------------------
    def tick(self) -> None:
        self.site.tick()
        self.heads.append(self.site.head)

    def revoke(self) -> None:
        valid = self.site.statuses.indices(Status.VALID)
        gone = self.rng.sample(valid, min(len(valid), self.rng.choice([1, 1, 5])))
        self.site.revoke(*gone)
        self.withdrawn |= dict.fromkeys(gone, self.site.now)
        self._sent()

    def suspend(self) -> None:
        if valid := self.site.statuses.indices(Status.VALID):
            self.site.suspended(self.rng.choice(valid))
            self._sent()

    def issue(self) -> None:
        self.site.publish(self.site.statuses.changed(range(self.free, self.free + 3), Status.VALID))
        self.free += 3
        self._sent()

    def rotate(self) -> None:
        self.site.rotate(*self.rng.sample(ROLES, self.rng.choice([1, 2, 5])))
        self._sent()

    def _sent(self) -> None:
        self.bundles.append(self.site.data)
        self.heads.append(self.site.head)
        if self.rng.random() < 0.7:  # or the broker is killed before it has stored it
            self.retained = self.site.data

    # The broker --------------------------------------------------------------------------
    def deliver_head(self) -> None:
        self._noted(self.gate.head(self._pick(self.heads)).refused)

    def deliver_bundle(self) -> None:
        data = self._pick(self.bundles)
        self._noted(self.gate.bundle(data, power=self.rng.random() < 0.9).refused)

    def reconnect(self) -> None:
        if self.retained is not None:
            self._noted(self.gate.bundle(self.retained).refused)

    def broker_killed(self) -> None:
        self.retained = self.rng.choice([None, *self.bundles])

    def damaged(self) -> None:
        data = bytearray(self._pick(self.bundles))
        data[self.rng.randrange(len(data))] ^= 1 << self.rng.randrange(8)
        before = self.gate.following.state
        refused = self.gate.bundle(bytes(data)).refused
        assert refused is not None
        assert self.gate.following.state is before

    def _pick(self, messages: list[bytes]) -> bytes:
        return messages[-1] if self.rng.random() < 0.5 else self.rng.choice(messages)

    # The gate ---------------------------------------------------------------------------
    def ask(self) -> None:
        question = read_question(self.gate.ask())
        answer = answer_to(question, self.site.bundle, self.site.signers, now=self.site.now)
        self._passes(self.rng.choice([0, 1, 30, 70]))
        for _ in range(self.rng.choice([1, 1, 2])):
            self._noted(self.gate.answer(answer).refused)

    def commit(self) -> None:
        self.gate.commit()
        self.disks.append(self.gate.disk)

    def reboot(self) -> None:
        self._passes(self.rng.choice([1, 60, 4000]))
        self.gate.reboot(disk=self.rng.choice(self.disks) if self.rng.random() < 0.2 else None)

    # The witness ------------------------------------------------------------------------
    def look(self) -> None:
        self.told["fresh" if self.gate.fresh else str(self.gate.why())] += 1
        if self.gate.fresh:
            bound = self.site.policy.freshness_bound_s
            for index, since in self.withdrawn.items():
                overdue = self.site.now - since >= bound
                assert not (overdue and self.gate.status(index) is Status.VALID), f"{index} is used past the bound"

    def _noted(self, refused: Exception | None) -> None:
        if refused is not None:
            self.told[type(refused).__name__] += 1

    def _passes(self, seconds: float) -> None:
        self.site.passes(seconds)
        self.gate.passes(seconds)

    def play(self) -> Counter[str]:
        acts: list[tuple[Callable[[], None], int]] = [
            (self.tick, 5), (self.revoke, 2), (self.suspend, 1), (self.issue, 1), (self.rotate, 1),
            (self.deliver_head, 8), (self.deliver_bundle, 5), (self.reconnect, 2), (self.broker_killed, 1),
            (self.damaged, 1), (self.ask, 6), (self.commit, 1), (self.reboot, 1),
        ]  # fmt: skip
        for _ in range(STEPS):
            self.rng.choices([act for act, _ in acts], [weight for _, weight in acts])[0]()
            self.look()
            self._passes(self.rng.choice([0, 1, 60, self.site.policy.freshness_bound_s / 3]))
            self.look()
        self.converge()
        return self.told

    def converge(self) -> None:
        """Whatever happened: one good minute, and the gate is where the site is."""
        self.tick()
        self.gate.bundle(self.site.data)
        self.gate.wakes(self.site)
        self.gate.head(self.site.head)
        assert self.gate.fresh, self.gate.why()
        assert self.gate.following.state is not None
        expected = overlaid(self.site.statuses, inflate(self.site.bundle.suspended))
        assert self.gate.following.state.statuses == expected
        self.gate.commit()
        assert self.gate.reboot().wakes(self.site).fresh


def run(count: int, seed: int) -> Counter[str]:
    """What happened in `count` schedules. A failure names its seed."""
    told: Counter[str] = Counter()
    for n in range(seed, seed + count):
        try:
            told += Schedule(n).play()
        except AssertionError as error:
            raise AssertionError(f"schedule {n}: {error}") from error
    return told


if __name__ == "__main__":
    start = perf_counter()
    for line, number in run(int(sys.argv[1]), int(sys.argv[2])).most_common():
        sys.stdout.write(f"{number:>9}  {line}\n")
    sys.stdout.write(f"{perf_counter() - start:9.1f}  seconds\n")
