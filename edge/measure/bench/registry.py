"""Which families of rows there are, and running them: each in a process of its own.

Rule 1.  A family never sees the memory, the threads or the caches of another. Its process computes on one thread, and
         so does whatever we are compared with (`ONE_THREAD`).
Rule 2.  A family that cannot be measured (an extra is missing, a part fails, its process dies) becomes a row that is
         not ok, with the reason. The others are measured all the same.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import msgspec

from edge.errors import ConfigError, EdgeError
from edge.measure.bench.row import Row, not_measured

FAMILIES = {
    "embedder": "one call of the embedder, against LiteRT alone",
    "search": "searching 1,000 to 200,000 templates",
    "rival": "from a frame to an embedding, against face_recognition",
    "vault": "loading the vault, against one blob",
    "frame": "from a frame to the relay, against the sum of its stages",
    "start": "from start to the first decision, against its parts",
    "memory": "memory of the three processes",
}
"""Name (of the module, and for `--only`) -> what it measures."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
FAMILY_S = 300.0
_ROWS = msgspec.json.Decoder(list[Row])


def chosen(only: str | None) -> list[str]:
    """All families, or the one that is asked for. Raises `ConfigError`."""
    if only is None:
        return list(FAMILIES)
    if only not in FAMILIES:
        raise ConfigError(f"there is no bench {only!r}", hint=f"choose one of {', '.join(FAMILIES)}")
    return [only]


def run(family: str) -> list[Row]:
    """Measure one family in a fresh process (rules 1 and 2)."""
    try:
        ran = subprocess.run(  # noqa: S603 - our own interpreter, our own module
            [sys.executable, "-P", "-m", "edge.measure.bench", family],
            env={**os.environ, **ONE_THREAD},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=FAMILY_S,
            check=False,
        )
        return _ROWS.decode(ran.stdout)
    except subprocess.TimeoutExpired:
        return [not_measured(FAMILIES[family], f"it was not done within {FAMILY_S:g} s")]
    except msgspec.DecodeError:
        return [not_measured(FAMILIES[family], f"its process ended with exit status {ran.returncode} and no rows")]


def measure(family: str) -> list[Row]:
    """The rows of one family, measured in this process; one that says why if that is not possible."""
    try:
        rows: list[Row] = importlib.import_module(f"edge.measure.bench.{family}").rows()
    except EdgeError as error:
        return [not_measured(FAMILIES[family], f"{error.message}; {error.hint}")]
    except ModuleNotFoundError as error:
        return [not_measured(FAMILIES[family], f"{error.name} is not installed; pip install 'edge-gate[bench]'")]
    return rows
