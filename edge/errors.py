"""Every way in which edge-gate says no to the person who runs it.

Rule 1.  Everything that we raise on purpose is an `EdgeError`: a message that names the thing, and a hint that names
         the way out. The command line prints the two lines `error: …` and `hint: …`; nobody ever sees a traceback.
Rule 2.  The class decides the exit status, and `EXIT_CODES` is the only table of them (`docs/cli.md` is made from it).
Rule 3.  No message holds an image, an embedding, a key or a name. Callers pass sizes, digests and pseudonyms.
"""

from __future__ import annotations


class EdgeError(Exception):
    """Root of all our errors. `message` says what is wrong with which thing; `hint` says what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(EdgeError):
    """The configuration, or an option on the command line, cannot stand as it is written."""

    exit_code = 3


class InputError(EdgeError):
    """A file or a message from outside is damaged, too large, or not what it claims to be."""

    exit_code = 4


class Refused(EdgeError):
    """A rule forbids it: no consent, no operator, a second enrolment, a simulated part on a commissioned gate."""

    exit_code = 5


class PartFailed(EdgeError):
    """A part of the lane is missing or broken: camera, pins, vault, model, link."""

    exit_code = 6


class NotRunning(EdgeError):
    """The process that should answer does not."""

    exit_code = 7


class ShownOtherwise(EdgeError):
    """A demo step or a benchmark did not come out as promised."""

    exit_code = 8


EXIT_CODES: dict[int, str] = {
    0: "done",
    1: "edge-gate failed in a way that has no row of its own",
    2: "the command line was not understood",
    3: "configuration: it cannot stand as written",
    4: "input: damaged, too large, or not what it claims to be",
    5: "refused by a rule",
    6: "a part of the lane is missing or broken",
    7: "nobody answers: the process is not running",
    8: "a demo step or benchmark came out differently",
}
