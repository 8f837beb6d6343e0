"""What operators can ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec
import pytest

from edge.clock import BootClock
from edge.config.schema import Config
from edge.core.values import Pad, Part, SubjectId
from edge.errors import InputError, Refused
from edge.gate.desk import Desk
from edge.gate.enrol import Enroller
from edge.gate.eye import EyeReport
from edge.gate.loop import Report
from edge.gate.storage import StorageReport
from edge.gate.vault import Enrolment, Erasure, Held, Page, Standing
from edge.wire.admin import (
    MAX_CARDS_A_PAGE,
    CardAddRequest,
    CardRemoveRequest,
    Cards,
    CardsRequest,
    EnrolRequest,
    Erased,
    EraseRequest,
    Request,
    Status,
    StatusRequest,
    SubjectRequest,
    Subjects,
    SubjectsRequest,
    decode_answer,
)
from edge.wire.messages import Examined, Probe, encode
from tests.fakes.vision import hello
from tests.gate.configs import desk_config
from tests.gate.lane import ANN, BOB, DIMENSIONS, FACES, MODEL, YARDSTICK, probe
from tests.gate.site import TestSite

CONSENT, SUBJECT = "c" * 32, SubjectId("5" * 32)


class FakeStorage:
    """Answers as storage does, and remembers what it was told to change."""

    def __init__(self) -> None:
        self.changes: list[tuple[object, ...]] = []
        self.labels = tuple(f"card-{number:05}" for number in range(MAX_CARDS_A_PAGE + 10))
        self.report = StorageReport(references=3, subjects=2, cards=1, destruction="logical")
        self.used = False

    def enrol(self, envelope: bytes, probes: Sequence[object], qualities: Sequence[float], operator: str) -> Enrolment:
        self.changes.append(("enrol", len(probes), tuple(qualities), operator))
        return Enrolment(cast("Any", CONSENT), SUBJECT, len(probes), 2e9)

    def remembers(self, consent: str) -> tuple[bool, bool]:
        return self.used, False

    def erase(self, subject: SubjectId, operator: str) -> Erasure:
        self.changes.append(("erase", subject, operator))
        return Erasure((cast("Any", CONSENT),), 2, "logical", "e" * 64)

    def subjects(self, after: str, limit: int) -> Page:
        return Page(self.subject(SUBJECT), more=True)

    def subject(self, subject: SubjectId) -> tuple[Held, ...]:
        return (Held(subject, cast("Any", CONSENT), 2, MODEL, 1e9, 2e9, Standing.LIVE),)

    def add_card(self, number: str, label: str, operator: str) -> int:
        self.changes.append(("add", label, operator))
        return 1

    def remove_card(self, label: str, operator: str) -> int:
        self.changes.append(("remove", label, operator))
        return 0

    def card_labels(self) -> tuple[str, ...]:
        return self.labels


class FakeExaminer:
    """An eye that gives the captures that the test chose."""

    def __init__(self, *probes: Probe, unfit: tuple[str, ...] = ()) -> None:
        self.answer = Examined(job=1, probes=probes, unfit=unfit)
        self.asked: list[tuple[int, ...]] = []
        self.report = EyeReport(hello(MODEL, DIMENSIONS, sandbox="landlock\x1b[2J"), frames=7, embeddings=5)

    def examine(self, fds: Sequence[int], for_s: float) -> Examined:
        self.asked.append(tuple(fds))
        return self.answer


class FakeLoop:
    def __init__(self) -> None:
        faults = ((Part.CAMERA, "pulled"), (Part.PINS, "cut"))
        self.report = Report("looking", faults, releases=4, refusals=2, probes=9)


class FakeUplink:
    link, sandbox = "not connected: no broker", "seccomp"


class Counter:
    """The desk, and what lies behind it."""

    def __init__(self, config: Config | None = None, eye: FakeExaminer | None = None) -> None:
        self.site = TestSite(BootClock())
        self.storage, self.eye = FakeStorage(), eye or FakeExaminer(probe(FACES[ANN]))
        self.config = config or desk_config(self.site)
        self.loop = FakeLoop()
        loop: Any = self.loop
        eye_: Any = self.eye
        uplink: Any = FakeUplink()
        storage: Any = self.storage
        self.desk = Desk(self.config, loop, eye_, uplink, storage, YARDSTICK, BootClock(), sandbox="landlock")

    def ask(self, request: Request, fds: Sequence[int] = ()) -> object:
        """The answer, as it comes out of the socket."""
        return decode_answer(encode(self.desk(request, fds, "root")))


def test_status_says_what_works_what_does_not_and_why() -> None:
    said = Counter().ask(StatusRequest())
    assert isinstance(said, Status)
    assert {report.part: report.why for report in said.parts if not report.ok} == {
        Part.CAMERA: "pulled",
        Part.PINS: "cut",
    }
    assert len(said.parts) == len(Part)
    assert said.face == "off: camera: pulled"
    assert (said.lane, said.releases, said.refusals, said.embeddings) == ("looking", 4, 2, 5)
    assert (said.references, said.subjects, said.cards, said.destruction) == (3, 2, 1, "logical")
    assert said.sandboxes == {"gate": "landlock", "sync": "seccomp", "vision": "landlock?[2J"}
    assert said.link == "not connected: no broker"
    assert (said.threshold, said.embedder_sha256) == (YARDSTICK.threshold.accept, MODEL)


def test_status_without_an_eye_does_not_know_what_only_the_eye_knows() -> None:
    counter = Counter()
    counter.eye.report = EyeReport()
    counter.loop.report = Report("idle", ((Part.MODEL, "one bit is flipped"), (Part.VISION, "gone")))
    said = counter.ask(StatusRequest())
    assert isinstance(said, Status)
    assert "vision" not in said.sandboxes
    assert {report.part: report.why for report in said.parts if not report.ok} == {
        Part.CAMERA: "not known while vision is away",
        Part.MODEL: "one bit is flipped",
        Part.VISION: "gone",
    }
    assert said.face == "off: model: one bit is flipped; vision: gone"


def test_questions_about_subjects_give_facts_only() -> None:
    page = Counter().ask(SubjectsRequest())
    one = Counter().ask(SubjectRequest(subject=SUBJECT))
    assert isinstance(page, Subjects)
    assert isinstance(one, Subjects)
    assert (page.more, one.more) == (True, False)
    assert page.rows == one.rows
    assert (one.rows[0].state, one.rows[0].references) == ("live", 2)


def test_erasing_names_who_asked_and_what_it_destroyed() -> None:
    counter = Counter()
    said = counter.ask(EraseRequest(subject=SUBJECT))
    assert said == Erased(
        subject=SUBJECT, consents=(CONSENT,), references=2, destruction="logical", state_sha256="e" * 64
    )
    assert counter.storage.changes == [("erase", SUBJECT, "root")]


def test_cards_are_changed_by_label_and_listed_in_pages() -> None:
    counter = Counter()
    assert counter.ask(CardAddRequest(number="04A1B2C3", label="blue")) == Cards(labels=("blue",), total=1)
    assert counter.ask(CardRemoveRequest(label="blue")) == Cards(labels=("blue",), total=0)
    first = counter.ask(CardsRequest())
    assert isinstance(first, Cards)
    assert first.more
    second = counter.ask(CardsRequest(after=first.labels[-1]))
    assert isinstance(second, Cards)
    assert not second.more
    assert first.labels + second.labels == counter.storage.labels
    assert first.total == len(counter.storage.labels)


@pytest.mark.parametrize("request_", [StatusRequest(), CardsRequest(), EraseRequest(subject=SUBJECT)])
def test_files_that_nobody_asked_for_are_refused(request_: Request) -> None:
    with pytest.raises(InputError, match="files came"):
        Counter().desk(request_, (3,), "root")


# Enrolment --------------------------------------------------------------------------------
def enrol(counter: Counter, document: bytes, fds: tuple[int, ...] = ()) -> object:
    return counter.ask(EnrolRequest(consent=document, images=len(fds)), fds)


def test_a_consenting_subject_is_captured_and_enrolled() -> None:
    counter = Counter(eye=FakeExaminer(probe(FACES[ANN]), probe(FACES[BOB]), unfit=("blurred",)))
    said = enrol(counter, counter.site.consent()[2])
    assert counter.storage.changes == [("enrol", 2, (0.9, 0.9), "root")]
    assert getattr(said, "references", 0) == 2
    assert getattr(said, "unfit", ()) == ("blurred",)


@pytest.mark.parametrize(
    "document",
    [
        lambda site: site.consent(forged=True)[2],
        lambda site: site.consent(gate="another-gate")[2],
        lambda site: site.consent(begins_s=-7200, lasts_s=-3600)[2],
        lambda site: site.consent(begins_s=3600)[2],
        lambda site: site.consent()[2].replace(b"payload", b"Payload"),
        lambda site: site.consent()[2][:-40],
    ],
    ids=["forged", "another gate", "expired", "not yet valid", "edited", "truncated"],
)
def test_nobody_is_captured_under_a_document_that_enrols_nobody(document: Callable[[TestSite], bytes]) -> None:
    """Promise 1, before the camera: no capture, and nothing in the vault."""
    counter = Counter()
    with pytest.raises((Refused, InputError)):
        enrol(counter, document(counter.site))
    assert counter.eye.asked == []
    assert counter.storage.changes == []


def test_nobody_is_captured_under_a_consent_that_was_used() -> None:
    counter = Counter()
    counter.storage.used = True
    with pytest.raises(Refused):
        enrol(counter, counter.site.consent()[2])
    assert counter.eye.asked == []


def test_a_commissioned_gate_enrols_no_images() -> None:
    counter = Counter()
    commissioned = msgspec.structs.replace(
        counter.config, gate=msgspec.structs.replace(counter.config.gate, commissioned=True)
    )
    counter = Counter(commissioned)
    with pytest.raises(Refused, match="no images"):
        enrol(counter, b"{}", (3,))
    assert counter.eye.asked == []


def test_images_are_handed_on_as_they_are() -> None:
    counter = Counter()
    enrol(counter, counter.site.consent()[2], (98, 99))
    assert counter.eye.asked == [(98, 99)]


def test_announced_and_sent_images_have_to_agree() -> None:
    with pytest.raises(InputError, match="1 images were announced, 0 came"):
        Counter().desk(EnrolRequest(consent=b"{}", images=1), (), "root")


def test_no_usable_capture_is_said_with_the_reasons() -> None:
    counter = Counter(eye=FakeExaminer(unfit=("too far away", "blurred")))
    with pytest.raises(InputError, match="too far away; blurred"):
        enrol(counter, counter.site.consent()[2])
    assert counter.storage.changes == []


@pytest.mark.parametrize(
    ("demanded", "pad", "enrols"),
    [
        ("none", Pad.NOT_DONE, True),
        ("none", Pad.BONA_FIDE, True),
        ("none", Pad.ATTACK, False),
        ("simulated", Pad.NOT_DONE, False),
        ("simulated", Pad.BONA_FIDE, True),
        ("simulated", Pad.ATTACK, False),
    ],
)
def test_an_attack_never_becomes_a_reference(demanded: str, pad: Pad, enrols: bool) -> None:
    site_config = desk_config(TestSite(BootClock()))
    recognition = msgspec.structs.replace(site_config.recognition, pad=demanded)
    counter = Counter(eye=FakeExaminer(probe(FACES[ANN], pad=pad)))
    config = msgspec.structs.replace(counter.config, recognition=recognition)
    enroller = Enroller(config, counter.eye, cast("Any", counter.storage), YARDSTICK, BootClock())
    if enrols:
        assert enroller.enrol(counter.site.consent()[2], (), "root").references == 1
    else:
        with pytest.raises(InputError, match="not live"):
            enroller.enrol(counter.site.consent()[2], (), "root")


def test_a_capture_that_is_no_embedding_enrols_nothing() -> None:
    broken = msgspec.structs.replace(probe(FACES[ANN]), embedding=b"\xff" * (4 * DIMENSIONS))
    counter = Counter(eye=FakeExaminer(broken))
    with pytest.raises(InputError, match="not finite"):
        enrol(counter, counter.site.consent()[2])
    assert counter.storage.changes == []
