"""TLS to the broker: both sides show a certificate of the site, and there is no switch that weakens it.

Rule 1.  Trust comes from the site's own authority and from nowhere else: not from the machine's certificates, which
         would let any public authority name a broker.
Rule 2.  The broker's certificate must be valid now, made for a server, and name the host that we asked for. TLS 1.2 is
         the oldest version.
Rule 3.  The files are read for every connection, so that a renewed certificate needs no restart.
Rule 4.  Under every connection lies a `FrameMeter` (threats, 21), and a handshake has `HANDSHAKE_S`.
"""

from __future__ import annotations

import functools
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import InputError
from edge.sync.frames import FrameMeter
from edge.sync.port import BrokerAway

HANDSHAKE_S = 5.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """PEM files: the site's authority (several while it changes), this gate's certificate, and its key."""

    authority: Path
    certificate: Path
    key: Path = field(repr=False)


class MeteredSocket(ssl.SSLSocket):
    """An SSL socket that reads no packet which the meter refuses. `why` says what ended it, if we know."""

    why: str = ""

    @functools.cached_property
    def meter(self) -> FrameMeter:
        """Begins with the first byte."""
        return FrameMeter()

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - its signature
        """Rule 4; paho 2.1 would give it a whole keep-alive."""
        before = self.gettimeout()
        self.settimeout(HANDSHAKE_S)
        super().do_handshake(block)
        self.settimeout(before)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Received bytes. Raises `OSError` for what must not be read."""
        try:
            data = super().recv(buflen, flags)
            self.meter.feed(data)
        except ssl.SSLWantReadError:
            raise
        except ssl.SSLError as error:
            # With TLS 1.3 a broker that refuses our certificate says so only now.
            self.why = explain(error)
            raise
        except InputError as error:
            self.why = error.message
            raise OSError(error.message) from None
        return data


def context(credentials: Credentials) -> ssl.SSLContext:
    """A context by rules 1 and 2. Raises `BrokerAway` that names the file that does not do."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.check_hostname = True
    made.verify_mode = ssl.CERT_REQUIRED
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    made.sslsocket_class = MeteredSocket
    try:
        made.load_verify_locations(cafile=credentials.authority)
    except (OSError, ValueError) as error:
        raise _file("broker.authority", credentials.authority, error) from None
    try:
        # A password would be asked for on the terminal, where nobody is: an encrypted key is refused instead.
        made.load_cert_chain(credentials.certificate, credentials.key, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise _file("broker.certificate or broker.key", credentials.certificate, error) from None
    return made


def explain(error: OSError) -> str:
    """Why a connection did not come about, in words for `status`. The peer's own words are not among them."""
    match error:
        case ssl.SSLCertVerificationError():
            return _verification(error)
        case ssl.SSLError():
            reason = str(getattr(error, "reason", None) or "").upper()
            for part, words in _ALERTS:
                if part in reason:
                    return words
            return "TLS with the broker failed; is it a TLS port, and the broker of this site?"
        case TimeoutError():
            return "the broker does not answer in time"
        case ConnectionRefusedError():
            return "nobody listens at the broker's port"
        case ConnectionResetError() | BrokenPipeError():
            return "the broker closed the connection"
        case _:
            return f"the broker cannot be reached: {error.strerror or type(error).__name__}"


def _verification(error: ssl.SSLCertVerificationError) -> str:
    words = _VERIFICATION.get(error.verify_code)
    if words is None:
        return f"the broker's certificate is not accepted (X.509 error {error.verify_code})"
    return words


_VERIFICATION = {
    9: "the broker's certificate is not valid yet: is the clock of this board right?",
    10: "the broker's certificate has expired: renew it, or set the clock of this board",
    18: "the broker's certificate is not from this site's authority",
    19: "the broker's certificate is not from this site's authority",
    20: "the broker's certificate is not from this site's authority",
    21: "the broker's certificate is not from this site's authority",
    62: "the broker's certificate names another host than broker.host",
    64: "the broker's certificate names another address than broker.host",
}
"""X509_V_ERR_* (x509_vfy.h of OpenSSL)."""
_ALERTS = (
    ("CERTIFICATE_REQUIRED", "the broker wants a certificate, and this gate showed none"),
    ("CERTIFICATE_EXPIRED", "the broker says that this gate's certificate has expired: renew it"),
    ("CERTIFICATE_REVOKED", "the broker says that this gate's certificate was revoked"),
    ("UNKNOWN_CA", "the broker does not know who issued this gate's certificate"),
    ("UNSUPPORTED_CERTIFICATE", "the certificate of this gate is not one for a client"),
    ("BAD_CERTIFICATE", "the broker does not accept this gate's certificate"),
    ("HANDSHAKE_FAILURE", "the broker does not accept this gate's certificate, or no common way to encrypt"),
    ("PROTOCOL_VERSION", "the broker has no TLS from 1.2 on"),
    ("WRONG_VERSION_NUMBER", "the broker's port does not speak TLS"),
)
"""Alerts by their names in OpenSSL."""


def _file(setting: str, path: Path, error: Exception) -> BrokerAway:
    what = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else "no usable PEM"
    return BrokerAway(
        f"{setting} cannot be used ({path.name}: {what})",
        hint="name PEM files that this process may read; the key must be the certificate's own, and not encrypted",
    )
