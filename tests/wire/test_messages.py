"""What the processes may say to each other: everything that the schema allows comes through, nothing else does."""

from __future__ import annotations

import contextlib
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.wire import admin, messages
from edge.wire.messages import MAX_FDS, MAX_MESSAGE_BYTES, MAX_TEXT, Decoder, Message, Probe, Sighting, encode
from tests.wire.strategies import of

DIRECTIONS: dict[str, tuple[Decoder[Any], Any]] = {
    "from vision": (messages.decode_from_vision, messages.VisionToGate),
    "to vision": (messages.decode_to_vision, messages.GateToVision),
    "from sync": (messages.decode_from_sync, messages.SyncToGate),
    "to sync": (messages.decode_to_sync, messages.GateToSync),
    "request": (admin.decode_request, admin.Request),
    "answer": (admin.decode_answer, admin.Answer),
}
EVERY = pytest.mark.parametrize("direction", DIRECTIONS)
SIGHTING = Sighting(
    attempt=1,
    captured_at=2.0,
    candidates=1,
    probe=Probe(track=3, frames=4, embedding=b"\x7f" * 512, face_px=100.0, quality=0.5),
)


def kinds(union: Any) -> tuple[type[Message], ...]:
    return get_args(union) or (union,)


def refused(decode: Decoder[Any], data: bytes) -> InputError:
    with pytest.raises(InputError) as error:
        decode(data)
    return error.value


# Rule 1 --------------------------------------------------------------------------------------
@EVERY
@given(data=st.data())
def test_every_message_comes_through_byte_for_byte(direction: str, data: st.DataObject) -> None:
    decode, union = DIRECTIONS[direction]
    message = data.draw(of(union))
    sent = encode(message)
    assert decode(sent) == message
    assert encode(decode(sent)) == sent


def test_a_message_above_the_limit_is_neither_sent_nor_read() -> None:
    labels = tuple("x" * 64 for _ in range(2000))
    with pytest.raises(InputError, match="above the limit"):
        encode(admin.Cards(labels=labels, total=2000))
    for decode, _ in DIRECTIONS.values():
        assert "above the limit" in refused(decode, b"\x80" * (MAX_MESSAGE_BYTES + 1)).message


def test_the_longest_page_of_each_kind_fits_into_one_datagram() -> None:
    far, name, digest = 2**53, "x" * 64, "0" * 64
    row = admin.SubjectRow(
        subject=name,
        consent=name,
        references=far,
        model_sha256=digest,
        enrolled=1.7e12,
        expires=1.7e12,
        state="x" * admin.MAX_STATE,
    )
    encode(admin.Subjects(rows=(row,) * admin.MAX_SUBJECTS_A_PAGE, more=True))
    encode(admin.Cards(labels=(name,) * admin.MAX_CARDS_A_PAGE, total=far, more=True))
    probe = Probe(track=far, frames=1, embedding=b"\0" * 4 * messages.MAX_DIMENSIONS, face_px=1.0, quality=1.0)
    encode(messages.Examined(job=far, probes=(probe,) * MAX_FDS, unfit=("x" * MAX_TEXT,) * MAX_FDS))
    encode(admin.EnrolRequest(consent=b"\0" * admin.MAX_CONSENT_BYTES, images=MAX_FDS))


# Rule 2 --------------------------------------------------------------------------------------
@EVERY
@given(data=st.binary(max_size=400))
def test_arbitrary_bytes_are_a_message_or_an_input_error(direction: str, data: bytes) -> None:
    decode, _ = DIRECTIONS[direction]
    with contextlib.suppress(InputError):
        encode(decode(data))


@EVERY
@given(data=st.data())
def test_a_message_that_was_cut_or_went_on_is_refused(direction: str, data: st.DataObject) -> None:
    decode, union = DIRECTIONS[direction]
    sent = encode(data.draw(of(union)))
    refused(decode, sent[: data.draw(st.integers(0, len(sent) - 1))])
    refused(decode, sent + b"\0")


@EVERY
@given(data=st.data())
def test_a_message_with_flipped_bits_is_a_message_or_an_input_error(direction: str, data: st.DataObject) -> None:
    decode, union = DIRECTIONS[direction]
    sent = bytearray(encode(data.draw(of(union))))
    for _ in range(data.draw(st.integers(1, 4))):
        sent[data.draw(st.integers(0, len(sent) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        message = decode(bytes(sent))
    except InputError:
        return
    assert decode(encode(message)) == message


@EVERY
def test_an_unknown_or_a_missing_field_is_refused(direction: str) -> None:
    decode, union = DIRECTIONS[direction]
    for kind in kinds(union):
        message = _some(kind)
        fields = msgspec.msgpack.decode(encode(message))
        refused(decode, msgspec.msgpack.encode(fields | {"door": "open"}))
        for field in msgspec.structs.fields(kind):
            if field.required:
                refused(decode, msgspec.msgpack.encode({k: v for k, v in fields.items() if k != field.encode_name}))
        refused(decode, msgspec.msgpack.encode(fields | {"type": "Release"}))


@EVERY
def test_what_belongs_to_another_direction_is_refused(direction: str) -> None:
    decode, union = DIRECTIONS[direction]
    others = {kind for _, other in DIRECTIONS.values() for kind in kinds(other)} - set(kinds(union))
    for kind in others:
        refused(decode, encode(_some(kind)))


@EVERY
@pytest.mark.parametrize("depth", [100, 1_000, 10_000, 60_000])
@pytest.mark.parametrize("shell", [b"\x91", b"\x81\xa1a", b"\x81\xa4type"])
def test_nesting_of_any_depth_is_an_input_error(direction: str, depth: int, shell: bytes) -> None:
    decode, _ = DIRECTIONS[direction]
    refused(decode, (shell * depth)[:MAX_MESSAGE_BYTES])
    refused(decode, (shell * (depth // len(shell)) + b"\xc0")[:MAX_MESSAGE_BYTES])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attempt", -1),
        ("attempt", 2**53 + 1),
        ("attempt", True),
        ("attempt", 1.5),
        ("attempt", "1"),
        ("captured_at", float("nan")),
        ("captured_at", float("inf")),
        ("captured_at", -0.1),
        ("candidates", 65),
        ("unfit", "handsome"),
        ("probe", {"track": 1}),
    ],
)
def test_a_value_out_of_range_is_refused(field: str, value: object) -> None:
    fields = msgspec.msgpack.decode(encode(SIGHTING))
    refused(messages.decode_from_vision, msgspec.msgpack.encode(fields | {field: value}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("embedding", b"\0" * 63),
        ("embedding", b"\0" * 4097),
        ("embedding", [0.0] * 128),
        ("quality", 1.01),
        ("quality", float("nan")),
        ("face_px", float("nan")),
        ("frames", 0),
        ("pad", "alive"),
    ],
)
def test_a_probe_out_of_range_is_refused(field: str, value: object) -> None:
    fields = msgspec.msgpack.decode(encode(SIGHTING))
    fields["probe"] |= {field: value}
    refused(messages.decode_from_vision, msgspec.msgpack.encode(fields))


@pytest.mark.parametrize(
    "text", ["a'b; --", "../../x", "a\nb", "", "a" * 65, "\x1b[2J", "ä", "a\0"], ids=lambda text: ascii(text)[:12]
)
def test_an_id_is_letters_digits_and_four_signs(text: str) -> None:
    for request in ({"type": "EraseRequest", "subject": text}, {"type": "CardRemoveRequest", "label": text}):
        refused(admin.decode_request, msgspec.msgpack.encode(request))


# Rule 5, and what an error may say -----------------------------------------------------------
SPOKEN = "PEER-SPEAKS-HERE"


@pytest.mark.parametrize(
    "said",
    [
        {"type": SPOKEN},
        {"type": "Sighting", SPOKEN: 1},
        msgspec.msgpack.decode(encode(SIGHTING)) | {"unfit": SPOKEN},
        {SPOKEN: 1},
        SPOKEN,
        [SPOKEN],
        {"type": "VisionCounters", "frames": 1, "embeddings": 1, "looking": True, "stage_us": {SPOKEN + "!": 1}},
        {"type": "VisionCounters", "frames": 1, "embeddings": 1, "looking": True, "stage_us": {SPOKEN: -1}},
    ],
)
def test_an_error_repeats_nothing_that_the_peer_wrote(said: object) -> None:
    error = refused(messages.decode_from_vision, msgspec.msgpack.encode(said))
    assert SPOKEN not in error.message
    assert SPOKEN not in repr(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_no_repr_shows_an_embedding() -> None:
    for shown in (SIGHTING, SIGHTING.probe, messages.Examined(job=1, probes=(SIGHTING.probe,), unfit=())):  # type: ignore[arg-type]
        assert "hidden" in repr(shown)
        assert "\\x7f" not in repr(shown)


def test_messages_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        SIGHTING.attempt = 2  # type: ignore[misc]


def _some(kind: type[Message]) -> Message:
    """One valid message of `kind`, without the help of chance."""
    return msgspec.convert(_plain(msgspec.inspect.type_info(kind)), kind)


def _plain(kind: Any) -> Any:
    match kind:
        case msgspec.inspect.Metadata(type=inner):
            return _plain(inner)
        case msgspec.inspect.StructType(fields=fields, tag=tag, tag_field=tag_field):
            made = {field.encode_name: _plain(field.type) for field in fields if field.required}
            return made | ({tag_field: tag} if tag_field else {})
        case msgspec.inspect.IntType(ge=low):
            return low or 0
        case msgspec.inspect.FloatType(ge=low):
            return low or 0.0
        case msgspec.inspect.StrType(pattern=str(pattern)):
            return "0" * (64 if "{64}" in pattern else 4)
        case msgspec.inspect.BytesType(min_length=least):
            return b"\0" * (least or 0)
        case msgspec.inspect.EnumType(cls=cls):
            return next(iter(cls)).value
        case msgspec.inspect.BoolType():
            return False
        case msgspec.inspect.DictType():
            return {}
        case msgspec.inspect.VarTupleType():
            return []
        case _:
            return ""
