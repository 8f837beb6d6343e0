"""The site's own certificate authority: who may speak to the broker, and which broker the gates speak to.

Rule 1.  A certificate opens the broker's door and nothing else. No signature on a consent, a state or a receipt rests
         on it, so whoever steals this authority can withhold and pester, and can admit and erase nobody.
Rule 2.  Keys are made where they are used, and never travel: an authority sees signing requests only. It takes the
         public key and the proof of its possession from a request, and not one name or extension.
Rule 3.  The common name says who: a gate by its name, others as `role:beacon` and `role:admin`. No gate can be called
         that, for a colon is in no name.
Rule 4.  A certificate has one use: server or client. So a gate's certificate can never stand in for the broker's.
Rule 5.  Client certificates live `CLIENT_DAYS`, the broker's as long. A lost one is revoked twice: on the revocation
         list, which closes the door to new connections, and by its absence from the ACL, which silences a connection
         that stands. The list names no short end of its own: a list that expires locks out every gate at once.
Rule 6.  While the authority itself changes, everybody trusts both: PEM files of several certificates are fine
         everywhere. Its validity is 20 years; the key is the caller's, and is not kept here.

ECDSA on P-256 throughout: every broker named in docs/broker.md speaks it, which is not true of Ed25519.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.core.values import WallTime
from edge.errors import InputError
from edge.wire.topics import SiteTopics

AUTHORITY_DAYS = 20 * 365
CLIENT_DAYS = 397
REMIND_DAYS = CLIENT_DAYS // 3
"""How long before its end a certificate should be renewed."""
SKEW = timedelta(hours=1)
"""A certificate is valid a little before it was made, for boards whose clock is a little late."""
MAX_REQUEST_BYTES = 16 * 1024
BEACON = "role:beacon"
ADMIN = "role:admin"
_MAX_HOST = 253
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")

Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    """A private key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> bytes:
    """The key in PKCS 8, not encrypted: what a service that starts without a person needs."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def request(name: str, key: Key) -> bytes:
    """A signing request in PEM for `key`. `name` is for people; the authority does not read it."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


class Authority:
    """Signs for one site. `certificate` belongs to `key`."""

    def __init__(self, certificate: x509.Certificate, key: Key) -> None:
        if certificate.public_key() != key.public_key():
            raise InputError(
                "the authority's certificate belongs to another key", hint="name the two that belong together"
            )
        self.certificate, self._key = certificate, key

    def __repr__(self) -> str:
        return f"Authority({self.certificate.subject.rfc4514_string()}, key=<hidden>)"

    @classmethod
    def found(cls, site: str, key: Key, now: WallTime) -> Authority:
        """A new authority for `site`. Raises `InputError` for a name that no site can have."""
        SiteTopics(site)
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, site),
                x509.NameAttribute(NameOID.COMMON_NAME, "edge-gate broker authority"),
            ]
        )
        begins, ends = _span(now, AUTHORITY_DAYS)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begins, ends)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(identifier, critical=False)
            .add_extension(_issued_by(identifier), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    def pem(self) -> bytes:
        """The authority's certificate, for `broker.authority` of a gate and `cafile` of the broker."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def gate(self, gate: str, signing_request: bytes, now: WallTime) -> bytes:
        """A client certificate for the gate. Raises `InputError`."""
        SiteTopics("any").gate(gate)
        if gate == "+":
            raise InputError("'+' is not the name of a gate", hint="name one gate")
        return self._client(gate, signing_request, now)

    def beacon(self, signing_request: bytes, now: WallTime) -> bytes:
        """A client certificate for the beacon. Raises `InputError`."""
        return self._client(BEACON, signing_request, now)

    def admin(self, signing_request: bytes, now: WallTime) -> bytes:
        """A client certificate for an administrator's workstation. Raises `InputError`."""
        return self._client(ADMIN, signing_request, now)

    def broker(self, hosts: Sequence[str], signing_request: bytes, now: WallTime) -> bytes:
        """A server certificate for the broker under all its names and addresses. Raises `InputError`."""
        if not hosts:
            raise InputError("the broker needs a name", hint="give the host names and addresses that gates use")
        names = x509.SubjectAlternativeName([_host(host) for host in hosts])
        return self._sign("broker", signing_request, now, ExtendedKeyUsageOID.SERVER_AUTH, names)

    def revoked(self, certificates: Iterable[bytes], now: WallTime) -> bytes:
        """The revocation list (PEM) of all `certificates` (PEM) that must not be let in any more (rule 5).

        Raises `InputError` for a certificate of somebody else, which would stand there without effect.
        """
        begins, _ = _span(now, 0)
        made = x509.CertificateRevocationListBuilder(
            self.certificate.subject, begins, self.certificate.not_valid_after_utc
        )
        for number in sorted({self._own(pem).serial_number for pem in certificates}):
            entry = x509.RevokedCertificateBuilder(number, begins).build()
            made = made.add_revoked_certificate(entry)
        signed = (
            made.add_extension(x509.CRLNumber(int(now)), critical=False)
            .add_extension(_issued_by(self._identifier()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return signed.public_bytes(serialization.Encoding.PEM)

    def _client(self, name: str, signing_request: bytes, now: WallTime) -> bytes:
        return self._sign(name, signing_request, now, ExtendedKeyUsageOID.CLIENT_AUTH, None)

    def _sign(
        self,
        name: str,
        signing_request: bytes,
        now: WallTime,
        use: x509.ObjectIdentifier,
        names: x509.SubjectAlternativeName | None,
    ) -> bytes:
        public = _proven(signing_request)
        begins, ends = _span(now, CLIENT_DAYS)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder(
                self.certificate.subject, subject, public, x509.random_serial_number(), begins, ends
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(_issued_by(self._identifier()), critical=False)
        )
        if names is not None:
            made = made.add_extension(names, critical=False)
        return made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _identifier(self) -> x509.SubjectKeyIdentifier:
        return self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value

    def _own(self, pem: bytes) -> x509.Certificate:
        try:
            certificate = x509.load_pem_x509_certificate(pem)
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            raise InputError(
                "this is no certificate of this authority", hint="name the PEM file that it issued"
            ) from None
        return certificate


def _proven(signing_request: bytes) -> ec.EllipticCurvePublicKey:
    """The public key of a request whose sender has the private one (rule 2)."""
    if len(signing_request) > MAX_REQUEST_BYTES:
        raise InputError(f"a signing request has at most {MAX_REQUEST_BYTES} bytes", hint=_REQUEST)
    try:
        parsed = x509.load_pem_x509_csr(signing_request)
        public, proven = parsed.public_key(), parsed.is_signature_valid
    except Exception:  # noqa: BLE001 - the parser's errors are many, and unsupported kinds have classes of their own
        raise InputError("the bytes are no signing request", hint=_REQUEST) from None
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise InputError("the request's key is not ECDSA on P-256", hint=_REQUEST)
    if not proven:
        raise InputError("whoever made the request does not have its key", hint=_REQUEST)
    return public


def _span(now: WallTime, days: int) -> tuple[datetime, datetime]:
    made = datetime.fromtimestamp(int(now), UTC)
    return made - SKEW, made + timedelta(days=days)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _issued_by(identifier: x509.SubjectKeyIdentifier) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    labels = host.split(".")
    if len(host) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise InputError(
            f"{host[:80]!r} is no name of a host", hint="give a name like gate-broker.local, or an address"
        )
    return x509.DNSName(host)


_REQUEST = "make it on the gate, and copy the file unchanged"
