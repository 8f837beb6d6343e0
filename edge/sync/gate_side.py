"""The other end of the link: the gate, which may be away, hang, or come back as another process.

Rule 1.  Nothing here waits, but for `MEET_S`. Meeting, greeting and sending are states with deadlines; a gate that
         does not read (`STALL_S`), or does not say hello (`HELLO_S`), is left, and the broker never notices.
Rule 2.  A gate that is away is tried again with the pauses of `GATE_RETRY`.
Rule 3.  A gate of another protocol is `Refused`: trying again would not help, so it ends the process.
Rule 4.  What does not parse ends the meeting. One datagram is not given the chance to be the next one's surprise.
"""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge.core.values import Instant
from edge.errors import EdgeError, InputError, PartFailed, Refused
from edge.sync.outward import Sayings
from edge.sync.retry import Retry
from edge.wire.link import Link
from edge.wire.messages import PROTOCOL, GateHello, Message, StateWanted, SyncHello, decode_to_sync, encode

MEET_S = 0.05
"""How long a gate that hangs, with a full backlog, may keep us."""
HELLO_S = 5.0
STALL_S = 10.0
GATE_RETRY = Retry(first_s=0.25, most_s=8.0, healthy_s=20.0)
MAX_DATAGRAMS_A_TURN = 64
"""So that a gate that talks without end does not keep us from the broker."""
_log = logging.getLogger(__name__)


class Met:
    """A gate has said hello."""


class Left:
    """It is gone, and whatever it said before is not to be relied on."""


@dataclass(frozen=True, slots=True)
class Said:
    """It said something after its hello."""

    message: Sayings | StateWanted


Heard = Met | Left | Said


class GateSide:
    """`meet` connects to the gate or raises an `EdgeError`; `draw` gives evenly distributed numbers from [0, 1)."""

    def __init__(self, meet: Callable[[], Link], sandbox: str, draw: Callable[[], float], now: Instant) -> None:
        self._meet, self._sandbox, self._draw = meet, sandbox, draw
        self._link: Link | None = None
        self._met_at: Instant | None = None
        self._failures = 0
        self._due: Instant = now
        self._stalled_since: Instant | None = None

    @property
    def met(self) -> bool:
        """Whether there is a gate to tell something."""
        return self._met_at is not None

    def waits_for(self, *, sending: bool) -> tuple[int, int] | None:
        """Descriptor and poll(2) events that call for a turn; None without a link."""
        if self._link is None:
            return None
        return self._link.fileno(), select.POLLIN | (select.POLLOUT if sending else 0)

    def due_at(self) -> Instant | None:
        """When a turn is due without anything on the descriptor."""
        if self._stalled_since is not None:
            return self._stalled_since + STALL_S
        return None if self.met else self._due

    def turn(self, now: Instant) -> Iterator[Heard]:
        """Do what is due, and say what happened. Raises `Refused` (rule 3)."""
        try:
            if self._link is None:
                if now >= self._due:
                    self._greet(now)
                return
            if not self.met and now >= self._due:
                raise PartFailed("the gate did not say hello", hint=_HANGS)
            if self._stalled_since is not None and now >= self._stalled_since + STALL_S:
                raise PartFailed("the gate does not read what it is sent", hint=_HANGS)
            yield from self._hear(self._link, now)
        except Refused:
            self.leave(now)
            raise
        except EdgeError as error:
            _log.info("the gate is away: %s", error.message)
            yield from self.part(now)

    def has_room(self, now: Instant) -> bool:
        """Whether `send` would go through now. If not, for `STALL_S`, `turn` leaves this gate."""
        if self._link is not None and _writable(self._link):
            self._stalled_since = None
            return True
        if self._stalled_since is None:
            self._stalled_since = now
        return False

    def send(self, message: Message) -> None:
        """Tell the gate. Raises `PartFailed` when it is gone or has no room."""
        if self._link is None:
            raise PartFailed("there is no gate to tell", hint=_HANGS)
        self._link.send(encode(message))

    def part(self, now: Instant) -> Iterator[Heard]:
        """Leave this gate; another meeting follows."""
        was_met = self.met
        self.leave(now)
        if was_met:
            yield Left()

    def leave(self, now: Instant) -> None:
        """Close the link, and wait before the next."""
        if self._link is not None:
            self._link.close()
        self._failures = GATE_RETRY.failures(self._failures, 0.0 if self._met_at is None else now - self._met_at)
        self._due = now + GATE_RETRY.pause_s(self._failures, self._draw())
        self._link, self._met_at, self._stalled_since = None, None, None

    def _greet(self, now: Instant) -> None:
        self._link = self._meet()
        self._due = now + HELLO_S
        self._link.send(encode(SyncHello(protocol=PROTOCOL, pid=os.getpid(), sandbox=self._sandbox)))

    def _hear(self, link: Link, now: Instant) -> Iterator[Heard]:
        for _ in range(MAX_DATAGRAMS_A_TURN):
            datagram = link.receive(0.0)
            if datagram is None:
                return
            with datagram:
                message = decode_to_sync(datagram.data)
            if isinstance(message, GateHello):
                self._welcome(message, now)
                yield Met()
            elif not self.met:
                raise InputError("the gate did not begin with its hello", hint=_HANGS)
            else:
                yield Said(message)

    def _welcome(self, hello: GateHello, now: Instant) -> None:
        if self.met:
            raise InputError("the gate said hello twice", hint=_HANGS)
        if hello.protocol != PROTOCOL:
            raise Refused(
                f"the gate speaks protocol {hello.protocol}, sync {PROTOCOL}", hint="install one version for both"
            )
        self._met_at = now


def _writable(link: Link) -> bool:
    poll = select.poll()
    poll.register(link.fileno(), select.POLLOUT)
    return bool(poll.poll(0))


_HANGS = "it hangs, or serves another; see `edge-gate status`"
