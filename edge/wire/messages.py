"""What the processes may say to each other: everything, and nothing else.

Rule 1.  One datagram (SOCK_SEQPACKET) is one message: MessagePack of one tagged struct, at most `MAX_MESSAGE_BYTES`.
Rule 2.  An unknown tag, an unknown or missing field, or a value out of range is an `InputError`; nothing is guessed.
Rule 3.  The first message of each side is its `Hello` with `PROTOCOL`; another version ends the connection.
Rule 4.  Nothing that came from `vision` except enums and counters may ever go on to `sync` (design, "three processes").
Rule 5.  A message with an embedding hides it in its `repr`, because a `repr` ends up in logs.

Images never travel in messages. `enrol --images` passes open file descriptors (SCM_RIGHTS) from the operator through
`gate` to `vision`; `gate` never reads them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from edge.core.values import Alarm, Intent, Pad, Part, Refusal, Unfit, Way
from edge.errors import InputError

PROTOCOL = 1
MAX_MESSAGE_BYTES = 64 * 1024
"""Hard limit of one datagram, both ways."""
MAX_FDS = 8
"""File descriptors that one message may carry."""
MAX_TEXT = 512
"""Characters of a free text (an error, a version)."""
MAX_STAGES = 32
"""Stages that `vision` may time."""
MAX_DIMENSIONS = 1024
"""Components of an embedding."""
MAX_STATE_BYTES = 4 * 1024 * 1024
"""A site's signed state as a whole; it travels in chunks."""
PIECE_BYTES = 60 * 1024
"""Of the state, in one datagram (`edge.state.chunks` puts them together)."""
MAX_PIECES = -(-MAX_STATE_BYTES // PIECE_BYTES)
MAX_SIGNED_BYTES = 64 * 1024 - 1024
"""A signed statement that travels in one datagram: a head, an answer, an acknowledgement, a receipt."""
MAX_QUESTION_BYTES = 512
MAX_OWED = 32
"""Documents that the gate may have owing at `sync`; it offers the next when one of them is settled."""

Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[A-Za-z0-9_.:-]+\Z")]
Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Seconds = Annotated[float, Meta(ge=0.0, le=1e12)]
"""An `Instant` on the boot clock."""
Unit = Annotated[float, Meta(ge=0.0, le=1.0)]
Embedding = Annotated[bytes, Meta(min_length=4 * 16, max_length=4 * MAX_DIMENSIONS)]
"""float32, little endian, not normalised."""


class Message(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """Root of all messages; the tag is the class name."""


# vision <-> gate ---------------------------------------------------------------------------
class VisionHello(Message, frozen=True):
    """Who the eye is. `embedder_sha256` is the digest of the model bytes that it verified and loaded."""

    protocol: int
    pid: Count
    embedder_sha256: Sha256
    dimensions: Annotated[int, Meta(ge=16, le=MAX_DIMENSIONS)]
    pad_level: Id
    runtime: Text
    sandbox: Text
    camera: Text
    camera_simulated: bool


class Look(Message, frozen=True):
    """Open the eye for one attempt until the instant `until`, and send a `Sighting` or `Blank` for each frame."""

    attempt: Count
    until: Seconds
    intent: Intent


class Blind(Message, frozen=True):
    """Close the eye and overwrite the frames."""

    attempt: Count


class Probe(Struct, frozen=True, forbid_unknown_fields=True):
    """One fused capture of one track. `frames` says how many were fused; quality components are in [0, 1]."""

    track: Count
    frames: Annotated[int, Meta(ge=1, le=10_000)]
    embedding: Embedding
    face_px: Annotated[float, Meta(ge=0, le=20_000)]
    quality: Unit
    pad: Pad = Pad.NOT_DONE

    def __repr__(self) -> str:  # rule 5
        return f"Probe(track={self.track}, frames={self.frames}, embedding=<hidden>)"


class Sighting(Message, frozen=True):
    """What one frame showed in the zone: nobody usable (`unfit`), one probe, or a crowd (`candidates` > 1)."""

    attempt: Count
    captured_at: Seconds
    candidates: Annotated[int, Meta(ge=0, le=64)]
    unfit: Unfit | None = None
    probe: Probe | None = None


class PartState(Message, frozen=True):
    """A part that this process looks after failed (`ok` false, `why` for the operator) or works again."""

    part: Part
    ok: bool
    why: Text


class VisionCounters(Message, frozen=True):
    """Sent once a second. `embeddings` stays still while no intent is on (requirement EU-2)."""

    frames: Count
    embeddings: Count
    looking: bool
    stage_us: Annotated[dict[Id, Count], Meta(max_length=MAX_STAGES)]


class Examine(Message, frozen=True):
    """Take a reference capture from `count` images whose descriptors ride along, or from the camera (count 0)."""

    job: Count
    count: Annotated[int, Meta(ge=0, le=MAX_FDS)]
    until: Seconds


class Examined(Message, frozen=True):
    """Answer to `Examine`: probes fit to become references, and for the others why not, in order of the images."""

    job: Count
    probes: Annotated[tuple[Probe, ...], Meta(max_length=MAX_FDS)]
    unfit: Annotated[tuple[Text, ...], Meta(max_length=MAX_FDS)]


# gate <-> sync -----------------------------------------------------------------------------
class GateHello(Message, frozen=True):
    """First message of the gate to any peer."""

    protocol: int
    pid: Count
    site: Id
    gate: Id


class SyncHello(Message, frozen=True):
    """First message of `sync`."""

    protocol: int
    pid: Count
    sandbox: Text


class LinkState(Message, frozen=True):
    """Whether the broker can be heard, and if not, why."""

    connected: bool
    why: Text


class StateOpening(Message, frozen=True):
    """Announces the site's newest signed state. A second one, whatever was missing of the first, starts anew."""

    total: Annotated[int, Meta(ge=1, le=MAX_STATE_BYTES)]
    sha256: Sha256
    pieces: Annotated[int, Meta(ge=1, le=MAX_PIECES)]


class StatePiece(Message, frozen=True):
    """Bytes of the state that was announced last; pieces are numbered from 0, come in order, all full but the last."""

    number: Annotated[int, Meta(ge=0, le=MAX_PIECES - 1)]
    data: Annotated[bytes, Meta(min_length=1, max_length=PIECE_BYTES)]


class Kind(StrEnum):
    """What the opaque bytes of `Delivered` are said to be. Only their signature makes them that."""

    HEAD = "head"
    ANSWER = "answer"
    ACKNOWLEDGEMENT = "acknowledgement"


class Owing(StrEnum):
    """What a gate owes until the site has confirmed it."""

    RECEIPT = "receipt"
    WITHDRAWAL = "withdrawal"


class Delivered(Message, frozen=True):
    """A signed statement for this gate, as it came from the broker."""

    kind: Kind
    document: Annotated[bytes, Meta(min_length=1, max_length=MAX_SIGNED_BYTES)]


class Owed(Message, frozen=True):
    """A signed document to publish again and again until `Settled`. `sync` keeps it in memory only.

    After every hello the gate offers anew what it still owes, at most `MAX_OWED` at a time.
    """

    kind: Owing
    sha256: Sha256
    document: Annotated[bytes, Meta(min_length=1, max_length=MAX_SIGNED_BYTES)]


class Settled(Message, frozen=True):
    """The gate has verified that the site knows the document with this digest, or no longer owes it."""

    sha256: Sha256


class Question(Message, frozen=True):
    """Ask the beacon for the time. The newest question counts; who asks decides when to ask again."""

    document: Annotated[bytes, Meta(min_length=1, max_length=MAX_QUESTION_BYTES)]


class StateWanted(Message, frozen=True):
    """Ask the broker for the retained state once more: a head named one that this gate has not got."""


class GateState(Message, frozen=True):
    """How the gate is. `state_version` and `state_sha256` name the snapshot that it applied and committed."""

    face: bool
    lane: bool
    failed: Annotated[tuple[Part, ...], Meta(max_length=len(Part))]
    state_version: Count
    references: Count
    owed: Count
    state_sha256: Sha256 | None = None
    state_age_s: Count | None = None


class EventKind(StrEnum):
    """What a site may know of a gate's day. None of them says who."""

    RELEASED = "released"
    REFUSED = "refused"
    ALARM = "alarm"
    FAULT = "fault"
    MENDED = "mended"
    ENROLLED = "enrolled"
    ERASED = "erased"
    SUSPENDED = "suspended"
    STARTED = "started"


class GateEvent(Message, frozen=True):
    """One thing that happened: enums and counters only (rule 4). It may be dropped; `number` shows the gap."""

    number: Count
    at: Annotated[int, Meta(ge=0, le=253_402_300_799)]
    kind: EventKind
    way: Way | None = None
    refusal: Refusal | None = None
    alarm: Alarm | None = None
    part: Part | None = None
    count: Count = 1


VisionToGate = VisionHello | Sighting | PartState | VisionCounters | Examined
GateToVision = GateHello | Look | Blind | Examine
SyncToGate = SyncHello | LinkState | StateOpening | StatePiece | Delivered
GateToSync = GateHello | GateState | GateEvent | Owed | Settled | Question | StateWanted

T = TypeVar("T")
_ENCODER = msgspec.msgpack.Encoder()


def encode(message: Message) -> bytes:
    """MessagePack of `message`. Raises `InputError` above `MAX_MESSAGE_BYTES`."""
    data = _ENCODER.encode(message)
    if len(data) > MAX_MESSAGE_BYTES:
        raise InputError(
            f"a {type(message).__name__} of {len(data)} bytes is above the limit of {MAX_MESSAGE_BYTES}",
            hint="send less in one message; nothing was sent",
        )
    return data


class Decoder(Generic[T]):
    """Decodes the messages of one direction; everything else is refused with what is wrong, never with its content."""

    def __init__(self, kind: Any) -> None:  # noqa: ANN401 - a union of Message types has no better static type
        self._decoder = msgspec.msgpack.Decoder(kind)

    def __call__(self, data: bytes) -> T:
        """Return the message in `data`. Raises `InputError`."""
        if len(data) > MAX_MESSAGE_BYTES:
            raise InputError(f"a message of {len(data)} bytes is above the limit of {MAX_MESSAGE_BYTES}", hint=_PEER)
        try:
            return cast("T", self._decoder.decode(data))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            why = str(error)
            if not why.startswith(_OUR_WORDS):
                why = "an unknown kind, field or value"
            raise InputError(f"a message does not parse: {why}"[:MAX_TEXT], hint=_PEER) from None


_OUR_WORDS = ("Expected ", "Object missing ", "Input data was truncated", "MessagePack data is malformed")
"""How msgspec begins where it speaks of our schema only. Elsewhere it repeats what the peer wrote: an unknown name or
value, and `vision` must not write our log."""
_PEER = "the two processes are of different versions, or one of them is not what it claims to be"
decode_from_vision: Decoder[VisionToGate] = Decoder(VisionToGate)
decode_to_vision: Decoder[GateToVision] = Decoder(GateToVision)
decode_from_sync: Decoder[SyncToGate] = Decoder(SyncToGate)
decode_to_sync: Decoder[GateToSync] = Decoder(GateToSync)
