"""One child process: started with its output on a pipe, watched by a pidfd, its lines handed over as they come.

Rule 1.  What a child prints is text from outside: lines are cut at `MAX_LINE_BYTES`, and control characters, which
         could write anywhere on the operator's terminal, become question marks.
Rule 2.  A child has no input but what its specification gives it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from edge.core.values import Instant
from edge.errors import PartFailed

MAX_LINE_BYTES = 2000
_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Spec:
    """How to start a child, and how it counts.

    `essential`: without it the others make no sense, so a refusal to start ends them all, and it is stopped last.
    `input`: it reads the standard input of its parent.
    """

    name: str
    argv: Sequence[str]
    essential: bool = False
    input: bool = False


class Child:
    """A running process. The caller selects on `pidfd` and `output`."""

    def __init__(self, spec: Spec, now: Instant) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
                spec.argv,
                stdin=None if spec.input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # Ctrl-C goes to the parent, which knows the order; who reads the terminal has to stay in its group.
                process_group=None if spec.input else 0,
            )
        except OSError as error:
            raise PartFailed(
                f"{spec.name} cannot be started: {error.strerror}", hint="is edge-gate installed completely?"
            ) from None
        assert self._process.stdout is not None
        self.spec, self.started = spec, now
        self.pid = self._process.pid
        self.pidfd = os.pidfd_open(self.pid)
        self.output = self._process.stdout.fileno()
        os.set_blocking(self.output, False)
        self.silent = False
        """Its output has ended; there is nothing more to select on."""
        self._rest = b""

    def lines(self) -> Iterator[str]:
        """Complete lines that came since the last call. After the end of the output also the incomplete one."""
        while not self.silent:
            try:
                chunk = os.read(self.output, _READ_BYTES)
            except BlockingIOError:
                return
            if not chunk:
                self.silent = True
                break
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            for line in whole:
                yield from _pieces(line)
            while len(self._rest) > MAX_LINE_BYTES:
                yield _plain(self._rest[:MAX_LINE_BYTES])
                self._rest = self._rest[MAX_LINE_BYTES:]
        rest, self._rest = self._rest, b""
        yield from _pieces(rest)

    def send(self, what: signal.Signals) -> None:
        """Send a signal; none if it has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, what)

    def reap(self) -> int:
        """The exit status of a child that has ended (negative: by this signal); closes its descriptors."""
        code = self._process.wait()
        os.close(self.pidfd)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code


def _pieces(line: bytes) -> Iterator[str]:
    for at in range(0, len(line), MAX_LINE_BYTES):
        yield _plain(line[at : at + MAX_LINE_BYTES])


def _plain(line: bytes) -> str:
    text = line.decode("utf-8", "replace").rstrip()
    return "".join(letter if letter.isprintable() else "?" for letter in text)
