"""What an operator asks a gate, against one that answers by script."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from edge.cli import client
from edge.core.values import Part
from edge.wire.admin import (
    MAX_CONSENT_BYTES,
    CardAddRequest,
    CardRemoveRequest,
    Cards,
    CardsRequest,
    Enrolled,
    EnrolRequest,
    Erased,
    EraseRequest,
    PartReport,
    Problem,
    Status,
    StatusRequest,
    SubjectRequest,
    SubjectRow,
    Subjects,
    SubjectsRequest,
)
from edge.wire.messages import MAX_FDS
from tests.cli.conftest import Run
from tests.cli.gate import FakeGate

STATUS = Status(
    site="compound",
    gate="north",
    commissioned=False,
    lane="idle",
    face="off: camera: gone",
    parts=(PartReport(part=Part.CAMERA, ok=False, why="\x1b[31mgone"), PartReport(part=Part.PINS, ok=True, why="")),
    pack="dlib-resnet",
    embedder_sha256="a" * 64,
    threshold=0.936,
    margin=0.02,
    pad="none",
    references=3,
    subjects=2,
    cards=1,
    destruction="logical",
    link="not connected",
    sandboxes={"gate": "landlock abi 7 + seccomp", "vision": "not sandboxed: the kernel has no landlock"},
    releases=5,
    refusals=6,
    embeddings=7,
    uptime_s=61.0,
)


def row(number: int) -> SubjectRow:
    return SubjectRow(
        subject=f"s{number}",
        consent=f"c{number}",
        references=1,
        model_sha256="b" * 64,
        enrolled=1_750_000_000.0,
        expires=1e12,
        state="live",
    )


# status -------------------------------------------------------------------------------------
def test_status_for_people_and_for_scripts(edge_gate: Run, config: Path, tmp_path: Path) -> None:
    with FakeGate(tmp_path / "run", STATUS, STATUS) as gate:
        drawn = edge_gate("status", "--config", config)
        said = edge_gate("status", "--config", config, "--json").json
    assert gate.asked == [StatusRequest(), StatusRequest()]
    assert drawn.code == 0
    for text in ("north of compound, not commissioned", "threshold 0.936", "not sandboxed", "camera", "gone"):
        assert text in drawn.out
    assert "\x1b" not in drawn.out
    assert said["threshold"] == 0.936
    assert said["parts"][0] == {"part": "camera", "ok": False, "why": "\x1b[31mgone"}


def test_nobody_there(edge_gate: Run, config: Path) -> None:
    ended = edge_gate("status", "--config", config)
    assert ended.code == 7
    assert "the gate does not answer at" in ended.err
    assert "edge-gate run" in ended.err


def test_a_gate_that_does_not_answer(
    edge_gate: Run, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client.ask, "__kwdefaults__", {"fds": (), "within_s": 0.05})
    with FakeGate(tmp_path / "run", None):
        ended = edge_gate("status", "--config", config)
    assert ended.code == 7
    assert "did not answer within 0.05 s" in ended.err


def test_a_refusal_by_the_gate_reads_like_our_own(edge_gate: Run, config: Path, tmp_path: Path) -> None:
    with FakeGate(tmp_path / "run", Problem(exit_code=5, message="it is so", hint="do that")):
        ended = edge_gate("status", "--config", config)
    assert (ended.code, ended.err) == (5, "edge-gate: error: it is so\nhint: do that\n")


def test_an_answer_of_another_kind_is_an_error(edge_gate: Run, config: Path, tmp_path: Path) -> None:
    with FakeGate(tmp_path / "run", Cards(labels=(), total=0)):
        ended = edge_gate("status", "--config", config)
    assert ended.code == 4
    assert "different versions" in ended.err


# subjects -----------------------------------------------------------------------------------
def test_subjects_are_read_page_by_page(edge_gate: Run, config: Path, tmp_path: Path) -> None:
    pages = (Subjects(rows=(row(1), row(2)), more=True), Subjects(rows=(row(3),)))
    with FakeGate(tmp_path / "run", *pages) as gate:
        said = edge_gate("subjects", "list", "--config", config, "--json").json
    assert [each["subject"] for each in said] == ["s1", "s2", "s3"]
    assert gate.asked == [SubjectsRequest(), SubjectsRequest(after="c2")]


def test_a_gate_that_promises_more_for_ever_is_not_asked_for_ever(edge_gate: Run, config: Path, tmp_path: Path) -> None:
    with FakeGate(tmp_path / "run", Subjects(rows=(), more=True)):
        assert edge_gate("subjects", "list", "--config", config, "--json").json == []


def test_one_subject_with_dates_beyond_the_calendar(edge_gate: Run, config: Path, tmp_path: Path) -> None:
    with FakeGate(tmp_path / "run", Subjects(rows=(row(1),))) as gate:
        drawn = edge_gate("subjects", "show", "s1", "--config", config)
    assert gate.asked == [SubjectRequest("s1")]
    assert "2025-06-15" in drawn.out
    assert "beyond the calendar" in drawn.out.replace("\n", " ") or "beyond" in drawn.out


def test_erasing_says_what_was_proved(edge_gate: Run, config: Path, tmp_path: Path) -> None:
    erased = Erased(subject="s1", consents=("c1",), references=3, destruction="logical", state_sha256="c" * 64)
    with FakeGate(tmp_path / "run", erased) as gate:
        drawn = edge_gate("subjects", "erase", "s1", "--yes", "--config", config)
    assert gate.asked == [EraseRequest("s1")]
    assert "3 references of s1 under 1 consents are erased (logical); absence verified" in drawn.out


@pytest.mark.parametrize("subject", ["", "a b", "../x", "x'--", "x" * 65])
def test_what_cannot_be_a_subject_is_not_asked_for(edge_gate: Run, config: Path, subject: str) -> None:
    for command in ("show", "erase"):
        ended = edge_gate("subjects", command, "--config", config, "--", subject)
        assert ended.code == 3
        assert "this cannot be a subject" in ended.err


# cards --------------------------------------------------------------------------------------
def test_a_card_number_comes_from_standard_input(
    edge_gate: Run, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("12345678\n"))
    with FakeGate(tmp_path / "run", Cards(labels=("blue",), total=1)) as gate:
        ended = edge_gate("cards", "add", "blue", "--config", config)
    assert gate.asked == [CardAddRequest(number="12345678", label="blue")]
    assert "blue may pass; 1 cards are known" in ended.out
    assert "12345678" not in ended.out + ended.err


@pytest.mark.parametrize("number", ["", "123", "x" * 65, "1' OR '1'='1", "12 34"])
def test_what_is_no_card_number_is_refused_and_not_repeated(
    edge_gate: Run, config: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(number + "\n"))
    ended = edge_gate("cards", "add", "blue", "--config", config)
    assert ended.code == 3
    assert not number or number not in ended.err


def test_cards_are_listed_page_by_page_and_removed(edge_gate: Run, config: Path, tmp_path: Path) -> None:
    pages = (Cards(labels=("a", "b"), total=3, more=True), Cards(labels=("c",), total=3))
    with FakeGate(tmp_path / "run", *pages, Cards(labels=("a",), total=2)) as gate:
        assert edge_gate("cards", "list", "--config", config, "--json").json == {"labels": ["a", "b", "c"]}
        assert "2 cards are known" in edge_gate("cards", "remove", "a", "--config", config).out
    assert gate.asked == [CardsRequest(), CardsRequest(after="b"), CardRemoveRequest("a")]


# enrol --------------------------------------------------------------------------------------
ENROLLED = Enrolled(subject="s1", consent="c1", references=2, expires=1_800_000_000.0, unfit=("too far away",))


@pytest.fixture
def consent(tmp_path: Path) -> Path:
    (tmp_path / "consent.json").write_bytes(b'{"signed": true}')
    return tmp_path / "consent.json"


def test_images_are_handed_over_open_and_unread(edge_gate: Run, config: Path, tmp_path: Path, consent: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jpg").write_text(f"picture {name}")
    with FakeGate(tmp_path / "run", ENROLLED) as gate:
        ended = edge_gate("enrol", consent, "--images", tmp_path / "a.jpg", tmp_path / "b.jpg", "--config", config)
    assert gate.asked == [EnrolRequest(consent=b'{"signed": true}', images=2)]
    assert gate.files == [b"picture a", b"picture b"]
    assert "s1 is enrolled: 2 references under c1, until 2027-01-15" in ended.out
    assert "not used: too far away" in ended.out


def test_without_images_the_gate_looks_itself(edge_gate: Run, config: Path, tmp_path: Path, consent: Path) -> None:
    with FakeGate(tmp_path / "run", ENROLLED) as gate:
        said = edge_gate("enrol", consent, "--config", config, "--json").json
    assert gate.asked == [EnrolRequest(consent=b'{"signed": true}', images=0)]
    assert (said["references"], gate.files) == (2, [])


def test_enrolling_leaves_no_descriptor_open(edge_gate: Run, config: Path, tmp_path: Path, consent: Path) -> None:
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    edge_gate("enrol", consent, "--images", consent, consent, "--config", config)
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


def test_what_cannot_be_enrolled_is_said_before_the_gate_is_asked(
    edge_gate: Run, config: Path, tmp_path: Path, consent: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(b"x" * (MAX_CONSENT_BYTES + 1))
    for args, code, why in (
        ((tmp_path / "missing",), 4, "cannot be opened: No such file"),
        ((tmp_path,), 4, "not a plain file"),
        ((tmp_path / "pipe",), 4, "not a plain file"),
        ((tmp_path / "empty",), 4, "is no consent: it is empty"),
        ((tmp_path / "large",), 4, "is no consent: it is too large"),
        ((consent, "--images"), 3, "named after --images"),
        ((consent, tmp_path / "a.jpg"), 3, "named after --images"),
        ((consent, "--images", tmp_path / "missing.jpg"), 4, "cannot be opened"),
        ((consent, "--images", *["a.jpg"] * (MAX_FDS + 1)), 3, "are too many"),
    ):
        ended = edge_gate("enrol", *args, "--config", config)
        assert (ended.code, ended.out) == (code, ""), args
        assert why in ended.err
