"""Writes `tests/vectors/state/`. Run by hand when a format changes: `python -m tests.state.make_vectors`."""

from __future__ import annotations

import zlib
from pathlib import Path

from edge.core.status_list import NOTHING_ISSUED, Status, deflate
from tests.state.vectors import write

FOLDER = Path(__file__).parents[1] / "vectors" / "state"


def status_lists() -> None:
    folder = FOLDER / "status-list"
    some = NOTHING_ISSUED.changed([0, 65535], Status.VALID).changed([7], Status.SUSPENDED)
    some = some.changed([8], Status.WITHDRAWN)
    good = deflate(some)
    write(folder / "three-people.txt", "success", good, about="0, 65535 valid; 7 suspended; 8 withdrawn",
          valid="0 65535", suspended="7")  # fmt: skip
    write(folder / "fast-level.txt", "success", zlib.compress(some.packed, 1),
          about="any zlib stream of the same bytes is the same list", valid="0 65535", suspended="7")  # fmt: skip
    flipped = bytearray(good)
    flipped[-1] ^= 1
    for name, expect, body in (
        ("empty", "stops short", b""),
        ("no-zlib", "does not inflate", b"no zlib stream"),
        ("raw-deflate", "does not inflate", good[2:-4]),
        ("gzip", "does not inflate", b"\x1f\x8b\x08\x00" + bytes(6) + good[2:-4]),
        ("checksum", "does not inflate", bytes(flipped)),
        ("truncated", "stops short", good[:-5]),
        ("checksum-missing", "stops short", good[:-4]),
        ("trailing-byte", "goes on after its end", good + b"\0"),
        ("two-streams", "goes on after its end", good + good),
        ("one-entry-less", "has 16383 bytes", zlib.compress(some.packed[:-1], 9)),
        ("one-byte-more", "longer than a list|has 16385 bytes", zlib.compress(some.packed + b"\xff", 9)),
        ("bomb", "longer than a list", zlib.compress(bytes(4_000_000), 9)),
        ("preset-dictionary", "does not inflate", _with_dictionary(some.packed)),
        ("too-large", "above the limit", zlib.compress(some.packed, 0) + bytes(1024)),
    ):
        write(folder / f"{name}.txt", expect, body)


def _with_dictionary(packed: bytes) -> bytes:
    stream = zlib.compressobj(9, zdict=b"\xff" * 64)
    return stream.compress(packed) + stream.flush()


if __name__ == "__main__":
    status_lists()
