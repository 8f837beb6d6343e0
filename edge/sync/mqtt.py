"""`edge.sync.port.Broker` over paho-mqtt 2: the only place that imports it.

Rule 1.  One connection is one `paho.mqtt.client.Client`. paho keeps messages of lost connections and sends them again;
         nothing that we say is still meant minutes later.
Rule 2.  paho's own thread is not used. An exception in its `on_message` kills it while `is_connected()` stays true
         (threats, 20); here `turn` drives paho, and whatever it raises ends this connection and nothing else.
Rule 3.  Clean start, no session at the broker, Maximum Packet Size and Receive Maximum in every CONNECT. A broker that
         does not keep to them meets the `FrameMeter`.
Rule 4.  A turn reads what TLS has decrypted, which is a record of 16 KiB or the rest of one packet. What comes faster
         waits in the kernel, and TCP slows it.
Rule 5.  A broker that does not read for `STALL_S` is left: what paho has to confirm would pile up without end.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from paho.mqtt.client import MQTT_ERR_PROTOCOL, MQTT_ERR_SUCCESS, Client, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.core.values import Instant
from edge.sync.frames import MAX_PACKET_BYTES
from edge.sync.outward import OFFLINE
from edge.sync.port import Accepted, Arrived, BrokerAway, BrokerEvent, Confirmed, Granted, Lost, Publication
from edge.sync.tls import Credentials, MeteredSocket, context, explain
from edge.wire.topics import GateTopics

CONNECT_S = 5.0
KEEPALIVE_S = 30
"""A broker that is silent for one and a half of these takes us for dead, and so do we."""
RECEIVE_MAXIMUM = 16
"""Messages of QoS 1 that the broker may have unconfirmed."""
STALL_S = 20.0
MAX_TURN_PACKETS = 256
_QOS = 1
_NOT_MQTT = "the broker sent what is not MQTT"
_LOST = "the connection to the broker was lost"
_Any = object
"""What paho passes and we do not look at."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is, and what both sides show each other."""

    host: str
    port: int
    credentials: Credentials


class _Client(Client):
    """paho, but for how it connects: it would bind every socket first, which our sandbox refuses to everybody, and ask
    the environment for a proxy, which nobody has verified. `test_link` meets it inside the sandbox.
    """

    def _create_socket_connection(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=self.connect_timeout)


class MqttBroker:
    """The connection of one gate. Its client id is the gate's name, and brokers set it from the certificate."""

    def __init__(self, address: Address, topics: GateTopics) -> None:
        self._address, self._topics = address, topics
        self._client: Client | None = None
        self._events: list[BrokerEvent] = []
        self._tokens: dict[int, int] = {}
        self._subscriptions: dict[int, tuple[str, ...]] = {}
        self._writing_since: Instant | None = None

    def connect(self) -> None:
        """Begin a connection; waits up to `CONNECT_S` an address, and `tls.HANDSHAKE_S`. Raises `BrokerAway`."""
        self.drop()
        client = _Client(CallbackAPIVersion.VERSION2, self._topics.gate, protocol=MQTTv5, reconnect_on_failure=False)
        client.connect_timeout = CONNECT_S
        client.tls_set_context(context(self._address.credentials))
        client.will_set(self._topics.status, OFFLINE, qos=_QOS, retain=True)
        client.max_inflight_messages_set(0)  # `Outward` has its own window
        client.on_connect, client.on_subscribe = self._on_connect, self._on_subscribe
        client.on_message, client.on_publish = self._on_message, self._on_publish
        client.on_disconnect = self._on_disconnect
        client.on_socket_register_write = _written_in_turn
        wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's types end here
        wishes.MaximumPacketSize = MAX_PACKET_BYTES
        wishes.ReceiveMaximum = RECEIVE_MAXIMUM
        wishes.SessionExpiryInterval = 0
        wishes.TopicAliasMaximum = 0
        try:
            client.connect(self._address.host, self._address.port, KEEPALIVE_S, clean_start=True, properties=wishes)
        except (OSError, ValueError) as error:  # ValueError: a host that no name can be
            why = explain(error) if isinstance(error, OSError) else "broker.host is no name of a host"
            raise BrokerAway(why, hint="see broker.host and its files, and docs/broker.md") from None
        self._client, self._writing_since = client, None

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for `topics`, with what is retained there."""
        if self._client is not None:
            result, mid = self._client.subscribe([(topic, SubscribeOptions(qos=_QOS)) for topic in topics])
            if result == MQTT_ERR_SUCCESS and mid is not None:
                self._subscriptions[mid] = tuple(topics)

    def publish(self, publication: Publication) -> None:
        """Send with QoS 1."""
        if self._client is not None:
            info = self._client.publish(publication.topic, publication.payload, qos=_QOS, retain=publication.retain)
            self._tokens[info.mid] = publication.token

    def turn(self, now: Instant) -> list[BrokerEvent]:
        """Rules 2, 4 and 5."""
        client = self._client
        if client is None:
            return []
        try:
            self._work(client, now)
        except Exception as error:  # noqa: BLE001 - rule 2: paho raises what it likes on bytes that it does not expect
            self._events.append(Lost(f"{_NOT_MQTT} ({type(error).__name__})"))
        events, self._events = self._events, []
        ends = [number for number, event in enumerate(events) if isinstance(event, Lost)]
        if ends:
            self.drop()
            return events[: ends[0] + 1]
        return events

    def waits_for(self) -> tuple[int, int] | None:
        """The socket; writable too while something waits to be written."""
        client = self._client
        sock = None if client is None else client.socket()
        if client is None or sock is None:
            return None
        return sock.fileno(), select.POLLIN | (select.POLLOUT if client.want_write() else 0)

    def ready(self) -> bool:
        """Bytes that TLS has decrypted already make no descriptor readable; and a lost connection has none."""
        if self._client is None:
            return False
        sock = self._client.socket()
        return sock is None or (isinstance(sock, MeteredSocket) and sock.pending() > 0)

    def drop(self) -> None:
        """Close without DISCONNECT: the broker publishes the last will."""
        client, self._client = self._client, None
        self._events, self._tokens, self._subscriptions = [], {}, {}
        sock = None if client is None else client.socket()
        if sock is not None:
            sock.close()

    def _work(self, client: Client, now: Instant) -> None:
        sock = client.socket()
        result = MQTT_ERR_SUCCESS
        for _ in range(MAX_TURN_PACKETS):
            result = client.loop_read()
            if result != MQTT_ERR_SUCCESS or not self.ready():
                break
        if result == MQTT_ERR_SUCCESS and client.want_write():
            result = client.loop_write()
        if result == MQTT_ERR_SUCCESS:
            result = client.loop_misc()
        if result != MQTT_ERR_SUCCESS or client.socket() is None:
            self._lost(sock, _NOT_MQTT if result == MQTT_ERR_PROTOCOL else _LOST)
        if not client.want_write():
            self._writing_since = None
        elif self._writing_since is None:
            self._writing_since = now
        elif now >= self._writing_since + STALL_S:
            self._events.append(Lost("the broker does not read what it is sent"))

    def _lost(self, sock: object, why: str) -> None:
        """Note the end, with the best reason there is: TLS or the meter, the broker's own, ours."""
        told = [event.why for event in self._events if isinstance(event, Lost) and event.why != _LOST]
        seen = [sock.why] if isinstance(sock, MeteredSocket) and sock.why else []
        self._events = [event for event in self._events if not isinstance(event, Lost)]
        self._events.append(Lost([*seen, *told, why][0]))

    # paho's callbacks: they note what happened, and decide nothing ---------------------------
    def _on_connect(self, _client: Client, _data: _Any, _flags: _Any, reason: ReasonCode, answer: _Any) -> None:
        keepalive = getattr(answer, "ServerKeepAlive", KEEPALIVE_S)
        if reason.is_failure:
            self._events.append(Lost(f"the broker does not let this gate in: {reason.getName()}"))
        elif not 0 < keepalive <= KEEPALIVE_S:  # paho would obey, and never notice a dead line
            self._events.append(Lost(f"the broker wants a keep-alive of {keepalive} s; 1 to {KEEPALIVE_S} are allowed"))
        else:
            self._events.append(Accepted())

    def _on_subscribe(self, _client: Client, _data: _Any, mid: int, reasons: list[ReasonCode], _answer: _Any) -> None:
        topics = self._subscriptions.pop(mid, None)
        if topics is not None:
            granted = [not reason.is_failure for reason in reasons] + [False] * len(topics)
            refused = tuple(topic for topic, ok in zip(topics, granted, strict=False) if not ok)
            self._events.append(Granted(refused))

    def _on_message(self, _client: Client, _data: _Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""  # none that we asked for
        self._events.append(Arrived(topic, bytes(message.payload), retained=message.retain))

    def _on_publish(self, _client: Client, _data: _Any, mid: int, reason: ReasonCode, _answer: _Any) -> None:
        token = self._tokens.pop(mid, None)
        if token is not None:
            self._events.append(Confirmed(token, reason.getName() if reason.is_failure else ""))

    def _on_disconnect(
        self, _client: Client, _data: _Any, flags: DisconnectFlags, reason: ReasonCode, _answer: _Any
    ) -> None:
        told = flags.is_disconnect_packet_from_server
        self._events.append(Lost(f"the broker ended the connection: {reason.getName()}" if told else _LOST))


def _written_in_turn(_client: Client, _data: _Any, _sock: _Any) -> None:
    """Having this callback keeps paho from writing inside of `publish`."""
