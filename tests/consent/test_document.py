"""The signed document (`edge.consent`): what it is, what it is not, and that nothing else passes for it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from edge.consent import ConsentEdited, ConsentInvalid, IssuerUnknown, keyid_of, sign, unverified, verify
from edge.core.consent import MAX_CONSENT_BYTES, MAX_GATES, MAX_LIFETIME_S, Consent
from edge.errors import EdgeError
from tests.consent.documents import ISSUER, NOW, STRANGER, canonical, consent, consents, envelope, payload_of, public

DOCUMENT = sign(consent(), ISSUER)
KEYS = [public(ISSUER)]


@given(consents())
def test_what_the_issuer_signed_is_what_the_gate_reads(given_consent: Consent) -> None:
    document = sign(given_consent, ISSUER)
    assert verify(document, KEYS) == given_consent
    assert sign(verify(document, KEYS), ISSUER) == document
    assert unverified(document) == (given_consent, (keyid_of(bytes.fromhex(KEYS[0])),))


def test_a_keyid_is_the_sha256_of_the_raw_public_key() -> None:
    raw = ISSUER.public_key().public_bytes_raw()
    assert keyid_of(raw) == hashlib.sha256(raw).hexdigest()
    assert json.loads(DOCUMENT)["signatures"][0]["keyid"] == hashlib.sha256(raw).hexdigest()


def test_any_of_several_issuers_is_enough() -> None:
    assert verify(DOCUMENT, [public(STRANGER), *KEYS, *KEYS]) == consent()


def test_an_unknown_issuer_is_named_by_its_keyid() -> None:
    with pytest.raises(IssuerUnknown, match=keyid_of(ISSUER.public_key().public_bytes_raw())[:16]):
        verify(DOCUMENT, [public(STRANGER)])
    with pytest.raises(IssuerUnknown):
        verify(DOCUMENT, [])


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "f" * 32},
        {"expires": NOW + 10 * MAX_LIFETIME_S},
        {"gates": ["north", "south"]},
        {"site": "other-court"},
    ],
)
def test_an_edited_consent_is_called_edited(changed: dict[str, Any]) -> None:
    honest = json.loads(DOCUMENT)
    honest["payload"] = base64.b64encode(payload_of(consent(), **changed)).decode()
    with pytest.raises(ConsentEdited):
        verify(canonical(honest), KEYS)


def test_a_signature_of_a_stranger_under_the_issuers_keyid_is_no_signature() -> None:
    forged = json.loads(envelope(payload_of(consent()), STRANGER))
    forged["signatures"][0]["keyid"] = keyid_of(ISSUER.public_key().public_bytes_raw())
    with pytest.raises(ConsentEdited):
        verify(canonical(forged), KEYS)


def test_a_signature_for_another_kind_of_document_is_no_consent() -> None:
    payload = payload_of(consent())
    pae = b"DSSEv1 %d %s %d %s" % (5, b"other", len(payload), payload)
    other = json.loads(envelope(payload, ISSUER))
    other["signatures"][0]["sig"] = base64.b64encode(ISSUER.sign(pae)).decode()
    with pytest.raises(ConsentEdited):
        verify(canonical(other), KEYS)
    with pytest.raises(ConsentInvalid, match="payloadType"):
        verify(envelope(payload, ISSUER, payloadType="other"), KEYS)


def test_one_key_never_counts_twice() -> None:
    twice = json.loads(DOCUMENT)
    twice["signatures"] *= 2
    with pytest.raises(ConsentInvalid, match="two signatures under one keyid"):
        verify(canonical(twice), KEYS)


def test_a_further_signature_of_somebody_else_neither_helps_nor_hurts() -> None:
    both = json.loads(DOCUMENT)
    stranger = json.loads(envelope(payload_of(consent()), STRANGER))["signatures"]
    both["signatures"] += stranger
    assert verify(canonical(both), KEYS) == consent()
    both["signatures"] = stranger
    with pytest.raises(IssuerUnknown):
        verify(canonical(both), KEYS)


def test_hundreds_of_signatures_are_not_tried() -> None:
    many = json.loads(DOCUMENT)
    many["signatures"] = [{"keyid": f"{n:064x}", "sig": "A" * 86 + "=="} for n in range(5)] + many["signatures"]
    with pytest.raises(ConsentInvalid, match="signatures"):
        verify(canonical(many), KEYS)


@pytest.mark.parametrize(
    "changed",
    [
        {"colour": "blue"},
        {"type": "edge-gate/consent/2"},
        {"index": 2**16},
        {"index": -1},
        {"index": 1.5},
        {"consent": "A" * 32},
        {"subject": "Wang Bing"},
        {"gates": []},
        {"gates": [f"g{n:03}" for n in range(MAX_GATES + 1)]},
        {"gates": ["north gate"]},
        {"gates": ["north", "east"]},
        {"modes": ["everything"]},
        {"purposes": []},
        {"notice": {"version": "1", "sha256": "short"}},
        {"not_before": NOW + 0.5},
        {"expires": "never"},
        {"expires": 2**32},
        {"expires": NOW - 100},
        {"minor": ...},
        {"guardian": ...},
        {"expires": ...},
    ],
)
def test_a_payload_that_breaks_the_format_is_refused_even_when_signed(changed: dict[str, Any]) -> None:
    with pytest.raises(ConsentInvalid):
        verify(envelope(payload_of(consent(), **changed), ISSUER), KEYS)


def test_a_consent_has_one_text() -> None:
    payload = payload_of(consent())
    assert verify(envelope(payload, ISSUER), KEYS) == consent()
    spaced = json.dumps(json.loads(payload)).encode()
    twice = payload.replace(b'"minor":false', b'"minor":true,"minor":false')
    escaped = payload.replace(b"access", rb"\u0061ccess")
    for other in (spaced, twice, escaped, payload + b" ", b"[" + payload + b"]", b"\xef\xbb\xbf" + payload):
        with pytest.raises(ConsentInvalid):
            verify(envelope(other, ISSUER), KEYS)


def test_an_envelope_has_one_text() -> None:
    fields = json.loads(DOCUMENT)
    assert canonical(fields) == DOCUMENT
    sig = fields["signatures"][0]["sig"]
    loose = sig[:-3] + chr(ord(sig[-3]) + 1) + "=="  # the same 64 bytes, with bits left over
    others = [
        json.dumps(fields).encode(),
        DOCUMENT + b"\n",
        canonical(fields | {"more": 1}),
        canonical(fields | {"payload": fields["payload"] + "===="}),
        canonical(fields | {"payload": fields["payload"].rstrip("=") + "\ud7ff"}),
        canonical(fields | {"signatures": [fields["signatures"][0] | {"sig": loose}]}),
        DOCUMENT.replace(b'"payload":', b'"payload":"","payload":'),
    ]
    for other in others:
        with pytest.raises(ConsentInvalid):
            verify(other, KEYS)


def test_size_is_looked_at_first() -> None:
    with pytest.raises(ConsentInvalid, match=str(MAX_CONSENT_BYTES)):
        verify(b"{" * (MAX_CONSENT_BYTES + 1), KEYS)


def test_the_largest_consent_fits_and_a_larger_one_is_not_signed() -> None:
    names = [f"{n:02}" + "g" * 62 for n in range(MAX_GATES)]
    largest = consent(gates=tuple(names), purposes=tuple(names[:8]))
    assert verify(sign(largest, ISSUER), KEYS) == largest
    with pytest.raises(ConsentInvalid):
        sign(consent(gates=tuple(f"g{n:03}" for n in range(MAX_GATES + 1))), ISSUER)


def test_nesting_is_no_danger() -> None:
    deep = b"[" * 8000 + b"]" * 8000
    for document in (deep, b'{"payload":' + deep[:16000] + b"}", envelope(deep, ISSUER)[:MAX_CONSENT_BYTES]):
        with pytest.raises(ConsentInvalid):
            verify(document, KEYS)


@given(st.binary(max_size=600))
def test_noise_is_no_consent(noise: bytes) -> None:
    with pytest.raises(EdgeError):
        verify(noise, KEYS)


@given(st.integers(0, len(DOCUMENT) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(at: int, flip: int) -> None:
    edited = bytearray(DOCUMENT)
    edited[at] ^= flip
    with pytest.raises(EdgeError):
        verify(bytes(edited), KEYS)


@given(st.integers(0, len(DOCUMENT) - 1))
def test_no_end_can_be_cut_off(at: int) -> None:
    with pytest.raises(ConsentInvalid):
        verify(DOCUMENT[:at], KEYS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["payload", "payloadType", "signatures", "keyid"]), json_values))
def test_json_of_the_wrong_shape_is_no_consent(fields: dict[str, Any]) -> None:
    with pytest.raises(ConsentInvalid):
        verify(json.dumps(fields).encode(), KEYS)


@given(st.sampled_from(["subject", "gates", "index", "notice", "expires", "minor", "guardian", "type"]), json_values)
def test_a_signed_field_of_the_wrong_shape_is_no_consent_or_a_proper_one(field: str, value: Any) -> None:
    document = envelope(payload_of(consent(), **{field: value}), ISSUER)
    with contextlib.suppress(ConsentInvalid):
        assert payload_of(verify(document, KEYS)) == payload_of(consent(), **{field: value})


def test_no_error_quotes_the_document() -> None:
    for changed in ({"subject": "Wang Bing"}, {"guardian": "Wang Bing"}, {"gates": ["Wang Bing"]}):
        with pytest.raises(ConsentInvalid) as caught:
            verify(envelope(payload_of(consent(), **changed), ISSUER), KEYS)
        assert "Wang" not in caught.value.message + caught.value.hint


def test_a_fresh_key_signs_as_well() -> None:
    key = Ed25519PrivateKey.generate()
    assert verify(sign(consent(2), key), [public(key)]) == consent(2)
