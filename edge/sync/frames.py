"""The size of MQTT packets, read from the stream before anybody collects their bytes.

paho obeys the length that a broker announces, up to MQTT's 256 MB, and a Maximum Packet Size in CONNECT binds honest
brokers only (threats, 21). So the stream is metered underneath paho.

Rule 1.  A packet is one byte of kind and flags, a length of at most four bytes, and as many bytes as it says (MQTT 5.0,
         2.1). The decision falls with the last byte of the length, before one byte of the content is asked for.
Rule 2.  Only what a server may send to a client that uses QoS 0 and 1 goes through. QoS 2 would have paho keep up to
         65,535 messages of any size.
Rule 3.  A publication has at most `MAX_PACKET_BYTES`, everything else at most `MAX_ANSWER_BYTES`.
Rule 4.  After a refusal nothing more goes through: the connection is of no use.
"""

from __future__ import annotations

from edge.errors import InputError
from edge.wire.messages import MAX_STATE_BYTES

MAX_PACKET_BYTES = MAX_STATE_BYTES + 16 * 1024
"""A whole PUBLISH with the largest state, its topic and properties. Also the Maximum Packet Size in our CONNECT."""
MAX_ANSWER_BYTES = 16 * 1024
_PUBLISH = 3
_FROM_SERVER = frozenset({2, _PUBLISH, 4, 9, 13, 14})
"""CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT."""
_LENGTH_BYTES = 4
_MORE = 0x80


class FrameMeter:
    """Follows one stream; `feed` it all that is received, in pieces of any size."""

    def __init__(self) -> None:
        self._kind: int | None = None
        self._length, self._length_bytes = 0, 0
        self._left = 0
        self._refused = False

    def feed(self, data: bytes) -> None:
        """Follow `data`. Raises `InputError` for a packet that must not be read further (rules 2 to 4)."""
        at = 0
        while at < len(data) or self._refused:
            if self._refused:
                raise InputError("the broker goes on after a packet that was refused", hint=_BROKER)
            if self._left:
                passed = min(self._left, len(data) - at)
                self._left -= passed
                at += passed
            else:
                self._header(data[at])
                at += 1

    def _header(self, byte: int) -> None:
        if self._kind is None:
            kind, qos = byte >> 4, (byte >> 1) & 3
            if kind not in _FROM_SERVER:
                self._refuse(f"the broker sent a packet of kind {kind}, which no broker sends")
            if kind == _PUBLISH and qos > 1:
                self._refuse(f"the broker sent a message with QoS {qos}, which nobody asked for")
            self._kind, self._length, self._length_bytes = kind, 0, 0
            return
        self._length |= (byte & ~_MORE) << (7 * self._length_bytes)
        self._length_bytes += 1
        limit = MAX_PACKET_BYTES if self._kind == _PUBLISH else MAX_ANSWER_BYTES
        if 1 + self._length_bytes + self._length > limit:
            self._refuse(f"the broker announced a packet of {self._length} bytes or more; {limit} are allowed")
        if not byte & _MORE:
            self._kind, self._left = None, self._length
        elif self._length_bytes == _LENGTH_BYTES:
            self._refuse("the broker sent a packet whose length does not end")

    def _refuse(self, why: str) -> None:
        self._refused = True
        raise InputError(why, hint=_BROKER)


_BROKER = "something else answers in the broker's place, or its limits are not those of docs/broker.md"
