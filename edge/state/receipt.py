"""What a gate says when it has erased, and what the beacon says when it has heard.

Rule 1.  A receipt is the gate's word, under its own key: at this consent state it holds no reference whose index is
         neither valid nor suspended, so many consents are suspended, these were erased, and this is how surely the keys
         were destroyed. It binds whoever holds the gate's key. It does not bind a manager who controls the gate's
         software; the digest says which software spoke.
Rule 2.  Receipts of a gate form a chain: each is numbered and names the SHA-256 of the document before it. A missing, a
         doubled and a swapped one show.
Rule 3.  A receipt is owed until the beacon has acknowledged it by that SHA-256, under its timestamp role. A broker that
         says "delivered" proves nothing. An acknowledgement clears what this gate owes, and nothing else.
Rule 4.  A gate's key is the one in the site policy. A gate that is not there never existed (threat 30); a retired one
         has said what it said, and its old receipts still verify.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct
from securesystemslib.signer import Signer

from edge.core.consent import STATUS_LIST_SIZE, Name
from edge.state.errors import BrokenChain, NotOwed, StatementDamaged, WrongGate, WrongSite
from edge.state.metadata import sha256
from edge.state.policy import SitePolicy
from edge.state.shapes import MAX_TIME_S, Hex32, Site, Version
from edge.state.statement import Form, Speakers

MAX_ERASED = 1024
"""Consents of one receipt; a larger batch takes more receipts."""
MAX_RECEIPT_BYTES = 56 * 1024
"""Fits one message between the processes."""
MAX_ACKNOWLEDGEMENT_BYTES = 2048

Number = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Seconds = Annotated[int, Meta(ge=0, le=MAX_TIME_S)]
ErasedId = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
Destruction = Literal["tpm-nv", "logical"]


class StateRef(Struct, frozen=True, forbid_unknown_fields=True):
    """A consent state: version and SHA-256 of its snapshot."""

    version: Version
    sha256: Hex32


class Receipt(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rule 1. `suspended` counts consents; `time` is the gate's signed time, `slot` the kind of place of its keys."""

    type: Literal["edge-gate/receipt/1"] = "edge-gate/receipt/1"
    says: Literal["this gate holds no reference whose index is neither valid nor suspended"] = (
        "this gate holds no reference whose index is neither valid nor suspended"
    )
    site: Site
    gate: Name
    number: Number
    previous: Hex32 | None
    state: StateRef
    erased: Annotated[tuple[ErasedId, ...], Meta(max_length=MAX_ERASED)]
    suspended: Annotated[int, Meta(ge=0, le=STATUS_LIST_SIZE)]
    destruction: Destruction
    slot: Name
    software: Hex32
    time: Seconds


class Acknowledgement(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rule 3. `receipt` is the SHA-256 of the whole receipt document."""

    type: Literal["edge-gate/acknowledgement/1"] = "edge-gate/acknowledgement/1"
    site: Site
    gate: Name
    receipt: Hex32
    time: Seconds


_RECEIPT = Form(Receipt, "receipt", MAX_RECEIPT_BYTES)
_ACKNOWLEDGEMENT = Form(Acknowledgement, "acknowledgement", MAX_ACKNOWLEDGEMENT_BYTES)


def write_receipt(receipt: Receipt, signer: Signer) -> bytes:
    """The document. Raises `StatementDamaged` where `read_receipt` would."""
    _coherent(receipt)
    return _RECEIPT.write(receipt, [signer])


def read_receipt(document: bytes, policy: SitePolicy, *, gate: str) -> Receipt:
    """The receipt of `gate` in `document`.

    Raises:
        WrongGate: the site has no such gate (rule 4), or it is another gate's.
        WrongSite: it is another site's.
        StatementDamaged, NotSigned, StatementEdited: as `Form.read`.
    """
    entry = policy.gate(gate)
    if entry is None:
        raise WrongGate(f"the site has no gate {gate}", hint="look at the gates in the site policy")
    receipt, _ = _RECEIPT.read(document, Speakers((bytes.fromhex(entry.key),)))
    _here(receipt.site, receipt.gate, policy.site, gate, "receipt")
    _coherent(receipt)
    return receipt


def demand_next(receipt: Receipt, previous: bytes | None) -> None:
    """Rule 2: whether `receipt` follows the document `previous` (None: it must be the first). Raises `BrokenChain`."""
    if previous is None:
        if receipt.number != 1:
            raise BrokenChain(f"receipt {receipt.number} came first", hint=_CHAIN)
    elif receipt.previous != sha256(previous):
        raise BrokenChain(f"receipt {receipt.number} does not follow the one before it", hint=_CHAIN)


def write_acknowledgement(acknowledgement: Acknowledgement, signers: Iterable[Signer]) -> bytes:
    """The document, under the timestamp role."""
    return _ACKNOWLEDGEMENT.write(acknowledgement, signers)


def read_acknowledgement(
    document: bytes, beacon: Speakers, *, site: str, gate: str, owed: Collection[str]
) -> Acknowledgement:
    """What the beacon acknowledges to this gate; `owed` are the SHA-256 of the receipts that it owes.

    Raises:
        NotOwed: it names a receipt that is not among them.
        WrongSite, WrongGate, StatementDamaged, NotSigned, StatementEdited: as above.
    """
    said, _ = _ACKNOWLEDGEMENT.read(document, beacon)
    _here(said.site, said.gate, site, gate, "acknowledgement")
    if said.receipt not in owed:
        raise NotOwed(f"an acknowledgement names receipt {said.receipt[:16]}…, which is not owed", hint=_OWED)
    return said


def _coherent(receipt: Receipt) -> None:
    if list(receipt.erased) != sorted(set(receipt.erased)):
        raise StatementDamaged("`erased` is not sorted or names a consent twice", hint=_CHAIN)
    if (receipt.previous is None) != (receipt.number == 1):
        raise StatementDamaged("a receipt is the first or follows another, and not both", hint=_CHAIN)


def _here(site: str, gate: str, our_site: str, our_gate: str, name: str) -> None:
    if site != our_site:
        raise WrongSite(f"the {name} is for site {site}, not {our_site}", hint="check which broker it came from")
    if gate != our_gate:
        raise WrongGate(f"the {name} is for gate {gate}, not {our_gate}", hint="check which broker it came from")


_CHAIN = "ask the gate for its receipts again; a gap that stays is a reason to inspect it"
_OWED = "nothing to do: the receipt stays owed until the right acknowledgement comes"
