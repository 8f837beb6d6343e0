"""Test vectors as files: header lines `name: value`, an empty line, the bytes in base64.

`expect: success`, or a pattern that the error's message must match. One reader for every format; an empty folder is an
error, because a runner that finds nothing proves nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

WIDTH = 96


class Vector(NamedTuple):
    name: str
    expect: str
    fields: Mapping[str, str]
    body: bytes


def read(path: Path) -> Vector:
    head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    fields = {name: value.strip() for name, _, value in (line.partition(":") for line in head.splitlines())}
    return Vector(path.stem, fields.pop("expect"), fields, base64.b64decode("".join(body.split()), validate=True))


def write(path: Path, expect: str, body: bytes, **fields: str) -> None:
    text = base64.b64encode(body).decode()
    lines = [f"expect: {expect}", *(f"{name}: {value}".rstrip() for name, value in fields.items()), ""]
    lines += [text[i : i + WIDTH] for i in range(0, len(text), WIDTH)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def vectors(folder: Path) -> list[Vector]:
    found = [read(path) for path in sorted(folder.glob("*.txt"))]
    assert found, f"no vectors in {folder}"
    negative = sum(1 for vector in found if vector.expect != "success")
    assert negative >= 4 * (len(found) - negative) > 0, f"{folder}: at least four negative vectors to one positive"
    return found
