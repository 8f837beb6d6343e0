"""A receipt binds its gate, an acknowledgement clears what it names, and neither can be borrowed."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from securesystemslib.dsse import Envelope

from edge.core.values import SiteId
from edge.errors import EdgeError
from edge.state.errors import (
    BrokenChain,
    NotOwed,
    NotSigned,
    StatementDamaged,
    StatementEdited,
    WrongGate,
    WrongSite,
)
from edge.state.metadata import canonical, sha256
from edge.state.policy import GateKeys
from edge.state.receipt import (
    MAX_ERASED,
    MAX_RECEIPT_BYTES,
    Acknowledgement,
    Receipt,
    StateRef,
    demand_next,
    read_acknowledgement,
    read_receipt,
    write_acknowledgement,
    write_receipt,
)
from edge.state.statement import Form, Speakers
from edge.wire.messages import MAX_MESSAGE_BYTES
from tests.state.site import GATE, NAME, Site, raw, signer

KEY = signer("gate north")
BEACON = Speakers((raw("timestamp"),))
FIRST = Receipt(
    site=NAME,
    gate=GATE,
    number=1,
    previous=None,
    state=StateRef(7, "a" * 64),
    erased=("0" * 32, "1" * 32),
    suspended=0,
    destruction="logical",
    slot="file",
    software="b" * 64,
    time=1_800_000_000,
)
DOCUMENT = write_receipt(FIRST, KEY)
POLICY = msgspec.structs.replace(
    Site().policy,
    gates=(
        GateKeys(id=GATE, key=raw("gate north").hex()),
        GateKeys(id="south", key=raw("gate south").hex()),
        GateKeys(id="west", key=raw("gate west").hex(), retired=True),
    ),
)
ACK = Acknowledgement(site=NAME, gate=GATE, receipt=sha256(DOCUMENT), time=1_800_000_001)


def change(**changes: Any) -> Receipt:
    return msgspec.structs.replace(FIRST, **changes)


def edited(document: bytes, **changes: Any) -> bytes:
    """The envelope changed, nothing signed anew."""
    return msgspec.json.encode({**msgspec.json.decode(document), **changes}, order="sorted")


# Receipts -----------------------------------------------------------------------------------
def test_what_a_gate_says_is_read() -> None:
    assert read_receipt(DOCUMENT, POLICY, gate=GATE) == FIRST
    west = write_receipt(change(gate="west"), signer("gate west"))
    assert read_receipt(west, POLICY, gate="west").gate == "west", "a retired gate has said what it said"


def test_the_largest_receipt_fits_one_message() -> None:
    largest = change(
        erased=tuple(f"{n:032x}" for n in range(MAX_ERASED)), gate="g" * 64, slot="s" * 64, number=2**53 - 1,
        previous="c" * 64, destruction="tpm-nv", state=StateRef(2**53 - 1, "a" * 64),
    )  # fmt: skip
    document = write_receipt(largest, KEY)
    assert len(document) < MAX_RECEIPT_BYTES < MAX_MESSAGE_BYTES


@pytest.mark.parametrize(
    ("receipt", "by", "gate", "kind"),
    [
        (FIRST, "gate mallory", GATE, NotSigned),
        (FIRST, "gate south", GATE, NotSigned),
        (FIRST, "timestamp", GATE, NotSigned),
        (FIRST, "admin", GATE, NotSigned),
        (FIRST, "gate north", "south", NotSigned),
        (FIRST, "gate north", "minted", WrongGate),
        (change(gate="south"), "gate north", GATE, WrongGate),
        (change(site=SiteId("lakeside")), "gate north", GATE, WrongSite),
    ],
)
def test_a_receipt_of_somebody_else_is_refused(receipt: Receipt, by: str, gate: str, kind: type[EdgeError]) -> None:
    with pytest.raises(kind) as caught:
        read_receipt(write_receipt(receipt, signer(by)), POLICY, gate=gate)
    assert caught.type is kind


def test_an_edited_receipt_is_found() -> None:
    other = write_receipt(change(erased=("0" * 32,)), KEY)
    with pytest.raises(StatementEdited):
        read_receipt(edited(DOCUMENT, payload=msgspec.json.decode(other)["payload"]), POLICY, gate=GATE)
    with pytest.raises(StatementEdited):
        read_receipt(edited(DOCUMENT, signatures=msgspec.json.decode(other)["signatures"]), POLICY, gate=GATE)


def test_a_receipt_has_one_text() -> None:
    shell = msgspec.json.decode(DOCUMENT)
    twice = edited(DOCUMENT, signatures=shell["signatures"] * 2)
    many = edited(DOCUMENT, signatures=[{"keyid": f"{n:064x}", "sig": "A" * 86 + "=="} for n in range(500)])
    loose = edited(DOCUMENT, payload=shell["payload"].rstrip("=") + "=" * 4)
    for bent in (DOCUMENT + b"\n", DOCUMENT[:-1], b"", b"{}", b"[" * 10_000, bytes(MAX_RECEIPT_BYTES + 1), twice, many,
                 loose, edited(DOCUMENT, more=1), edited(DOCUMENT, payloadType="application/json"),
                 DOCUMENT.replace(b'":"', b'": "', 1)):  # fmt: skip
        with pytest.raises(StatementDamaged):
            read_receipt(bent, POLICY, gate=GATE)


def test_a_payload_has_one_text_although_it_is_signed() -> None:
    envelope = Envelope(canonical(FIRST).replace(b'":', b'": ', 1), "application/vnd.edge-gate.receipt+json", {})
    envelope.sign(KEY)
    with pytest.raises(StatementDamaged, match="content of the receipt is not in its canonical form"):
        read_receipt(msgspec.json.encode(envelope.to_dict(), order="sorted"), POLICY, gate=GATE)


def test_a_statement_is_bounded_before_it_is_parsed() -> None:
    with pytest.raises(StatementDamaged, match="above the limit"):
        read_receipt(bytes(MAX_RECEIPT_BYTES + 1), POLICY, gate=GATE)
    with pytest.raises(StatementDamaged, match="above the limit"):
        acknowledged(bytes(4096))


@pytest.mark.parametrize(
    "nonsense",
    [
        {"erased": ("1" * 32, "0" * 32)},
        {"erased": ("1" * 32, "1" * 32)},
        {"erased": ("x" * 32,)},
        {"erased": tuple(f"{n:032x}" for n in range(MAX_ERASED + 1))},
        {"previous": "c" * 64},
        {"number": 2},
        {"number": 0},
        {"destruction": "hoped"},
        {"says": "trust me"},
        {"suspended": -1},
        {"slot": "../slot"},
        {"time": -1},
        {"time": 1.5},
        {"type": "edge-gate/receipt/2"},
    ],
)
def test_a_receipt_that_contradicts_itself_is_neither_written_nor_read(nonsense: dict[str, Any]) -> None:
    with pytest.raises(StatementDamaged):
        write_receipt(change(**nonsense), KEY)
    loose: Form[Any] = Form(
        msgspec.defstruct("Anything", [(n, Any) for n in FIRST.__struct_fields__]), "receipt", 2**20
    )
    document = loose.write(change(**nonsense), [KEY])
    with pytest.raises(StatementDamaged):
        read_receipt(document, POLICY, gate=GATE)


def test_a_chain_shows_what_is_missing_doubled_or_swapped() -> None:
    second = change(number=2, previous=sha256(DOCUMENT))
    third = change(number=3, previous=sha256(write_receipt(second, KEY)))
    demand_next(FIRST, None)
    demand_next(second, DOCUMENT)
    demand_next(third, write_receipt(second, KEY))
    for receipt, previous in (
        (second, None),
        (third, DOCUMENT),
        (FIRST, DOCUMENT),
        (second, write_receipt(second, KEY)),
    ):
        with pytest.raises(BrokenChain):
            demand_next(receipt, previous)


# Acknowledgements ----------------------------------------------------------------------------
def acknowledged(document: bytes, **how: Any) -> Acknowledgement:
    return read_acknowledgement(
        document, **{"beacon": BEACON, "site": NAME, "gate": GATE, "owed": {ACK.receipt}, **how}
    )


def test_an_acknowledgement_clears_what_it_names() -> None:
    assert acknowledged(write_acknowledgement(ACK, [signer("timestamp")])) == ACK


@pytest.mark.parametrize("by", ["gate north", "snapshot", "suspend", "admin", "mallory"])
def test_nobody_but_the_beacon_acknowledges(by: str) -> None:
    with pytest.raises(NotSigned):
        acknowledged(write_acknowledgement(ACK, [signer(by)]))


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ({"site": "lakeside"}, WrongSite),
        ({"gate": "south"}, WrongGate),
        ({"owed": set()}, NotOwed),
        ({"owed": {"0" * 64}}, NotOwed),
    ],
)
def test_an_acknowledgement_is_for_one_gate_and_one_receipt(how: dict[str, Any], kind: type[EdgeError]) -> None:
    with pytest.raises(kind):
        acknowledged(write_acknowledgement(ACK, [signer("timestamp")]), **how)


def test_a_broker_that_edits_an_acknowledgement_is_found() -> None:
    right = write_acknowledgement(ACK, [signer("timestamp")])
    other = write_acknowledgement(msgspec.structs.replace(ACK, receipt="0" * 64), [signer("timestamp")])
    with pytest.raises(StatementEdited):
        acknowledged(edited(other, payload=msgspec.json.decode(right)["payload"]))


def test_a_signature_on_one_kind_is_none_on_another() -> None:
    """The same bytes, the same key, another payload type."""
    as_answer: Form[Acknowledgement] = Form(Acknowledgement, "time answer", 4096)
    borrowed = as_answer.write(ACK, [signer("timestamp")])
    with pytest.raises(StatementDamaged, match="signed as something else"):
        acknowledged(borrowed)
    relabelled = edited(borrowed, payloadType="application/vnd.edge-gate.acknowledgement+json")
    with pytest.raises(StatementEdited):
        acknowledged(relabelled)


def test_tuf_signatures_are_none_on_statements() -> None:
    """The beacon signs bare JSON for TUF; those signatures do not fit the framed bytes of a statement."""
    bare = signer("timestamp").sign(canonical(ACK))
    shell = msgspec.json.decode(write_acknowledgement(ACK, [signer("timestamp")]))
    shell["signatures"][0]["sig"] = base64.b64encode(bytes.fromhex(bare.signature)).decode()
    with pytest.raises(StatementEdited):
        acknowledged(msgspec.json.encode(shell, order="sorted"))


# Thresholds ---------------------------------------------------------------------------------
def test_two_speakers_are_two_keys() -> None:
    both = Speakers((raw("timestamp"), raw("spare")), threshold=2)
    one = write_acknowledgement(ACK, [signer("timestamp")])
    two = write_acknowledgement(ACK, [signer("timestamp"), signer("spare")])
    assert acknowledged(two, beacon=both) == ACK
    with pytest.raises(NotSigned):
        acknowledged(one, beacon=both)
    with pytest.raises(NotSigned):
        acknowledged(one, beacon=Speakers((raw("timestamp"), raw("timestamp")), threshold=2))
    with pytest.raises(NotSigned):
        acknowledged(one, beacon=Speakers((raw("timestamp"),), threshold=0))
    with pytest.raises(NotSigned):
        acknowledged(one, beacon=Speakers((), threshold=1))
    shell = msgspec.json.decode(two)
    shell["signatures"][1]["sig"] = shell["signatures"][0]["sig"]
    with pytest.raises(StatementEdited):
        acknowledged(msgspec.json.encode(shell, order="sorted"), beacon=both)
