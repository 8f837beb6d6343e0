"""`edge-gate enrol`: references under a signed consent, from the camera or from images.

Images are opened here, with the rights of whoever runs the command, and handed to the gate as descriptors. Neither this
process nor the gate ever reads them: `vision` does, in its sandbox.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from edge.cli.client import WORK_S, ask, configured
from edge.cli.options import ConfigOption, JsonOption
from edge.cli.output import day, emit, progress
from edge.errors import ConfigError, InputError
from edge.wire.admin import MAX_CONSENT_BYTES, Enrolled, EnrolRequest
from edge.wire.messages import MAX_FDS


def enrol(
    consent: Annotated[Path, typer.Argument(metavar="CONSENT", help="The signed consent (DSSE), a file.")],
    pictures: Annotated[
        list[Path] | None, typer.Argument(metavar="[IMAGE]...", help="What follows --images: files with one face each.")
    ] = None,
    images: Annotated[
        bool, typer.Option("--images", help="Take the references from images, and not from the gate's camera.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make references under a signed consent, from the gate's camera or with `--images FILE...`."""
    named = pictures or []
    if images != bool(named):
        raise ConfigError(
            "images are named after --images, and only there", hint="edge-gate enrol CONSENT --images ONE.jpg TWO.jpg"
        )
    if len(named) > MAX_FDS:
        raise ConfigError(f"{len(named)} images are too many", hint=f"name at most {MAX_FDS} of the best")
    settings = configured(config)
    document = _read_consent(consent)
    with ExitStack() as opened, progress("enrolling", hidden=as_json):
        fds = [opened.enter_context(_opened(path)) for path in named]
        said = ask(settings, EnrolRequest(document, len(fds)), Enrolled, fds=fds, within_s=WORK_S)
    emit(as_json, said, lambda: _in_words(said))


def _read_consent(path: Path) -> bytes:
    with _opened(path) as fd, os.fdopen(fd, "rb", closefd=False) as file:
        document = file.read(MAX_CONSENT_BYTES + 1)
    if not document or len(document) > MAX_CONSENT_BYTES:
        raise InputError(
            f"{path} is no consent: it is {'too large' if document else 'empty'}",
            hint=f"a consent is a DSSE envelope of at most {MAX_CONSENT_BYTES} bytes, signed by the site's issuer",
        )
    return document


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A descriptor of the plain file at `path`."""
    try:
        # O_NONBLOCK: a named pipe must not make us wait for its writer.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its name has a zero byte"
        raise InputError(f"{path} cannot be opened: {why}", hint="name a file that you may read") from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise InputError(f"{path} is not a plain file", hint="name a file, not a folder or a device")
        yield fd
    finally:
        os.close(fd)


def _in_words(said: Enrolled) -> str:
    held = f"{said.references} references under {said.consent}, until {day(said.expires)}"
    return "\n".join([f"{said.subject} is enrolled: {held}", *(f"not used: {why}" for why in said.unfit)])
