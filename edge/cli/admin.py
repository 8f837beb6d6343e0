"""`edge-gate admin`: found a site, and sign consents. For the admin's workstation, never for a gate.

A passphrase is typed, or read from a file that the command line names. It is never an argument and never comes from the
environment: both are seen by other programs.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from edge.cli.options import JsonOption
from edge.cli.output import day, emit, facts
from edge.clock import BootClock
from edge.consent import unverified, verify
from edge.core.consent import ACCESS, MAX_CONSENT_BYTES, Mode
from edge.core.values import SubjectId, WallTime
from edge.errors import ConfigError, EdgeError
from edge.site import Authority, Terms, found_site
from edge.site.files import read_bounded, write_whole
from edge.site.issuer_key import MAX_PASSPHRASE_BYTES
from edge.site.notice import FIRST_VERSION

DAY_S = 24 * 3600

app = typer.Typer(help="Make issuer keys and sign consents (never on a gate).", add_completion=False)
consent_app = typer.Typer(help="Issue and show consent documents.", add_completion=False)
app.add_typer(consent_app, name="consent")

FolderOption = Annotated[Path, typer.Option("--folder", metavar="DIR", help="The folder of the site's authority.")]
PassphraseOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="A file with the passphrase; else it is asked for."),
]


@app.command("init")
def init(
    site: Annotated[str, typer.Argument(help="The site's name: letters, digits, and any of `_.-`.")],
    folder: FolderOption,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Found a site: make its issuer key, and print the public half for the gates' configuration."""
    authority = found_site(folder, site, _passphrase(passphrase_file, confirm=True))
    said = {
        "site": authority.site,
        "folder": folder,
        "issuer": authority.issuer,
        "fingerprint": authority.fingerprint,
    }
    emit(as_json, said, lambda: facts({**said, "next": f"edit {folder / 'notice.md'}, then issue consents"}))


@consent_app.command("issue")
def issue(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    folder: FolderOption,
    gate: Annotated[list[str], typer.Option("--gate", help="A gate where it counts; may be given several times.")],
    expires: Annotated[str, typer.Option("--expires", help="A date (2027-06-30, UTC) or a number of days (365d).")],
    subject: Annotated[
        str | None, typer.Option("--subject", help="The id of a subject that has consented before; else a new one.")
    ] = None,
    purpose: Annotated[list[str] | None, typer.Option("--purpose", help="What for; else `access`.")] = None,
    mode: Annotated[list[Mode] | None, typer.Option("--mode", help="What may be done; else `identify`.")] = None,
    begins: Annotated[str, typer.Option("--not-before", help="A date from which it counts; else now.")] = "0d",
    minor: Annotated[bool, typer.Option("--minor", help="The subject is under age.")] = False,
    guardian: Annotated[str | None, typer.Option("--guardian", help="Reference of the guardian; no name.")] = None,
    notice: Annotated[Path | None, typer.Option("--notice", help="The text that was shown; else notice.md.")] = None,
    notice_version: Annotated[str, typer.Option("--notice-version", help="Its version.")] = FIRST_VERSION,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write a copy here.")] = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a consent, after its subject has read the notice and agreed."""
    now = BootClock().wall()
    terms = Terms(
        gates=tuple(gate),
        purposes=tuple(purpose or [ACCESS]),
        modes=tuple(mode or [Mode.IDENTIFY]),
        not_before=_when(begins, now),
        expires=_when(expires, now),
        subject=SubjectId(subject) if subject else None,
        minor=minor,
        guardian=guardian,
        notice_version=notice_version,
        notice=notice,
    )
    authority = Authority(folder)
    issued = authority.issue(authority.unlock(_passphrase(passphrase_file, confirm=False)), terms, now)
    if out is not None:
        write_whole(out, issued.document)
    said = {
        "consent": issued.consent.consent,
        "subject": issued.consent.subject,
        "index": issued.consent.index,
        "expires": issued.consent.expires,
        "file": out or issued.path,
    }
    emit(as_json, said, lambda: facts({**said, "expires": day(issued.consent.expires)}))


@consent_app.command("show")
def show(
    file: Annotated[Path, typer.Argument(help="A consent document.")],
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Check the signature with this site's issuer key.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a consent says. Its signature is checked only against the key of `--folder`."""
    document = read_bounded(file, MAX_CONSENT_BYTES, "the consent document")
    consent, keyids = unverified(document)
    checked: bool | None = None
    why = ""
    if folder is not None:
        issuer = Authority(folder).issuer
        try:
            verify(document, [issuer])
            checked = True
        except EdgeError as error:
            checked, why = False, error.message
    said: dict[str, Any] = {
        "content": msgspec.to_builtins(consent),
        "signed_by": keyids,
        "verified": checked,
        "why": why,
    }
    shown = {**said["content"], "not_before": day(consent.not_before), "expires": day(consent.expires)}
    shown |= {"signed by": ", ".join(keyids), "signature": _verdict(checked, why)}
    emit(as_json, said, lambda: facts(shown))


def _verdict(checked: bool | None, why: str) -> str:
    if checked is None:
        return "not checked (give --folder)"
    return "good" if checked else f"not good: {why}"


def _passphrase(file: Path | None, *, confirm: bool) -> str:
    if file is not None:
        content = read_bounded(file, MAX_PASSPHRASE_BYTES, "the passphrase file")
        try:
            return content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise ConfigError(f"the passphrase file {file} is not text", hint="write the passphrase as UTF-8") from None
    if not sys.stdin.isatty():
        raise ConfigError("there is no terminal to ask for the passphrase", hint="give it with --passphrase-file FILE")
    return str(typer.prompt("Passphrase of the issuer key", hide_input=True, confirmation_prompt=confirm, err=True))


def _when(text: str, now: WallTime) -> int:
    """A date at 00:00 UTC, or a number of days from now, in whole seconds since 1970."""
    if days := re.fullmatch(r"(\d{1,5})d", text):
        return int(now) + int(days[1]) * DAY_S
    try:
        date = dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC)
    except ValueError:
        raise ConfigError(
            f"{text!r} is no date", hint="write it as 2027-06-30, or as a number of days from now: 365d"
        ) from None
    return int(date.timestamp())
