"""Reading and writing vector files (`README.md`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
_LINE = 64


@dataclass(frozen=True)
class Vector:
    name: str
    header: dict[str, str]
    body: bytes

    @property
    def expect(self) -> str:
        return self.header["expect"]


def read_all(folder: str) -> list[Vector]:
    return [_read(path) for path in sorted((FOLDER / folder).glob("*.txt"))]


def write(folder: str, name: str, body: bytes, **header: str | int) -> None:
    lines = [f"{field.replace('_', '-')}: {value}" for field, value in header.items()]
    text = body.hex()
    hexed = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    (FOLDER / folder / f"{name}.txt").write_text("\n".join([*lines, "", *hexed]) + "\n")


def _read(path: Path) -> Vector:
    head, _, body = path.read_text().partition("\n\n")
    header = dict(line.split(": ", 1) for line in head.splitlines())
    return Vector(path.stem, header, bytes.fromhex(body))
