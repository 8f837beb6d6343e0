"""Writes `tests/vectors/state/`. Run by hand when a format changes: `python -m tests.state.make_vectors`.

Keys are derived from names (`tests.state.site.key`) and sign nothing else anywhere.
"""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path
from typing import Any

import msgspec

from edge.core.status_list import NOTHING_ISSUED, Status, deflate
from edge.state.answer import TimeQuestion, answer_to, write_question
from edge.state.metadata import canonical, sha256
from edge.state.policy import write_policy
from edge.state.receipt import Acknowledgement, Receipt, StateRef, write_acknowledgement, write_receipt
from edge.state.shapes import MAX_VERSION, Root, Timestamp
from edge.state.statement import Form
from tests.state.site import GATE, NAME, Site, edited, forged, signer
from tests.state.vectors import write

FOLDER = Path(__file__).parents[1] / "vectors" / "state"
NONCE = "00112233445566778899aabbccddeeff"


def status_lists(folder: Path) -> None:
    some = NOTHING_ISSUED.changed([0, 65535], Status.VALID).changed([7], Status.SUSPENDED)
    some = some.changed([8], Status.WITHDRAWN)
    good = deflate(some)
    who = {"valid": "0 65535", "suspended": "7"}
    write(folder / "three-people.txt", "success", good, about="0, 65535 valid; 7 suspended; 8 withdrawn", **who)
    write(folder / "fast-level.txt", "success", zlib.compress(some.packed, 1), about="any stream of these bytes", **who)
    flipped = bytearray(good)
    flipped[-1] ^= 1
    stream = zlib.compressobj(9, zdict=b"\xff" * 64)
    for name, expect, body in (
        ("empty", "stops short", b""),
        ("no-zlib", "does not inflate", b"no zlib stream"),
        ("raw-deflate", "does not inflate", good[2:-4]),
        ("gzip", "does not inflate", b"\x1f\x8b\x08\x00" + bytes(6) + good[2:-4]),
        ("checksum", "does not inflate", bytes(flipped)),
        ("truncated", "stops short", good[:-5]),
        ("checksum-missing", "stops short", good[:-4]),
        ("trailing-byte", "goes on after its end", good + b"\0"),
        ("two-streams", "goes on after its end", good + good),
        ("one-entry-less", "has 16383 bytes", zlib.compress(some.packed[:-1], 9)),
        ("one-byte-more", "longer than a list|has 16385 bytes", zlib.compress(some.packed + b"\xff", 9)),
        ("bomb", "longer than a list", zlib.compress(bytes(4_000_000), 9)),
        ("preset-dictionary", "does not inflate", stream.compress(some.packed) + stream.flush()),
        ("too-large", "above the limit", zlib.compress(some.packed, 0) + bytes(1024)),
    ):
        write(folder / f"{name}.txt", expect, body)


def bundles(folder: Path) -> None:
    """Each is read by a gate that was provisioned with `root.json` and knows nothing else; `now` is its time."""
    site = Site()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "root.json").write_bytes(site.root)
    now = str(int(site.now))
    write(folder / "first.txt", "success", site.data, now=now, snapshot="1", valid="0 1 2 3 4 5 6 7 8 9", suspended="")
    head = site.bundle.timestamp
    flipped = bytearray(site.data)
    flipped[-30] ^= 1
    later = Site().passes(3601)
    root = msgspec.json.decode(site.root)
    twice = msgspec.json.encode({**root, "signatures": root["signatures"][:1] * 2}, order="sorted")
    other = Site().revoke(3)
    too_high: Any = MAX_VERSION + 1
    for name, expect, data in (
        ("empty", "StateDamaged", b""),
        ("truncated", "StateDamaged", site.data[:-1]),
        ("trailing-byte", "StateDamaged", site.data + b"\0"),
        ("fields-in-another-order", "StateDamaged", _reversed(site.data)),
        ("unknown-field", "StateDamaged", msgspec.msgpack.encode({**msgspec.msgpack.decode(site.data), "x": 1})),
        ("list-bent", "Mismatched", bytes(flipped)),
        ("another-sites-name", "WrongSite", site.with_parts(site="lakeside")),
        ("another-root", "WrongSite", Site(now=site.now + 60).data),
        ("root-signed-by-one-of-two", "NotSigned", _with_root(site, forged(site.root, Root, ["root 0"], version=2))),
        ("one-signature-twice", "Duplicated", _with_root(site, twice)),
        ("root-threshold-0", "StateDamaged", _with_root(site, edited(site.root, site.roots, _threshold_0))),
        ("gap-after-root-1", "Mismatched", _with_root(site, forged(site.root, Root, site.roots, version=3))),
        ("head-not-the-beacons", "NotSigned", site.with_parts(timestamp=forged(head, Timestamp, ["mallory"]))),
        ("head-with-an-unknown-field", "StateDamaged", site.with_parts(
            timestamp=edited(head, [site.timestamp], lambda signed: signed.update(critical=1)))),
        ("head-above-the-highest-version", "StateDamaged", site.with_parts(
            timestamp=edited(head, [site.timestamp], lambda signed: signed.update(version=too_high)))),
        ("snapshot-of-another-state", "Mismatched", site.with_parts(snapshot=other.bundle.snapshot)),
        ("targets-of-another-state", "Mismatched", site.with_parts(targets=other.bundle.targets)),
        ("status-list-of-another-state", "Mismatched", site.with_parts(status=other.bundle.status)),
        ("expired", "Expired", later.data),
    ):  # fmt: skip
        write(folder / f"{name}.txt", expect, data, now=str(int(later.now) if name == "expired" else now))
    site.passes(60).revoke(3).suspended(5).rotate("timestamp", "snapshot", "suspend", "admin", "roots").passes(
        60
    ).tick()
    write(
        folder / "after-a-year-in-a-minute.txt", "success", site.data, now=str(int(site.now)), snapshot="5",
        about="3 withdrawn, 5 suspended by the beacon, then every key replaced", valid="0 1 2 4 6 7 8 9", suspended="5",
    )  # fmt: skip


def policies(folder: Path) -> None:
    data = write_policy(Site().policy)
    plain = msgspec.json.decode(data)
    write(folder / "small.txt", "success", data)
    for name, body in (
        ("empty", b""),
        ("space", data.replace(b":", b": ", 1)),
        ("unknown-field", _json({**plain, "open_all": True})),
        ("bound-of-four-minutes", _json({**plain, "freshness_bound_s": 240})),
        ("bound-of-two-days", _json({**plain, "freshness_bound_s": 172800})),
        ("issuer-twice", _json({**plain, "issuers": plain["issuers"] * 2})),
        ("gate-with-a-path-for-a-name", _json({**plain, "gates": [{**plain["gates"][0], "id": "../north"}]})),
    ):
        write(folder / f"{name}.txt", "StateDamaged", body)


def statements(folder: Path) -> None:
    site = Site()
    first = Receipt(
        site=NAME, gate=GATE, number=1, previous=None, state=StateRef(7, "a" * 64), erased=("0" * 32, "1" * 32),
        suspended=0, destruction="logical", slot="file", software="b" * 64, time=1_800_000_000,
    )  # fmt: skip
    receipt = write_receipt(first, signer("gate north"))
    said = Acknowledgement(site=NAME, gate=GATE, receipt=sha256(receipt), time=1_800_000_001)
    ack = write_acknowledgement(said, [signer("timestamp")])
    question = TimeQuestion(site=NAME, gate=GATE, nonce=NONCE)
    answer = answer_to(question, site.bundle, site.signers, now=site.now)
    elsewhere: Any = {"site": "lakeside"}
    other_gate = {"gate": "south"}

    right: dict[str, tuple[bytes, Form[Any], Any, str]] = {
        "receipt": (receipt, Form(Receipt, "receipt", 2**16), first, "gate north"),
        "acknowledgement": (ack, Form(Acknowledgement, "acknowledgement", 2**16), said, "timestamp"),
    }
    for kind, (document, form, value, by) in right.items():
        write(folder / kind / "right.txt", "success", document)
        wrong = form.write(msgspec.structs.replace(value, time=5), [signer(by)])
        shell, other = msgspec.json.decode(document), msgspec.json.decode(wrong)
        borrowed: Form[Any] = Form(type(value), "time answer", 2**16)
        for name, expect, body in (
            ("truncated", "StatementDamaged", document[:-1]),
            ("space", "StatementDamaged", document.replace(b":", b": ", 1)),
            ("signed-twice", "StatementDamaged", _json({**shell, "signatures": shell["signatures"] * 2})),
            ("another-kind", "StatementDamaged", borrowed.write(value, [signer(by)])),
            ("edited", "StatementEdited", _json({**shell, "payload": other["payload"]})),
            ("not-the-speaker", "NotSigned", form.write(value, [signer("mallory")])),
            ("another-site", "WrongSite", form.write(msgspec.structs.replace(value, **elsewhere), [signer(by)])),
            ("another-gate", "WrongGate", form.write(msgspec.structs.replace(value, **other_gate), [signer(by)])),
        ):
            write(folder / kind / f"{name}.txt", expect, body)
    write(folder / "acknowledgement" / "not-owed.txt", "NotOwed",
          write_acknowledgement(msgspec.structs.replace(said, receipt="0" * 64), [signer("timestamp")]))  # fmt: skip

    write(folder / "time-answer" / "right.txt", "success", answer, nonce=NONCE)
    south = answer_to(msgspec.structs.replace(question, gate="south"), site.bundle, site.signers, now=site.now)
    shell = msgspec.json.decode(answer)
    for name, expect, body in (
        ("truncated", "StatementDamaged", answer[:-1]),
        ("a-head", "StatementDamaged", site.head),
        ("edited", "StatementEdited", _json({**shell, "payload": msgspec.json.decode(south)["payload"]})),
        ("another-gate", "WrongGate", south),
    ):
        write(folder / "time-answer" / f"{name}.txt", expect, body)
    right_question = write_question(question)
    write(folder / "time-question" / "right.txt", "success", right_question, nonce=NONCE)
    for name, body in (
        ("empty", b""),
        ("short-nonce", right_question.replace(NONCE.encode(), NONCE[2:].encode())),
        ("capitals", right_question.replace(NONCE.encode(), NONCE.upper().encode())),
        ("space", right_question + b" "),
    ):
        write(folder / "time-question" / f"{name}.txt", "StatementDamaged", body)
    assert canonical(first) != receipt


def _with_root(site: Site, root: bytes) -> bytes:
    return site.with_parts(roots=(site.root, root))


def _threshold_0(root: dict[str, Any]) -> None:
    root["version"] = 2
    root["roles"]["root"]["threshold"] = 0


def _reversed(data: bytes) -> bytes:
    return msgspec.msgpack.encode(dict(reversed(msgspec.msgpack.decode(data).items())))


def _json(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted")


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    status_lists(FOLDER / "status-list")
    bundles(FOLDER / "bundle")
    policies(FOLDER / "policy")
    statements(FOLDER)
