"""Mutated envelopes against everything that reads them: none may be accepted, and none may raise what is not ours.

A million by hand, with the seed it began with: `python -m tests.state.fuzz 1000000 0`.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable
from time import perf_counter

from edge.core import freshness
from edge.core.freshness import AnswerRefused
from edge.errors import EdgeError
from edge.state import follow
from edge.state.answer import answer_to, read_answer, read_question
from edge.state.metadata import sha256
from edge.state.receipt import (
    Acknowledgement,
    Receipt,
    StateRef,
    read_acknowledgement,
    read_receipt,
    write_acknowledgement,
    write_receipt,
)
from tests.state.gate import following
from tests.state.site import GATE, NAME, signer

Target = tuple[str, bytes, Callable[[bytes], EdgeError | None]]
"""A name, a genuine document, and what refuses a bent one."""
EVIL = [
    b"",
    b"\x00",
    b"\xff" * 8,
    b"[" * 300,
    b"{" * 300,
    b'"',
    b"\\u0000",
    b"../",
    b"1e999",
    b"9" * 400,
    b"null",
    b"NaN",
]


def targets() -> list[Target]:
    """Every kind of document that comes in from outside, at a gate that follows its site."""
    site, gate = following()
    site.passes(60).revoke(3)
    beacon = gate.following.beacon
    receipt = write_receipt(
        Receipt(
            site=NAME, gate=GATE, number=1, previous=None, state=StateRef(1, "a" * 64), erased=("0" * 32,), suspended=0,
            destruction="logical", slot="file", software="b" * 64, time=1,
        ),
        signer("gate north"),
    )  # fmt: skip
    owed = {sha256(receipt)}
    ack = write_acknowledgement(
        Acknowledgement(site=NAME, gate=GATE, receipt=sha256(receipt), time=2), [signer(site.timestamp)]
    )
    question = gate.ask()
    answer = answer_to(read_question(question), site.bundle, site.signers, now=site.now)
    fresh, instant = gate.following.freshness, gate.at

    def answered(data: bytes) -> None:
        given = read_answer(data, beacon, site=NAME, gate=GATE)
        freshness.answered(fresh, given, instant)

    return [
        ("bundle", site.data, lambda data: follow.take_bundle(gate.following, data, gate.at).refused),
        ("head", site.head, lambda data: follow.take_head(gate.following, data, gate.at).refused),
        ("answer", answer, _raised(answered)),
        ("receipt", receipt, _raised(lambda data: read_receipt(data, site.policy, gate=GATE))),
        ("acknowledgement", ack, _raised(lambda d: read_acknowledgement(d, beacon, site=NAME, gate=GATE, owed=owed))),
    ]


def bent(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """`data` with one to three things wrong."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        a, b = sorted((rng.randrange(len(out) + 1), rng.randrange(len(out) + 1)))
        b = min(b, a + rng.choice([1, 4, 64, 4096]))
        match rng.randrange(9):
            case 0 | 1 if out:
                spot = rng.randrange(len(out))
                out[spot] ^= 1 << rng.randrange(8)
            case 2 if out:
                out[rng.randrange(len(out))] = rng.randrange(256)
            case 3:
                del out[a:b]
            case 4:
                out[a:a] = out[a:b] or b"x"
            case 5:
                out[a:b] = rng.choice(EVIL)
            case 6:
                del out[a:]
            case 7:
                other = rng.choice(others)
                spot = rng.randrange(len(other))
                out[a:b] = other[spot : spot + b - a + rng.choice([0, 1, 64])]
            case _:
                out[a:b] = reversed(out[a:b])
    return bytes(out)


def run(count: int, seed: int, chosen: list[Target]) -> Counter[str]:
    """Refusals by document and class. Raises `AssertionError` on what was accepted; what is uncaught just escapes."""
    rng, told = random.Random(seed), Counter[str]()
    documents = [data for _, data, _ in chosen]
    for n in range(count):
        name, data, refuse = chosen[n % len(chosen)]
        mutant = bent(rng, data, documents)
        if mutant == data:
            continue
        error = refuse(mutant)
        assert error is not None, f"a bent {name} was accepted: mutation {n} of seed {seed}"
        assert error.message.isprintable(), error.message
        told[f"{name}: {type(error).__name__}"] += 1
    for name, data, refuse in chosen:
        error = refuse(data)
        assert error is None or isinstance(error, AnswerRefused), f"the genuine {name} is refused afterwards: {error}"
    return told


def _raised(read: Callable[[bytes], object]) -> Callable[[bytes], EdgeError | None]:
    def refuse(data: bytes) -> EdgeError | None:
        try:
            read(data)
        except EdgeError as error:
            return error
        return None

    return refuse


if __name__ == "__main__":
    start = perf_counter()
    for line, number in sorted(run(int(sys.argv[1]), int(sys.argv[2]), targets()).items()):
        sys.stdout.write(f"{number:>9}  {line}\n")
    sys.stdout.write(f"{perf_counter() - start:9.1f}  seconds\n")
