"""What the day brings, step by step, and what must come of it. `docs/claims.md` quotes these names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edge.core.values import Refusal, SubjectId
from edge.demo.faces import RESIDENT, STRANGER
from edge.demo.lane import OPEN, SHUT, DemoLane, Happened
from edge.errors import EXIT_CODES, EdgeError, Refused
from edge.wire.admin import CardAddRequest, Enrolled, EnrolRequest, Erased, EraseRequest

CARD = "4711081501"
UNKNOWN_CARD = "' OR 1=1 --"
REFUSED = EXIT_CODES[Refused.exit_code]


@dataclass(frozen=True, slots=True)
class Step:
    """`act` plays it; it came out right if it happened as expected, word for word."""

    name: str
    expected: str
    act: Callable[[], Happened]


@dataclass
class Day:
    """The day of one resident. `subject` and `consent` are theirs, once they have consented."""

    lane: DemoLane
    subject: SubjectId | None = None
    consent: bytes = field(default=b"", repr=False)

    def steps(self) -> list[Step]:
        """The steps that this lane can play: a real camera plays no stranger and is not pulled."""
        lane, sim = self.lane, self.lane.simulated
        stranger = f"{SHUT}: {Refusal.NOT_RECOGNISED.value}"
        crowd = f"{SHUT}: {Refusal.MORE_THAN_ONE.value}"
        steps = [
            (True, "a consent that nobody at the site signed", REFUSED, lambda: self._enrol(genuine=False)),
            (True, "resident, not enrolled", stranger, lambda: lane.approach(RESIDENT)),
            (True, "consent and enrolment", "1 template under 1 consent", lambda: self._enrol(genuine=True)),
            (True, "resident", OPEN, lambda: lane.approach(RESIDENT)),
            (sim, "stranger", stranger, lambda: lane.approach(STRANGER)),
            (sim, "resident with a friend in tow", crowd, lambda: lane.approach(RESIDENT, STRANGER)),
            (True, "card", OPEN, self._first_card),
            (True, "text in place of a card number", f"{SHUT}: {Refusal.CARD_UNKNOWN.value}", self._odd_card),
            (sim, "camera pulled", "faces off, cards on", lane.pull_camera),
            (sim, "card, without a camera", OPEN, lambda: lane.hold_card(CARD)),
            (sim, "camera back", "faces on again", lane.plug_camera),
            (sim, "resident again", OPEN, lambda: lane.approach(RESIDENT)),
            (True, "withdrawal", "1 template erased; the vault holds 0", self._withdraw),
            (True, "resident after the withdrawal", stranger, lambda: lane.approach(RESIDENT)),
            (True, "the same consent once more", REFUSED, self._enrol_again),
        ]
        return [Step(name, expected, act) for plays, name, expected, act in steps if plays]

    # At the operator's desk --------------------------------------------------------------------
    def _enrol(self, *, genuine: bool) -> Happened:
        self.subject, self.consent = self.lane.house.consent(genuine=genuine)
        return self._enrol_again()

    def _enrol_again(self) -> Happened:
        self.lane.stand(RESIDENT)
        began = self.lane.clock.now()
        words = self._asked(self._enrolment)
        return Happened(words, 1000 * (self.lane.clock.now() - began))

    def _enrolment(self) -> str:
        answer = self.lane.house.ask(EnrolRequest(consent=self.consent, images=0))
        if not isinstance(answer, Enrolled):
            return type(answer).__name__
        return f"{answer.references} template{'s' * (answer.references > 1)} under 1 consent"

    def _withdraw(self) -> Happened:
        if self.subject is None:
            return Happened("nobody has consented", 0.0)
        began = self.lane.clock.now()
        answer = self.lane.house.ask(EraseRequest(subject=self.subject))
        ms = 1000 * (self.lane.clock.now() - began)
        gone = answer.references if isinstance(answer, Erased) else 0
        left = self.lane.house.status().references
        return Happened(f"{gone} template{'s' * (gone > 1)} erased; the vault holds {left}", ms)

    # At the reader --------------------------------------------------------------------------------
    def _first_card(self) -> Happened:
        self.lane.house.ask(CardAddRequest(number=CARD, label="demo-card"))
        return self.lane.hold_card(CARD)

    def _odd_card(self) -> Happened:
        return self.lane.hold_card(UNKNOWN_CARD)

    @staticmethod
    def _asked(question: Callable[[], str]) -> str:
        try:
            return question()
        except EdgeError as error:
            return EXIT_CODES[error.exit_code]
