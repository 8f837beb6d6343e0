"""Days that have names: what a resident, an installer or an attacker would ask about first."""

from __future__ import annotations

from edge.core.lane import (
    CardRead,
    CloseEye,
    ConsentChanged,
    Crowded,
    Effect,
    Event,
    FaceSeen,
    Failed,
    Healed,
    Hold,
    IntentBegan,
    IntentEnded,
    Lane,
    LanePolicy,
    Lock,
    NotFit,
    NotRecognised,
    OpenEye,
    PassageBegan,
    PassageEnded,
    Raise,
    Refuse,
    Release,
    Show,
    Sign,
    Tick,
    deadline,
    step,
)
from edge.core.values import Alarm, AttemptId, CardId, Intent, Pad, Part, Refusal, TrackId, Unfit, Way
from tests.core.histories import ANN, BOB, recognised

P = LanePolicy()
CARD = CardId("card-1")


def day(*events: Event, policy: LanePolicy = P) -> tuple[Lane, list[Effect]]:
    lane, done = Lane(live=frozenset({ANN, BOB})), list[Effect]()
    for event in events:
        lane, effects = step(lane, event, policy)
        done += effects
    return lane, done


def arrives(at: float) -> IntentBegan:
    return IntentBegan(at, Intent.PRESENCE)


def seen(at: float, attempt: int = 1, track: int = 1, pad: Pad = Pad.NOT_DONE, who: object = ANN) -> FaceSeen:
    verdict = recognised(ANN) if who is ANN else who
    return FaceSeen(at, AttemptId(attempt), TrackId(track), at - 0.05, verdict, pad)  # type: ignore[arg-type]


def releases(done: list[Effect]) -> list[Release]:
    return [e for e in done if isinstance(e, Release)]


def refusals(done: list[Effect]) -> list[Refusal]:
    return [e.reason for e in done if isinstance(e, Refuse)]


def test_a_resident_walks_through() -> None:
    lane, done = day(
        arrives(0), seen(1), seen(1.1), seen(1.2), PassageBegan(2), PassageEnded(3), IntentEnded(3.1), Tick(9)
    )
    assert done == [
        Show(Sign.LOOK_HERE),
        OpenEye(AttemptId(1), 6.0, Intent.PRESENCE),
        CloseEye(AttemptId(1)),
        Release(Way.FACE, ANN, 6.2),
        Hold(17.0),
        Lock("passed"),
        Show(Sign.READY),
    ]
    assert deadline(lane) is None


def test_nobody_is_looked_at_without_an_intent() -> None:
    _, done = day(ConsentChanged(0, frozenset({ANN})), seen(1), seen(1.1), seen(1.2), Tick(10))
    assert not done


def test_a_release_that_nobody_uses_ends_with_its_time() -> None:
    _, done = day(CardRead(0, CARD), Tick(P.release_s))
    assert done == [Release(Way.CARD, CARD, P.release_s), Lock("nobody passed")]


def test_slow_frames_never_open() -> None:
    _, done = day(arrives(0), *[seen(2.5 * i) for i in range(1, 20)])
    assert not releases(done)


def test_a_withdrawal_in_mid_stride_stops_the_next_release_and_not_this_passage() -> None:
    lane, done = day(
        arrives(0),
        *[seen(t) for t in (1, 1.1, 1.2)],
        PassageBegan(2),
        ConsentChanged(2.1, frozenset()),
        PassageEnded(4),
        IntentEnded(4.1),
        arrives(6),
        *[seen(t, attempt=2) for t in (6.1, 6.2, 6.3, 6.4)],
        Tick(20),
    )
    assert len(releases(done)) == 1
    assert done.index(Lock("passed")) > done.index(Hold(2 + P.passage_max_s))
    assert refusals(done) == [Refusal.NO_CONSENT]
    assert deadline(lane) is None


def test_a_camera_that_dies_leaves_the_cards() -> None:
    _, done = day(arrives(0), Failed(1, Part.CAMERA), CardRead(2, CARD), Tick(20), Healed(21, Part.CAMERA))
    assert [e.way for e in releases(done)] == [Way.CARD]
    assert refusals(done) == [Refusal.FACE_OFF]
    assert done[-1] == Show(Sign.READY)


def test_a_stranger_is_told_so_and_must_step_away() -> None:
    strangers = [seen(0.5 + i / 10, who=NotRecognised()) for i in range(P.probes_max)]
    _, done = day(arrives(0), *strangers, IntentBegan(3, Intent.BUTTON), IntentEnded(4), arrives(5))
    assert refusals(done) == [Refusal.NOT_RECOGNISED, Refusal.STEP_AWAY]
    assert len([e for e in done if isinstance(e, OpenEye)]) == 2


def test_the_one_who_stays_in_view_does_not_hold_the_gate_open_for_friends() -> None:
    first: list[Event] = [arrives(0), *[seen(t) for t in (1, 1.1, 1.2)], PassageBegan(2), PassageEnded(3)]
    again: list[Event] = [Tick(4.1), *[seen(4.2 + i / 10, attempt=2) for i in range(P.probes_max)]]
    _, done = day(*first, *again)
    assert len(releases(done)) == 1
    assert refusals(done) == [Refusal.STEP_AWAY]


def test_the_next_in_the_queue_is_looked_at_without_a_gap() -> None:
    first: list[Event] = [arrives(0), *[seen(t) for t in (1, 1.1, 1.2)], PassageBegan(2), PassageEnded(3)]
    bob = [seen(4.2 + i / 10, attempt=2, who=recognised(BOB)) for i in range(3)]
    _, done = day(*first, Tick(4.1), *bob)
    assert [e.who for e in releases(done)] == [ANN, BOB]


def test_a_second_face_in_the_zone_stops_the_release() -> None:
    _, done = day(arrives(0), seen(1), seen(1.1), seen(1.2, who=Crowded()), seen(1.3), Tick(20))
    assert not releases(done)
    assert refusals(done) == [Refusal.MORE_THAN_ONE]


def test_an_attack_beats_any_number_of_matches() -> None:
    _, done = day(arrives(0), seen(1), seen(1.1), seen(1.2, pad=Pad.ATTACK), seen(1.3), seen(1.4), Tick(20))
    assert not releases(done)
    assert refusals(done) == [Refusal.NOT_LIVE]


def test_a_face_that_is_too_far_away_is_told_so() -> None:
    _, done = day(arrives(0), seen(1, who=NotFit(Unfit.TOO_SMALL)), Tick(20))
    assert [(e.reason, e.detail) for e in done if isinstance(e, Refuse)] == [
        (Refusal.NO_USABLE_FACE, Unfit.TOO_SMALL.value)
    ]


def test_a_passage_without_a_release_is_an_alarm_and_moves_nothing() -> None:
    _, done = day(PassageBegan(0), PassageEnded(1))
    assert done == [Raise(Alarm.FORCED)]


def test_a_sensor_that_sticks_is_an_alarm_a_fault_and_heals() -> None:
    lane, done = day(CardRead(0, CARD), PassageBegan(1), Tick(1 + P.passage_max_s), CardRead(30, CARD))
    assert Raise(Alarm.HELD) in done
    assert refusals(done) == [Refusal.LANE_FAULT]
    assert step(lane, PassageEnded(40), P)[1] == (Show(Sign.READY),)
