"""Folders with packs that a test may damage, and LiteRT for what the converter wrote."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.packs.pack import shipped_folder

Run = Callable[[bytes, NDArray[Any]], NDArray[np.float32]]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of `models/` that may be damaged."""
    return Path(shutil.copytree(shipped_folder(), tmp_path / "models"))


@pytest.fixture
def recipe_text() -> str:
    return (shipped_folder() / "dlib-resnet.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def litert() -> Run:
    """Run a TFLite file on one picture [height, width, 3] and give its output row."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter", reason="needs ai-edge-litert")

    def run(file: bytes, picture: NDArray[Any]) -> NDArray[np.float32]:
        network = interpreter.Interpreter(model_content=file, num_threads=1)
        network.allocate_tensors()
        source = network.get_input_details()[0]
        network.set_tensor(source["index"], picture[None].astype(source["dtype"]))
        network.invoke()
        output: NDArray[np.float32] = network.get_tensor(network.get_output_details()[0]["index"])[0].copy()
        return output

    return run
