"""What TLS is told, and what `status` is told of its failures; `tests/broker/test_doors.py` tries both."""

from __future__ import annotations

import errno
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from edge.broker.authority import Authority, key_pem, new_key, request
from edge.clock import BootClock
from edge.sync.port import BrokerAway
from edge.sync.tls import Credentials, MeteredSocket, context, explain

NOW = BootClock().wall()
KEY = new_key()


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    authority = Authority.found("compound", new_key(), NOW)
    made = Credentials(tmp_path / "authority.pem", tmp_path / "certificate.pem", tmp_path / "key.pem")
    made.authority.write_bytes(authority.pem())
    made.certificate.write_bytes(authority.gate("north", request("north", KEY), NOW))
    made.key.write_bytes(key_pem(KEY))
    return made


def test_nothing_about_it_is_weak(credentials: Credentials) -> None:
    made = context(credentials)
    assert made.check_hostname
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert made.minimum_version is ssl.TLSVersion.TLSv1_2
    assert made.verify_flags & ssl.VERIFY_X509_STRICT
    assert made.sslsocket_class is MeteredSocket


def test_the_machines_own_authorities_are_not_trusted(credentials: Credentials) -> None:
    assert len(context(credentials).get_ca_certs()) == 1


def test_a_second_authority_in_the_file_is_trusted_too(credentials: Credentials) -> None:
    with credentials.authority.open("ab") as file:
        file.write(Authority.found("compound", new_key(), NOW).pem())
    assert len(context(credentials).get_ca_certs()) == 2


@pytest.mark.parametrize("name", ["authority", "certificate", "key"])
@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_a_file_that_does_not_do_is_named(credentials: Credentials, name: str, content: bytes | None) -> None:
    path: Path = getattr(credentials, name)
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(BrokerAway) as error:
        context(credentials)
    assert f"broker.{name}" in error.value.message
    assert "nonsense" not in error.value.message


def test_a_key_of_another_certificate_is_refused(credentials: Credentials) -> None:
    credentials.key.write_bytes(key_pem(new_key()))
    with pytest.raises(BrokerAway, match="no usable PEM"):
        context(credentials)


def test_an_encrypted_key_asks_nobody_for_a_password(
    credentials: Credentials, capfd: pytest.CaptureFixture[str]
) -> None:
    credentials.key.write_bytes(
        KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"a password"),
        )
    )
    with pytest.raises(BrokerAway) as error:
        context(credentials)
    assert "not encrypted" in error.value.hint
    assert capfd.readouterr() == ("", "")


def test_no_repr_shows_where_the_key_is(credentials: Credentials) -> None:
    assert "key.pem" not in repr(credentials)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "does not answer in time"),
        (ConnectionRefusedError(), "nobody listens"),
        (ConnectionResetError(), "closed the connection"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "Network is unreachable"),
        (OSError(), "cannot be reached: OSError"),
        (ssl.SSLError(1, "[SSL: X] what the peer wrote"), "TLS with the broker failed"),
    ],
)
def test_a_failure_is_told_in_words_of_ours(error: OSError, words: str) -> None:
    assert words in explain(error)
    assert "peer wrote" not in explain(error)


def test_an_unknown_verdict_on_a_certificate_has_its_number() -> None:
    error = ssl.SSLCertVerificationError("certificate verify failed: what the peer wrote")
    error.verify_code = 42
    assert explain(error) == "the broker's certificate is not accepted (X.509 error 42)"
