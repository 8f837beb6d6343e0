"""`edge-gate cards`: which cards open the lane. A number is read, never an argument: arguments end in the history."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from edge.cli.client import ask, configured
from edge.cli.options import ConfigOption, JsonOption
from edge.cli.output import emit, table
from edge.errors import ConfigError
from edge.wire.admin import CardAddRequest, CardRemoveRequest, Cards, CardsRequest
from edge.wire.messages import Id

MAX_NUMBER_CHARACTERS = 64

app = typer.Typer(help="Say which cards open the lane.", add_completion=False)
Label = Annotated[str, typer.Argument(help="How the card is called; nothing of its number.")]


@app.command("list")
def list_cards(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the labels of all cards."""
    settings = configured(config)
    labels: list[str] = []
    more = True
    while more:
        page = ask(settings, CardsRequest(after=labels[-1] if labels else ""), Cards)
        labels += page.labels
        more = page.more and bool(page.labels)
    emit(as_json, {"labels": labels}, lambda: table("", ("card",), [(label,) for label in labels]))


@app.command("add")
def add(label: Label, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Let a card in. Its number is read from the terminal or from standard input."""
    settings = configured(config)
    if sys.stdin.isatty():
        number = str(typer.prompt("Hold the card to the reader, or type its number", hide_input=True, err=True))
    else:
        number = sys.stdin.readline(MAX_NUMBER_CHARACTERS + 2)
    try:
        request = msgspec.convert({"number": number.strip(), "label": label}, CardAddRequest)
    except msgspec.ValidationError:
        raise ConfigError(
            "this is no card number or no label",
            hint="a number has 4 to 64 letters and digits, a label at most 64 letters, digits, and any of `_.:-`",
        ) from None
    said = ask(settings, request, Cards)
    emit(as_json, said, lambda: f"{label} may pass; {said.total} cards are known")


@app.command("remove")
def remove(label: Label, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Let a card in no longer."""
    said = ask(configured(config), CardRemoveRequest(valid_id(label, "a card's label")), Cards)
    emit(as_json, said, lambda: f"{label} may pass no longer; {said.total} cards are known")


def valid_id(text: str, what: str) -> str:
    """`text` if it can be an id. Raises `ConfigError`."""
    try:
        return msgspec.convert(text, Id)
    except msgspec.ValidationError:
        raise ConfigError(
            f"this cannot be {what}", hint="it has at most 64 letters, digits, and any of `_.:-`"
        ) from None
