"""The site's authority: what it signs, and what it reads of a request."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from edge.broker.authority import (
    ADMIN,
    AUTHORITY_DAYS,
    BEACON,
    CLIENT_DAYS,
    MAX_REQUEST_BYTES,
    Authority,
    key_pem,
    new_key,
    request,
)
from edge.errors import InputError

NOW = 1_750_000_000.0
AUTHORITY = Authority.found("compound", new_key(), NOW)
KEY = new_key()
ASKED = request("north", KEY)


def read(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def name(certificate: x509.Certificate) -> str:
    return "+".join(str(part.value) for part in certificate.subject)


def test_a_gate_is_named_by_the_authority_and_not_by_its_request() -> None:
    certificate = read(AUTHORITY.gate("south", request("role:beacon", KEY), NOW))
    assert name(certificate) == "south"
    assert certificate.public_key() == KEY.public_key()
    certificate.verify_directly_issued_by(AUTHORITY.certificate)


def test_roles_have_names_that_no_gate_can_have() -> None:
    assert name(read(AUTHORITY.beacon(ASKED, NOW))) == BEACON
    assert name(read(AUTHORITY.admin(ASKED, NOW))) == ADMIN
    for role in (BEACON, ADMIN, "+", "#", "", "a/b", "a b", "x" * 65, "north\n"):
        with pytest.raises(InputError, match="not the name of a gate"):
            AUTHORITY.gate(role, ASKED, NOW)
    assert name(read(AUTHORITY.gate("x" * 64, ASKED, NOW))) == "x" * 64


def test_nothing_but_the_key_is_taken_from_a_request() -> None:
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "role:admin")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("gate-broker")]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(KEY, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    certificate = read(AUTHORITY.gate("north", asked, NOW))
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    use = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(use) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_a_certificate_of_the_broker_is_for_a_server_under_all_its_names() -> None:
    certificate = read(AUTHORITY.broker(["gate-broker.local", "192.0.2.7", "2001:db8::1"], ASKED, NOW))
    use = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(use) == [ExtendedKeyUsageOID.SERVER_AUTH]
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(entry.value) for entry in names] == ["gate-broker.local", "192.0.2.7", "2001:db8::1"]


@pytest.mark.parametrize(
    "host", ["", "*", "*.local", "a b", "a..b", "-a", "a" * 64, "a\n", "ä", "a." * 130 + "b", "a/b"]
)
def test_a_broker_is_no_wildcard_and_no_nonsense(host: str) -> None:
    with pytest.raises(InputError, match="no name of a host"):
        AUTHORITY.broker(["good", host], ASKED, NOW)


def test_a_broker_without_a_name_is_refused() -> None:
    with pytest.raises(InputError, match="needs a name"):
        AUTHORITY.broker([], ASKED, NOW)


def test_validity_begins_an_hour_early_and_ends_when_it_says() -> None:
    made = datetime.fromtimestamp(NOW, UTC)
    gate = read(AUTHORITY.gate("north", ASKED, NOW))
    assert gate.not_valid_before_utc == made - timedelta(hours=1)
    assert gate.not_valid_after_utc == made + timedelta(days=CLIENT_DAYS)
    assert AUTHORITY.certificate.not_valid_after_utc == made + timedelta(days=AUTHORITY_DAYS)


def test_whoever_does_not_have_the_key_gets_no_certificate() -> None:
    der = bytearray(x509.load_pem_x509_csr(ASKED).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(InputError, match="does not have its key"):
        AUTHORITY.gate("north", forged, NOW)


@pytest.mark.parametrize(
    "key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())], ids=["RSA", "P-384"]
)
def test_only_p256_is_signed(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    asked = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    with pytest.raises(InputError, match="P-256"):
        AUTHORITY.gate("north", asked.public_bytes(serialization.Encoding.PEM), NOW)


@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_are_no_request(data: bytes) -> None:
    with pytest.raises(InputError):
        AUTHORITY.gate("north", data, NOW)


@given(at=st.integers(0, len(ASKED) - 1), bit=st.integers(0, 7))
def test_a_request_with_a_flipped_bit_is_a_request_or_an_input_error(at: int, bit: int) -> None:
    data = bytearray(ASKED)
    data[at] ^= 1 << bit
    with contextlib.suppress(InputError):
        certificate = read(AUTHORITY.gate("north", bytes(data), NOW))
        assert certificate.public_key() == KEY.public_key()


def test_a_huge_request_is_not_even_parsed() -> None:
    with pytest.raises(InputError, match="at most"):
        AUTHORITY.gate("north", b"x" * (MAX_REQUEST_BYTES + 1), NOW)


# Revocation ----------------------------------------------------------------------------------
def test_a_revocation_list_names_each_certificate_once_and_does_not_expire() -> None:
    lost = AUTHORITY.gate("north", ASKED, NOW)
    made = x509.load_pem_x509_crl(AUTHORITY.revoked([lost, lost], NOW))
    assert [entry.serial_number for entry in made] == [read(lost).serial_number]
    assert made.next_update_utc == AUTHORITY.certificate.not_valid_after_utc
    key = AUTHORITY.certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert made.is_signature_valid(key)


def test_a_certificate_of_somebody_else_cannot_be_revoked_by_mistake() -> None:
    other = Authority.found("compound", new_key(), NOW)
    for pem in (other.gate("north", ASKED, NOW), b"", b"nonsense"):
        with pytest.raises(InputError, match="no certificate of this authority"):
            AUTHORITY.revoked([pem], NOW)


# Keys ----------------------------------------------------------------------------------------
def test_an_authority_belongs_to_its_key() -> None:
    with pytest.raises(InputError, match="another key"):
        Authority(AUTHORITY.certificate, KEY)


def test_no_repr_shows_the_key() -> None:
    assert "hidden" in repr(AUTHORITY)
    assert key_pem(KEY).decode() not in repr(AUTHORITY)


def test_a_site_has_a_name() -> None:
    with pytest.raises(InputError, match="name of a site"):
        Authority.found("a/b", KEY, NOW)
