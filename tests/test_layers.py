"""Imports point down, vendors stay in their adapters, and files stay short: read from the source, not run.

Rule 1.  A module imports from its own layer or from a lower one (`LAYERS`), also where only the type checker looks.
Rule 2.  `vision`, `gate`, `sync`, `site`, `broker` and `sandbox` do not know each other: what they share lies below.
Rule 3.  The core imports what has no side effects, and nothing else (`PURE`).
Rule 4.  A vendor's library is imported where it is wrapped (`VENDORS`), and time is read in one place.
Rule 5.  A file has one idea; `MAX_LINES` lines are more than enough for it. A file of tests may be a longer list.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "edge").rglob("*.py"))
MAX_LINES = 400
MAX_TEST_LINES = 600

LAYERS = (
    ("__init__", "errors"),
    ("core",),
    ("ports", "clock", "wire", "config", "sim", "consent", "packs", "state"),
    ("vision", "gate", "sync", "site", "broker", "sandbox"),
    ("measure", "supervise", "demo"),
    ("cli",),
    ("__main__",),
)
APART = frozenset(LAYERS[3])
PURE = frozenset(
    {
        *("__future__", "abc", "bisect", "collections", "dataclasses", "enum", "functools", "heapq", "itertools"),
        *("math", "operator", "re", "struct", "types", "typing", "zlib"),
        *("edge", "msgspec", "numpy"),
    }
)
VENDORS: dict[str, tuple[str, ...]] = {
    "ai_edge_litert": ("edge/vision/runtimes/litert.py", "edge/measure/bench/"),
    "tflite_runtime": ("edge/vision/runtimes/tflite.py",),
    "cv2": ("edge/vision/", "edge/packs/convert/", "edge/measure/", "edge/demo/faces.py"),
    "simsimd": ("edge/gate/match.py", "edge/measure/"),
    "sqlite3": ("edge/gate/vault/", "edge/site/ledger.py"),
    "gpiozero": ("edge/gate/pins/",),
    "lgpio": ("edge/gate/pins/",),
    "pyseccomp": ("edge/sandbox/seccomp.py",),
    "ctypes": ("edge/sandbox/", "edge/gate/vault/", "edge/broker/private.py"),
    "securesystemslib": ("edge/consent/", "edge/state/", "edge/site/"),
    "tuf": ("edge/state/", "edge/site/"),
    "cryptography": (
        *("edge/consent/", "edge/state/", "edge/site/", "edge/broker/", "edge/gate/vault/"),
        *("edge/demo/house.py", "edge/measure/bench/"),
    ),
    "paho": ("edge/sync/mqtt.py",),
    "flatbuffers": ("edge/packs/convert/",),
    "matplotlib": ("edge/measure/",),
    "skimage": (),
    "faiss": ("edge/measure/bench/",),
    "dlib": ("edge/measure/bench/",),
    "psutil": ("edge/measure/bench/",),
    "rich": ("edge/cli/", "edge/demo/"),
    "typer": ("edge/cli/",),
    "time": ("edge/clock.py", "edge/measure/timing.py"),
}


def layer(part: str) -> int:
    found = [n for n, parts in enumerate(LAYERS) if part in parts]
    assert found, f"edge/{part} stands in no layer of this test"
    return found[0]


def imported(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")
                base = ".".join([*up[: len(up) - node.level + 1], *([base] if base else [])])
            yield node.lineno, base
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names if base == "edge")


def violations(path: str, source: str) -> list[str]:
    """What is wrong with the module at `path` (from the root of the repository)."""
    parts = Path(path).with_suffix("").parts
    here = parts[1] if len(parts) > 1 else "__init__"
    found = []
    for line, name in imported(ast.parse(source), ".".join(parts[:-1])):
        top, *rest = name.split(".")
        where = f"{path}:{line} imports {name}"
        if top == "edge" and rest and rest[0] != "__version__":
            there = rest[0]
            if there != here and layer(there) > layer(here):
                found.append(f"{where}: a higher layer")
            if there != here and {here, there} <= APART:
                found.append(f"{where}: these do not know each other")
        if here == "core" and top not in PURE:
            found.append(f"{where}: the core is pure")
        if top in VENDORS and not path.startswith(VENDORS[top] or ("-",)):
            found.append(f"{where}: that belongs into {', '.join(VENDORS[top]) or 'no module of ours'}")
    if source.count("\n") > MAX_LINES:
        found.append(f"{path} has {source.count(chr(10))} lines")
    return sorted(set(found))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_keeps_the_layers(path: Path) -> None:
    assert violations(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_test_file_is_not_endless(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") <= MAX_TEST_LINES


def test_everything_under_edge_stands_in_a_layer() -> None:
    for path in SOURCES:
        layer(path.relative_to(ROOT / "edge").parts[0].removesuffix(".py"))


def test_the_sources_were_found() -> None:
    assert len(SOURCES) > 50


@pytest.mark.parametrize(
    ("path", "line", "why"),
    [
        ("edge/core/lane/step.py", "import time", "the core is pure"),
        ("edge/core/lane/step.py", "import logging", "the core is pure"),
        ("edge/core/values.py", "from threading import Lock", "the core is pure"),
        ("edge/core/values.py", "from edge.config.schema import Config", "a higher layer"),
        ("edge/core/values.py", "from edge import config", "a higher layer"),
        ("edge/core/lane/step.py", "from ...gate import match", "a higher layer"),
        ("edge/errors.py", "from edge.core.values import Part", "a higher layer"),
        ("edge/wire/link.py", "import edge.gate.service", "a higher layer"),
        ("edge/config/rules.py", "from edge.cli.output import emit", "a higher layer"),
        ("edge/vision/service.py", "from edge.gate.match import Matcher", "do not know each other"),
        ("edge/gate/service.py", "from edge.vision.eye import Eye", "do not know each other"),
        ("edge/sync/service.py", "import edge.gate.vault.vault", "do not know each other"),
        ("edge/site/authority.py", "from edge.sandbox import confine", "do not know each other"),
        ("edge/supervise/desk.py", "from edge.cli.run import run", "a higher layer"),
        ("edge/gate/service.py", "import cv2", "belongs into edge/vision/"),
        ("edge/vision/eye.py", "import sqlite3", "belongs into edge/gate/vault/"),
        ("edge/gate/loop.py", "import time", "belongs into edge/clock.py"),
        ("edge/gate/loop.py", "from time import monotonic", "belongs into edge/clock.py"),
        ("edge/vision/model.py", "import ai_edge_litert.interpreter", "belongs into edge/vision/runtimes/litert.py"),
        ("edge/gate/loop.py", "import rich", "belongs into edge/cli/"),
        ("edge/demo/faces.py", "import skimage.data", "no module of ours"),
        (
            "edge/gate/loop.py",
            "if True:\n    def f():\n        import gpiozero.pins.mock",
            "belongs into edge/gate/pins/",
        ),
        ("edge/gate/loop.py", "\n" * (MAX_LINES + 1), "lines"),
    ],
)
def test_a_module_that_breaks_a_rule_is_found(path: str, line: str, why: str) -> None:
    assert any(why in found for found in violations(path, line + "\n"))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("edge/core/decide.py", "from edge.errors import EdgeError"),
        ("edge/core/decide.py", "import numpy as np"),
        ("edge/wire/link.py", "from edge.core.values import Part"),
        ("edge/sandbox/profiles.py", "from edge.packs.pack import default_search"),
        ("edge/cli/run.py", "from edge.supervise.desk import processes"),
        ("edge/vision/runtimes/litert.py", "from ai_edge_litert.interpreter import Interpreter"),
        ("edge/clock.py", "import time"),
        ("edge/gate/loop.py", "\n" * (MAX_LINES - 1)),
        ("edge/vision/align.py", "import cv2"),
    ],
)
def test_a_module_that_keeps_the_rules_is_left_alone(path: str, line: str) -> None:
    assert violations(path, line + "\n") == []
