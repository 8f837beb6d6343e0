"""What will be tried against the gate, each under its number in the threat model; the other half of each answer is in
the tests that are named here.

 1  card text reaches a query:    `test_storage`, `tests/contracts/test_card_reader.py`
 7  an OR beside PAD; two faces:  here, and `test_compare`
 8  replay after a reconnect:     here
10  a cache lets somebody in:     here, and `test_storage`
11  the relay fires at power-up:  here, and `tests/contracts/test_turnstile.py`
24  `vision` taken over:          here, `test_eye`, `test_compare`
25  `sync` taken over:            `test_uplink`, and here
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.core.lane import LanePolicy
from edge.core.values import Intent, Pad, Part, Refusal, Unfit
from edge.gate import uplink
from edge.gate.inbox import Fault, Mended, Seen
from edge.wire.messages import Probe, Sighting
from tests.gate.lane import ANN, BOB, DIMENSIONS, FACES, MODEL, OTHER_MODEL, STRANGER, Bench, probe

DEMANDS_PAD = LanePolicy(pad_required=True)


# 7: presentation attacks ------------------------------------------------------------------
@pytest.mark.parametrize("policy", [LanePolicy(), DEMANDS_PAD], ids=["pad not demanded", "pad demanded"])
def test_threat_7_an_attack_never_opens(policy: LanePolicy) -> None:
    bench = Bench(policy=policy)
    bench.arrive()
    bench.looks_like(FACES[ANN], policy.probes_max, pad=Pad.ATTACK)
    assert not bench.is_open()
    assert bench.refusals[-1][1] is Refusal.NOT_LIVE


def test_threat_7_where_liveness_is_demanded_not_done_is_not_enough() -> None:
    bench = Bench(policy=DEMANDS_PAD)
    bench.arrive()
    bench.looks_like(FACES[ANN], DEMANDS_PAD.probes_max, pad=Pad.NOT_DONE)
    assert not bench.is_open()
    bench.leave()
    bench.arrive()
    bench.looks_like(FACES[ANN], pad=Pad.BONA_FIDE)
    assert bench.is_open()


def test_threat_7_liveness_of_one_face_is_not_the_identity_of_another() -> None:
    """A live stranger and the photograph of a resident take turns before the camera."""
    bench = Bench(policy=DEMANDS_PAD)
    bench.arrive()
    for _ in range(DEMANDS_PAD.probes_max):
        bench.sees(bench.sighting(probe(STRANGER, track=1, pad=Pad.BONA_FIDE)))
        bench.sees(bench.sighting(probe(FACES[ANN], track=2, pad=Pad.ATTACK)))
    assert not bench.is_open()


def test_threat_7_of_two_faces_neither_is_taken() -> None:
    bench = Bench()
    bench.arrive()
    for _ in range(bench.policy.probes_max):
        bench.sees(bench.sighting(probe(FACES[ANN]), candidates=2))
    bench.wait(bench.policy.attempt_s)
    assert not bench.is_open()
    assert bench.refusals[-1][1] is Refusal.MORE_THAN_ONE


# 8: replay --------------------------------------------------------------------------------
def test_threat_8_what_was_seen_before_a_reconnect_opens_nothing_after_it() -> None:
    bench = Bench()
    bench.arrive()
    recorded = []
    for _ in range(3):
        bench.timers.advance(0.1)
        recorded.append(bench.sighting(probe(FACES[ANN])))
    for sighting in recorded:
        bench.inbox.offer(Seen(sighting, MODEL))
    bench.inbox.put(Fault(Part.VISION, "gone"))
    bench.inbox.put(Mended(Part.VISION))
    for _ in range(10):
        bench.turn()
    assert not bench.is_open()
    bench.leave()
    bench.arrive()
    for sighting in recorded:
        bench.sees(sighting)
    assert not bench.is_open()


def test_threat_8_one_frame_sent_three_times_is_one_frame() -> None:
    bench = Bench()
    bench.arrive()
    once = bench.sighting(probe(FACES[ANN]))
    for _ in range(10):
        bench.inbox.offer(Seen(once, MODEL))
        bench.turn()
    assert not bench.is_open()


def test_threat_8_nothing_opens_when_everything_comes_back() -> None:
    """Every part fails and heals, in the middle of everything: the lane goes on shut."""
    bench = Bench()
    for part in Part:
        bench.inbox.put(Fault(part, "gone"))
        bench.turn()
        bench.inbox.put(Mended(part))
        bench.turn()
    bench.wait(10.0)
    assert [energised for _, energised in bench.turnstile.states] == [False]


# 10: a cache that lets somebody in --------------------------------------------------------
def test_threat_10_the_picture_that_was_withdrawn_lets_nobody_in_although_it_is_still_in_memory() -> None:
    """Suspended in memory first: the templates are still there, the consent is not."""
    bench = Bench()
    bench.hold(ANN, BOB, live=frozenset({BOB}))
    bench.arrive()
    bench.looks_like(FACES[ANN], bench.policy.probes_max)
    assert not bench.is_open()
    assert bench.refusals[-1][1] is Refusal.NO_CONSENT


def test_threat_10_a_removed_card_is_unknown_in_the_same_moment() -> None:
    bench = Bench()
    bench.card(None)
    assert not bench.is_open()
    assert bench.refusals[-1][1] is Refusal.CARD_UNKNOWN


# 11: the relay at power-up ----------------------------------------------------------------
def test_threat_11_nothing_that_waits_at_the_start_opens() -> None:
    bench = Bench(ready=False)
    for part in Part:
        bench.inbox.put(Mended(part))
    bench.inbox.offer(Seen(bench.sighting(probe(FACES[ANN]), attempt=0), MODEL))
    bench.inbox.offer(Seen(bench.sighting(probe(FACES[ANN]), attempt=1), MODEL))
    bench.turn()
    bench.wait(5.0)
    assert [energised for _, energised in bench.turnstile.states] == [False]


# 24: `vision` taken over ------------------------------------------------------------------
pads = st.sampled_from(list(Pad))
lies = st.builds(
    Sighting,
    attempt=st.integers(0, 3),
    captured_at=st.floats(0.0, 2000.0),
    candidates=st.integers(0, 3),
    unfit=st.none() | st.sampled_from(list(Unfit)),
    probe=st.none()
    | st.builds(
        Probe,
        track=st.integers(0, 2),
        frames=st.integers(1, 99),
        embedding=st.binary(min_size=64, max_size=256)
        | st.sampled_from([probe(face).embedding for face in (*FACES.values(), STRANGER)]),
        face_px=st.floats(0, 2000),
        quality=st.floats(0, 1),
        pad=pads,
    ),
)


@given(st.lists(lies, max_size=30))
def test_threat_24_without_an_intent_no_claim_opens(claims: list[Sighting]) -> None:
    bench = Bench()
    for claim in claims:
        bench.sees(claim)
    assert not bench.is_open()
    assert bench.loop.report.probes == 0


@given(st.lists(lies, max_size=30), st.sampled_from([MODEL, OTHER_MODEL]))
def test_threat_24_a_liar_who_shows_no_resident_opens_nothing(claims: list[Sighting], model: str) -> None:
    """Whatever it claims about people, quality, liveness and time: without a resident's embedding, nothing."""
    residents = {probe(face).embedding for face in FACES.values()}
    bench = Bench()
    bench.arrive()
    for claim in claims:
        if claim.probe is None or claim.probe.embedding not in residents or model != MODEL:
            bench.sees(claim, model)
    assert not bench.is_open()


@given(st.lists(st.none() | lies, max_size=30), pads)
@example([None] * 3, Pad.BONA_FIDE)
def test_threat_24_a_liar_skips_no_rule(claims: list[Sighting | None], pad: Pad) -> None:
    """A liar with a resident's embedding (None: a frame as it should be) still needs `agreeing` fresh frames in a row,
    each of one person and each bona fide.
    """
    bench, agreed = Bench(policy=DEMANDS_PAD), 0
    bench.arrive()
    for claim in claims:
        if claim is None:
            bench.looks_like(FACES[ANN], 1, pad=pad)
            agreed += pad is Pad.BONA_FIDE
        else:
            bench.sees(claim)
            agreed += claim.probe is not None and claim.probe.pad is Pad.BONA_FIDE and claim.candidates == 1
        if bench.is_open():
            assert agreed >= DEMANDS_PAD.agreeing
            return


def test_threat_24_the_rule_above_is_about_something() -> None:
    bench = Bench(policy=DEMANDS_PAD)
    bench.arrive()
    bench.looks_like(FACES[ANN], DEMANDS_PAD.agreeing, pad=Pad.BONA_FIDE)
    assert bench.is_open()


@given(st.lists(lies, max_size=30))
def test_threat_24_a_liar_keeps_no_card_out_and_nobody_in(claims: list[Sighting]) -> None:
    bench = Bench()
    bench.arrive()
    for claim in claims:
        bench.sees(claim)
    if not bench.is_open():
        bench.card()
    bench.enter()
    for claim in claims:
        bench.sees(claim)
    assert bench.is_open()
    bench.exit()
    assert not bench.is_open()


def test_threat_24_what_is_no_embedding_ends_the_connection_and_the_attempt() -> None:
    bench = Bench()
    bench.arrive(Intent.BUTTON)
    broken = msgspec.structs.replace(probe(FACES[ANN]), embedding=b"\xff" * (4 * DIMENSIONS))
    bench.sees(bench.sighting(broken))
    assert bench.eye.disowned == ["vision sent an embedding that is not finite"]
    assert bench.faults()[Part.VISION] == "vision sent an embedding that is not finite"
    assert bench.refusals[-1][1] is Refusal.FACE_OFF


# 25: `sync` taken over --------------------------------------------------------------------
def test_threat_25_no_module_of_the_lane_hears_sync() -> None:
    """The link to sync is known to the service, which makes it, and to the desk, which shows it."""
    folder = Path(inspect.getfile(uplink)).parent
    knows = {
        path.stem
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == uplink.__name__
    }
    assert knows == {"desk", "service"}
