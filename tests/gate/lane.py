"""A lane on the bench: the real loop over a fake turnstile, a fake eye and a clock that is moved by hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.core.decide import Threshold
from edge.core.lane import (
    CardRead,
    Event,
    IntentBegan,
    IntentEnded,
    LanePolicy,
    PassageBegan,
    PassageEnded,
)
from edge.core.quantise import quantise
from edge.core.values import CardId, ConsentId, Intent, Pad, Part, SubjectId, Unfit, WallTime, Way
from edge.gate.compare import Yardstick
from edge.gate.holdings import Holdings, nothing_held
from edge.gate.inbox import Inbox, Mended, Seen, Swap
from edge.gate.loop import Loop
from edge.gate.match import Gallery, Owner
from edge.wire.messages import Probe, Sighting
from tests.fakes.clock import HandClock
from tests.fakes.eye import FakeEye
from tests.fakes.oneshot import HandTimers
from tests.fakes.turnstile import FakeTurnstile

DIMENSIONS = 32
MODEL = "a" * 64
OTHER_MODEL = "b" * 64
YARDSTICK = Yardstick(MODEL, DIMENSIONS, Threshold(accept=0.9, margin=0.02))
CARD = CardId("card-1")
ANN, BOB = ConsentId("c-ann"), ConsentId("c-bob")
FRAME_S = 0.1


def face(number: int) -> NDArray[np.float32]:
    """The embedding of one made-up person; those of two are nearly orthogonal."""
    return np.random.default_rng(number).standard_normal(DIMENSIONS).astype(np.float32)


FACES = {ANN: face(1), BOB: face(2)}
STRANGER = face(3)


def probe(embedding: NDArray[np.float32], *, track: int = 1, pad: Pad = Pad.NOT_DONE) -> Probe:
    data = embedding.astype("<f4").tobytes()
    return Probe(track=track, frames=1, embedding=data, face_px=170.0, quality=0.9, pad=pad)


def holdings(
    *consents: ConsentId, live: frozenset[ConsentId] | None = None, expires: WallTime | None = None
) -> Holdings:
    """What the vault holds when these have enrolled, one reference each."""
    if not consents:
        return nothing_held(MODEL, DIMENSIONS)
    matrix = np.stack([quantise(FACES[consent]).vector for consent in consents])
    owners = [Owner(SubjectId(consent.removeprefix("c-")), consent) for consent in consents]
    expiries = () if expires is None else tuple((expires, consent) for consent in consents)
    return Holdings(MODEL, Gallery(matrix, owners), frozenset(consents) if live is None else live, expiries)


class Bench:
    """`turn` once after each thing that happens; time moves only by `wait`."""

    def __init__(self, *, policy: LanePolicy | None = None, ready: bool = True) -> None:
        self.clock = HandClock()
        self.timers = HandTimers(self.clock)
        self.turnstile = FakeTurnstile(self.clock, self.timers)
        self.eye, self.inbox = FakeEye(), Inbox()
        self.policy = policy or LanePolicy()
        self.loop = Loop(
            self.turnstile, self.eye, self.inbox, self.clock, self.policy, YARDSTICK, holdings(), (Way.FACE, Way.CARD)
        )
        self.loop.begin()
        if ready:
            self.hold(ANN, BOB)
            for part in (Part.VAULT, Part.VISION):
                self.inbox.put(Mended(part))
            self.turn()

    # Time -----------------------------------------------------------------------------------
    def turn(self) -> None:
        self.loop.turn(self.clock.now())

    def wait(self, seconds: float) -> None:
        """Let time pass as the loop would: it wakes for what is due."""
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self.timers.advance(min(self.loop.idle_s(self.clock.now()) or 0.001, end - self.clock.now()))
            self.turn()

    # What happens ---------------------------------------------------------------------------
    def happens(self, event: Event) -> None:
        self.inbox.put(event)
        self.turn()

    def arrive(self, source: Intent = Intent.PRESENCE) -> None:
        self.happens(IntentBegan(self.clock.now(), source))

    def leave(self) -> None:
        self.happens(IntentEnded(self.clock.now()))

    def enter(self) -> None:
        self.happens(PassageBegan(self.clock.now()))

    def exit(self) -> None:
        self.happens(PassageEnded(self.clock.now()))

    def card(self, card: CardId | None = CARD) -> None:
        self.happens(CardRead(self.clock.now(), card))

    def hold(self, *consents: ConsentId, live: frozenset[ConsentId] | None = None) -> Swap:
        """The vault changed."""
        swap = Swap(holdings(*consents, live=live))
        self.inbox.put(swap)
        self.turn()
        return swap

    # What the eye says ----------------------------------------------------------------------
    def sighting(
        self,
        found: Probe | None = None,
        *,
        attempt: int | None = None,
        captured_at: float | None = None,
        candidates: int = 1,
        unfit: Unfit | None = None,
    ) -> Sighting:
        return Sighting(
            attempt=(self.eye.looking or 0) if attempt is None else attempt,
            captured_at=self.clock.now() if captured_at is None else captured_at,
            candidates=candidates,
            unfit=unfit,
            probe=found,
        )

    def sees(self, sighting: Sighting, model: str = MODEL) -> None:
        """One frame."""
        self.timers.advance(FRAME_S)
        self.inbox.offer(Seen(sighting, model))
        self.turn()

    def looks_like(self, embedding: NDArray[np.float32], times: int = 3, *, pad: Pad = Pad.NOT_DONE) -> None:
        """So many frames of one face."""
        for _ in range(times):
            self.timers.advance(FRAME_S)
            self.inbox.offer(Seen(self.sighting(probe(embedding, pad=pad)), MODEL))
            self.turn()

    # What came of it ------------------------------------------------------------------------
    def is_open(self) -> bool:
        return self.turnstile.energised

    def faults(self) -> dict[Part, str]:
        """What failed, and why."""
        return dict(self.loop.report.faults)

    @property
    def refusals(self) -> list[tuple[object, ...]]:
        return [call[1:] for call in self.turnstile.calls if call[0] == "refuse"]
