"""A module of ours with one line as it must never stand."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NamedTuple


class Mutant(NamedTuple):
    rule: int
    name: str
    old: str
    new: str


@contextmanager
def mutated(module: ModuleType, mutant: Mutant) -> Iterator[ModuleType]:
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    assert source.count(mutant.old) == 1, f"the line for {mutant.name!r} stands {source.count(mutant.old)} times"
    name = f"{module.__name__}_mutant"
    spec = importlib.util.spec_from_loader(name, loader=None)
    assert spec is not None
    built = importlib.util.module_from_spec(spec)
    sys.modules[name] = built  # dataclasses look their module up
    try:
        exec(compile(source.replace(mutant.old, mutant.new), name, "exec"), built.__dict__)
        yield built
    finally:
        del sys.modules[name]
