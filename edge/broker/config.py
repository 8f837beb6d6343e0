"""mosquitto's configuration, as text: for 2.0.11 (Debian 12) and later.

Rule 1.  One listener, TLS from 1.2 on, a client certificate of the site's authority from everybody; who it is stands in
         the certificate, also as client id, so that nobody can throw out another by using its id.
Rule 2.  Nothing anonymous, nothing beside the ACL, no bridge, no plain port.
Rule 3.  Sizes and queues are bounded, and no queue is trusted: states are retained, heads are worth 60 s, and receipts
         are sent again until they are acknowledged. So the small default of 1,000 queued messages, which drops
         silently, costs nothing, and "unlimited", which was broken in several releases, is not needed.
Rule 4.  What is retained is on the disk after `AUTOSAVE_S`; with mosquitto's 1,800 s a killed broker comes back
         without the site's state. Saving at every change would write the whole store each time: 1,000 retained messages
         cost 205 MB of writing and took 33 times as long (mosquitto 2.0.11). So the beacon publishes the state anew on
         every connection, and a gate its status: what those seconds lose is there again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import InputError
from edge.wire.messages import MAX_STATE_BYTES

PORT = 8883
MAX_PACKET_BYTES = MAX_STATE_BYTES + 16 * 1024
MAX_QUEUED = 1000
MAX_QUEUED_BYTES = 64 * 1024 * 1024
MAX_INFLIGHT = 20
MAX_KEEPALIVE_S = 120
AUTOSAVE_S = 30


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """Where the broker finds its files; `revoked` may be left out until there is something on the list."""

    authority: Path
    certificate: Path
    key: Path = field(repr=False)
    acl: Path
    data: Path
    """A folder that the broker's user may write."""
    revoked: Path | None = None


def render(files: BrokerFiles, *, bind: str = "", port: int = PORT, user: str = "", max_connections: int = -1) -> str:
    """The file for `mosquitto -c`. `bind`: one address, else all; `user`: whom to become, else mosquitto's default.

    Raises `InputError` for a path, address or name that the file's syntax cannot hold.
    """
    entries: list[tuple[str, object]] = [
        ("per_listener_settings", "false"),
        ("listener", f"{port} {bind}".strip()),
        ("cafile", files.authority),
        ("certfile", files.certificate),
        ("keyfile", files.key),
        *([("crlfile", files.revoked)] if files.revoked else []),
        ("require_certificate", "true"),
        ("use_identity_as_username", "true"),
        ("use_username_as_clientid", "true"),
        ("max_connections", max_connections),
        ("allow_anonymous", "false"),
        ("allow_zero_length_clientid", "false"),
        ("acl_file", files.acl),
        ("max_packet_size", MAX_PACKET_BYTES),
        ("max_keepalive", MAX_KEEPALIVE_S),
        ("max_inflight_messages", MAX_INFLIGHT),
        ("max_queued_messages", MAX_QUEUED),
        ("max_queued_bytes", MAX_QUEUED_BYTES),
        ("queue_qos0_messages", "false"),
        ("persistent_client_expiration", "1h"),
        ("set_tcp_nodelay", "true"),
        ("persistence", "true"),
        ("persistence_location", files.data),
        ("autosave_on_changes", "false"),
        ("autosave_interval", AUTOSAVE_S),
        ("sys_interval", 60),
        *([("user", user)] if user else []),
        ("log_dest", "stderr"),
        ("log_timestamp_format", "%Y-%m-%dT%H:%M:%S"),
        *(("log_type", kind) for kind in ("error", "warning", "notice", "information")),
    ]
    lines = ["# Made by edge-gate; docs/broker.md says what each line is for."]
    lines += [f"{name} {_value(name, value)}" for name, value in entries]
    return "\n".join(lines) + "\n"


def _value(name: str, value: object) -> str:
    """One value on one line. mosquitto takes the rest of the line as it is; there is no quoting to get wrong."""
    text = str(value)
    if not text or text != text.strip() or not text.isprintable():
        raise InputError(f"{name} cannot be written to mosquitto's configuration", hint="use a plain path or address")
    return text
