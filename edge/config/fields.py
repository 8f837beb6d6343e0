"""Every setting as data: its type in words, its default, an example. Made from the schema, so that it cannot be stale.

The words are for people: they stand in suggestions (`edge-gate check`) and in `docs/config.md`.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from edge.config.schema import Config, Settings

NONE_ALLOWED = ', or "none"'


@dataclass(frozen=True, slots=True)
class Field:
    """One setting. `kind` is what msgspec converts to; `expects` says the same in words."""

    section: str
    name: str
    kind: Any
    expects: str
    required: bool
    default: Any
    example: str

    @property
    def optional(self) -> bool:
        """Whether the setting may be `"none"` (TOML has no null)."""
        return self.expects.endswith(NONE_ALLOWED)

    @property
    def key(self) -> str:
        """The dotted path: `camera.width`."""
        return f"{self.section}.{self.name}"


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the file."""

    name: str
    kind: type[Settings]
    required: bool
    fields: dict[str, Field]


def sections() -> dict[str, Section]:
    """All sections, in the order of the schema."""
    found: dict[str, Section] = {}
    kinds = typing.get_type_hints(Config)
    for part in msgspec.structs.fields(Config):
        kind = kinds[part.name]
        hints = typing.get_type_hints(kind, include_extras=True)
        fields = {
            field.name: Field(
                section=part.name,
                name=field.name,
                kind=hints[field.name],
                expects=describe(inspect.type_info(hints[field.name])),
                required=field.default is msgspec.NODEFAULT,
                default=None if field.default is msgspec.NODEFAULT else field.default,
                example=_example(inspect.type_info(hints[field.name])),
            )
            for field in msgspec.structs.fields(kind)
        }
        found[part.name] = Section(part.name, kind, part.required, fields)
    return found


def describe(kind: inspect.Type) -> str:
    """What `kind` allows, in words that finish "this should be …"."""
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            return str((extra or {}).get("description") or describe(inner))
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=low, le=high):
            return f"a whole number{_between(low, high)}"
        case inspect.FloatType(ge=low, le=high):
            return f"a number{_between(low, high)}"
        case inspect.StrType(max_length=longest):
            return "a text" if longest is None else f"a text of at most {longest} characters"
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(toml(value) for value in values)
        case inspect.CustomType(cls=cls) if cls is Path:
            return "a path, absolute or from the folder of this file"
        case inspect.UnionType(types=types):
            return describe(next(inner for inner in types if not isinstance(inner, inspect.NoneType))) + NONE_ALLOWED
        case inspect.VarTupleType(item_type=item, min_length=least, max_length=most):
            return f"a list{_between(least, most).replace(' from', ' of')}, each {describe(item)}"
        case inspect.TupleType(item_types=items):
            return f"a list of {len(items)}, each {describe(items[0])}"
    raise TypeError(f"the schema has a type without words: {kind}")


def toml(value: object) -> str:
    """`value` as one writes it in TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() | Path():
            return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
        case tuple() | list():
            return "[" + ", ".join(toml(item) for item in value) + "]"
        case _:
            return str(value)


def _example(kind: inspect.Type) -> str:
    extra = kind.extra_json_schema if isinstance(kind, inspect.Metadata) else None
    examples = (extra or {}).get("examples", ())
    return ", ".join(toml(example) for example in examples)


def _between(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    if low is not None:
        return f" of at least {low:g}"
    return "" if high is None else f" of at most {high:g}"
