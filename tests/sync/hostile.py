"""Somebody with a valid certificate in the broker's place, who sends whatever a test wants."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from edge.broker.authority import Authority, key_pem, new_key, request
from edge.sync.mqtt import Address, MqttBroker
from edge.sync.tls import Credentials
from tests.broker.house import CLOCK, NORTH
from tests.fakes.clock import LOST_S

CONNACK = b"\x20\x03\x00\x00\x00"
Script = Callable[[ssl.SSLSocket], None]


class Impostor:
    """A TLS server on a thread. Each connection is played by the next script, or by the last."""

    def __init__(self, folder: Path) -> None:
        now = CLOCK.wall()
        authority = Authority.found("compound", new_key(), now)
        server, client = new_key(), new_key()
        for name, content in {
            "ca": authority.pem(),
            "server.pem": authority.broker(["localhost"], request("b", server), now) + key_pem(server),
            "client.pem": authority.gate("north", request("g", client), now),
            "client.key": key_pem(client),
        }.items():
            (folder / name).write_bytes(content)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "server.pem")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.script: Script = lambda _: None
        self.connections = 0
        port = int(self._listener.getsockname()[1])
        credentials = Credentials(folder / "ca", folder / "client.pem", folder / "client.key")
        self.mqtt = MqttBroker(Address("localhost", port, credentials), NORTH)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def sends(self, data: bytes) -> None:
        """From now on, every connection gets these bytes after its CONNECT, and is then held open."""

        def script(sock: ssl.SSLSocket) -> None:
            read_packet(sock)
            sock.sendall(data)
            with contextlib.suppress(OSError):
                while sock.recv(65536):
                    pass

        self.script = script

    def close(self) -> None:
        self.mqtt.drop()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(LOST_S)

    def _run(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.settimeout(LOST_S)
            self.connections += 1
            with contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as sock:
                self.script(sock)
            plain.close()


def read_packet(sock: ssl.SSLSocket) -> bytes:
    """One whole MQTT packet."""
    head = sock.recv(1)
    size, shift = 0, 0
    while True:
        byte = sock.recv(1)[0]
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    body = b""
    while len(body) < size:
        body += sock.recv(size - len(body))
    return head + body


def publish(topic: bytes, payload: bytes, *, flags: int = 0, properties: bytes = b"\0") -> bytes:
    """A PUBLISH packet with QoS 0 unless `flags` say otherwise."""
    body = len(topic).to_bytes(2, "big") + topic + (b"\0\1" if flags & 6 else b"") + properties + payload
    return bytes([0x30 | flags]) + remaining(len(body)) + body


def remaining(number: int) -> bytes:
    """MQTT's variable byte integer."""
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)
