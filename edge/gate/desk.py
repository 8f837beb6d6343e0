"""What operators can ask for, and how each question is answered.

No answer holds a template, a key or a card number. `status` is made from what the parts last said of themselves; asking
for it waits for nothing.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import assert_never

from edge.config.schema import Config
from edge.core.values import FACE_PARTS, Instant, Part, SubjectId
from edge.errors import InputError
from edge.gate.compare import Yardstick
from edge.gate.enrol import Enroller
from edge.gate.eye import ITS_PARTS, EyeLink, printable
from edge.gate.loop import Loop
from edge.gate.storage import Storage
from edge.gate.uplink import Uplink
from edge.gate.vault import Held, Page
from edge.ports import Clock
from edge.wire.admin import (
    MAX_CARDS_A_PAGE,
    MAX_SUBJECTS_A_PAGE,
    Answer,
    CardAddRequest,
    CardRemoveRequest,
    Cards,
    CardsRequest,
    EnrolRequest,
    Erased,
    EraseRequest,
    PartReport,
    Request,
    Status,
    StatusRequest,
    SubjectRequest,
    SubjectRow,
    Subjects,
    SubjectsRequest,
)
from edge.wire.messages import MAX_TEXT


class Desk:
    """Calling it answers one request; any thread that may wait."""

    def __init__(
        self,
        config: Config,
        loop: Loop,
        eye: EyeLink,
        uplink: Uplink,
        storage: Storage,
        yardstick: Yardstick,
        clock: Clock,
        *,
        sandbox: str,
    ) -> None:
        self._config, self._loop, self._eye, self._uplink = config, loop, eye, uplink
        self._storage, self._yardstick, self._clock = storage, yardstick, clock
        self._enroller = Enroller(config, eye, storage, yardstick, clock)
        self._sandbox, self._began = sandbox, clock.now()

    def __call__(self, request: Request, fds: Sequence[int], operator: str) -> Answer:
        """Answer. Raises `EdgeError` when it was not done."""
        if fds and not isinstance(request, EnrolRequest):
            raise InputError("files came with a request that needs none", hint="use `edge-gate`, of this version")
        match request:
            case StatusRequest():
                return self._status(self._clock.now())
            case EnrolRequest(consent=consent, images=images):
                if images != len(fds):
                    raise InputError(f"{images} images were announced, {len(fds)} came", hint="try again")
                return self._enroller.enrol(consent, fds, operator)
            case SubjectsRequest(after=after):
                page = self._storage.subjects(after, MAX_SUBJECTS_A_PAGE)
                return _subjects(page)
            case SubjectRequest(subject=subject):
                return _subjects(Page(self._storage.subject(SubjectId(subject)), more=False))
            case EraseRequest(subject=subject):
                gone = self._storage.erase(SubjectId(subject), operator)
                return Erased(
                    subject=subject,
                    consents=gone.consents,
                    references=gone.references,
                    destruction=gone.destruction,
                    state_sha256=gone.state_sha256,
                )
            case CardAddRequest(number=number, label=label):
                return Cards(labels=(label,), total=self._storage.add_card(number, label, operator))
            case CardRemoveRequest(label=label):
                return Cards(labels=(label,), total=self._storage.remove_card(label, operator))
            case CardsRequest(after=after):
                return _cards(self._storage.card_labels(), after)
            case _ as unreachable:
                assert_never(unreachable)

    def _status(self, now: Instant) -> Status:
        lane, eye, held = self._loop.report, self._eye.report, self._storage.report
        why = dict(lane.faults)
        if Part.VISION in why:  # what it looks after cannot be known to work
            why |= {part: why.get(part, "not known while vision is away") for part in ITS_PARTS}
        off = [f"{part.value}: {reason}" for part, reason in lane.faults if part in FACE_PARTS]
        sandboxes = {"gate": self._sandbox, "sync": self._uplink.sandbox}
        if eye.hello is not None:
            sandboxes["vision"] = printable(eye.hello.sandbox)
        return Status(
            site=self._config.site.id,
            gate=self._config.gate.id,
            commissioned=self._config.gate.commissioned,
            lane=lane.phase,
            face=f"off: {'; '.join(off)}"[:MAX_TEXT] if off else "on",
            parts=tuple(PartReport(part=p, ok=p not in why, why=why.get(p, "")[:MAX_TEXT]) for p in Part),
            pack=self._config.recognition.pack,
            embedder_sha256=self._yardstick.model_sha256,
            threshold=self._yardstick.threshold.accept,
            margin=self._yardstick.threshold.margin,
            pad=self._config.recognition.pad,
            references=held.references,
            subjects=held.subjects,
            cards=held.cards,
            destruction=held.destruction,
            link=self._uplink.link[:MAX_TEXT],
            sandboxes={name: text[:MAX_TEXT] for name, text in sandboxes.items() if text},
            releases=lane.releases,
            refusals=lane.refusals,
            embeddings=eye.embeddings,
            uptime_s=now - self._began,
        )


def _subjects(page: Page) -> Subjects:
    return Subjects(rows=tuple(_row(held) for held in page.rows), more=page.more)


def _cards(labels: tuple[str, ...], after: str) -> Cards:
    rest = labels[bisect.bisect_right(labels, after) :]
    return Cards(labels=rest[:MAX_CARDS_A_PAGE], total=len(labels), more=len(rest) > MAX_CARDS_A_PAGE)


def _row(held: Held) -> SubjectRow:
    return SubjectRow(
        subject=held.subject,
        consent=held.consent,
        references=held.references,
        model_sha256=held.model_sha256,
        enrolled=held.enrolled,
        expires=held.expires,
        state=held.standing.value,
    )
