"""One TOML file -> frozen values, or every mistake in it at once.

Rule 1.  The file is a plain one of at most `MAX_CONFIG_BYTES`, in UTF-8.
Rule 2.  Nothing is guessed: an unknown name, a wrong type or a value out of range is a mistake, with its line, what is
         allowed there, and the nearest name that exists.
Rule 3.  One mistake hides no other. A setting that cannot be read is left out, and every rule that does not need it
         (`edge.config.rules`) is still checked. Only a complete, faultless file becomes a `Config`.
Rule 4.  The value of a setting that we do not know, or whose name sounds like a secret, is never repeated.
Rule 5.  Relative paths start at the folder of the file, whatever the working directory is.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
from pathlib import Path
from typing import Any, cast

import msgspec

from edge.config.fields import Field, Section, sections, toml
from edge.config.locate import line_of
from edge.config.mistakes import ConfigMistakes, Mistake, in_order
from edge.config.rules import breaches
from edge.config.schema import Config
from edge.config.syntax import Document, parse
from edge.errors import ConfigError

MAX_CONFIG_BYTES = 64 * 1024
SEARCHED = (Path("gate.toml"), Path("/etc/edge-gate/gate.toml"))
"""Where a configuration is looked for, in this order, when none is named."""
_SHOWN_CHARACTERS = 40
_SECRET = re.compile(r"(?:\A|_)(?:key|secret|password|passphrase|pass|token|pin)s?\Z", re.IGNORECASE)
_ON_DISK = ("sim", "folder", "video")


def find(named: Path | None) -> Path:
    """The configuration to use: `named`, else the first of `SEARCHED` that exists. Raises `ConfigError`."""
    if named is not None:
        return named
    for path in SEARCHED:
        if path.exists():
            return path
    raise ConfigError(
        "no configuration was found at " + " or ".join(str(path) for path in SEARCHED),
        hint="name one with --config; firmware_config/gate.example.toml is a start",
    )


def load(path: Path) -> Config:
    """Read, check and freeze the file at `path`.

    Raises:
        ConfigMistakes: it can be read, but not stand as it is written.
        ConfigError: it cannot be read.
    """
    config, mistakes = check(_read(path), path.resolve().parent)
    if config is None:
        raise ConfigMistakes(path, mistakes)
    return config


def check(text: str, folder: Path) -> tuple[Config | None, tuple[Mistake, ...]]:
    """The configuration that `text` says, or its mistakes; relative paths start at `folder`."""
    document = parse(text)
    known = sections()
    mistakes = [*document.mistakes, *_unknown_sections(document, known)]
    values: dict[str, Any] = {}
    if document.complete:
        for section in known.values():
            mistakes += _read_section(document, section, folder, values)
    mistakes += [
        Mistake(line_of(document.lines, tuple(found.key.split("."))), found.key, found.message, found.suggestion)
        for found in breaches(values)
    ]
    if mistakes:
        return None, in_order(mistakes)
    return Config(**{name: _build(section, values) for name, section in known.items()}), ()


def _read(path: Path) -> str:
    hint = "name a readable TOML file with --config"
    try:
        # O_NONBLOCK: a named pipe must not make us wait for its writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError(f"{path} is not a plain file", hint=hint)
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint=hint) from None
    if len(data) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_CONFIG_BYTES} bytes", hint="a configuration is a page or two")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path} is not UTF-8 in line {line}", hint="save it as UTF-8") from None


def _unknown_sections(document: Document, known: dict[str, Section]) -> list[Mistake]:
    return [
        Mistake(line_of(document.lines, (name,)), name, "there is no such section", _nearest(name, list(known)))
        for name in document.values
        if name not in known
    ]


def _read_section(document: Document, section: Section, folder: Path, values: dict[str, Any]) -> list[Mistake]:
    """Put every readable setting of `section` into `values` under its dotted key; return the mistakes."""
    if (section.name,) in document.damaged:
        return []
    line = line_of(document.lines, (section.name,))
    table = document.values.get(section.name, {})
    if not isinstance(table, dict):
        return [Mistake(line, section.name, "this should be a section", f"begin it with a line [{section.name}]")]
    if section.name not in document.values and section.required:
        needed = ", ".join(field.name for field in section.fields.values() if field.required)
        return [Mistake(None, section.name, "this section is missing", f"add [{section.name}] with {needed}")]
    mistakes = [
        Mistake(
            line_of(document.lines, (section.name, name)),
            f"{section.name}.{name}",
            "there is no such setting",
            _nearest(name, list(section.fields)),
        )
        for name in table
        if name not in section.fields
    ]
    for name, field in section.fields.items():
        if (section.name, name) in document.damaged:
            continue
        if name in table:
            try:
                values[field.key] = _convert(field, table[name], folder)
            except msgspec.ValidationError:
                mistakes.append(_wrong(document, field, table[name]))
        elif field.required:
            mistakes.append(Mistake(line, field.key, "this setting is missing", f"add `{name} = …`: {field.expects}"))
        else:
            values[field.key] = field.default
    device = values.get("camera.device") if section.name == "camera" else None
    if device and values.get("camera.kind") in _ON_DISK:
        values["camera.device"] = str(folder / device)
    return mistakes


def _convert(field: Field, value: object, folder: Path) -> object:
    if field.optional and value == "none":
        return None

    def path_from(kind: type, text: object) -> Path:
        if kind is not Path or not isinstance(text, str) or not text or "\0" in text:
            raise msgspec.ValidationError
        return Path(os.path.normpath(folder / text))

    return cast("object", msgspec.convert(value, field.kind, dec_hook=path_from))


def _wrong(document: Document, field: Field, value: object) -> Mistake:
    shown = toml(value)
    if _SECRET.search(field.name):
        shown = "the value"
    elif len(shown) > _SHOWN_CHARACTERS:
        shown = shown[:_SHOWN_CHARACTERS] + "…"
    suggestion = f"for example {field.name} = {field.example}" if field.example else f"write {field.expects}"
    if field.default not in (None, "", ()):
        suggestion = f"the default is {toml(field.default)}"
    if isinstance(value, str):
        near = difflib.get_close_matches(toml(value), re.findall(r'"[^"]*"', field.expects), n=1)
        if near:
            suggestion = f"did you mean {near[0]}?"
        elif _is_number(value) and "number" in field.expects:
            suggestion = "write the number without quotes"
        elif value in {"true", "false", "yes", "no"} and field.expects == "true or false":
            suggestion = "write true or false without quotes"
    line = line_of(document.lines, (field.section, field.name))
    return Mistake(line, field.key, f"{shown} is not {field.expects}", suggestion)


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[+-]?\d{1,20}(?:\.\d{1,20})?", text))


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.lower(), known, n=1)
    return f"did you mean {near[0]}?" if near else "known here: " + ", ".join(known)


def _build(section: Section, values: dict[str, Any]) -> Any:  # noqa: ANN401 - one of the sections of the schema
    return section.kind(**{name: values[field.key] for name, field in section.fields.items()})
