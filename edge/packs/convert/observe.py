"""The float run of a graph in numpy: the reference that every written file is compared with, and what calibrates it.

Sums are float32 products accumulated by the machine's matrix multiplication, so the last bits differ between machines;
nothing that is written depends on them, because calibrated ranges are rounded before they enter a recipe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from edge.packs.convert.graph import (
    INPUT,
    Add,
    AvgPool,
    Conv,
    DepthwiseConv,
    Floats,
    Graph,
    Leaky,
    MaxPool,
    Mean,
    Mul,
    Node,
    Pad,
    Relu,
    Sigmoid,
    sources,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def observe(graph: Graph, picture: NDArray[np.float32]) -> dict[str, Floats]:
    """Every tensor of one run, by name; `picture` is float32 [height, width, channels] as the network wants it."""
    seen: dict[str, Floats] = {INPUT: picture}
    for node in graph.nodes:
        seen[node.name] = _run(node, [seen[name] for name in sources(node)])
    return seen


def _run(node: Node, inputs: list[Floats]) -> Floats:
    x = inputs[0]
    match node:
        case Conv():
            windows = _windows(_framed(x, node), node.weights.shape[:2], node.stride)
            rows, columns = windows.shape[:2]
            # [rows, columns, in, high, wide] against [high, wide, in, out]
            flat = windows.transpose(0, 1, 3, 4, 2).reshape(rows * columns, -1)
            return (flat @ node.weights.reshape(flat.shape[1], -1)).reshape(rows, columns, -1) + node.bias
        case DepthwiseConv():
            windows = _windows(_framed(x, node), node.weights.shape[:2], node.stride)
            return np.asarray(np.einsum("rkchw,hwc->rkc", windows, node.weights) + node.bias)
        case MaxPool():
            return np.asarray(_windows(x, (node.size, node.size), node.stride).max(axis=(3, 4)))
        case AvgPool():
            return np.asarray(_windows(x, (node.size, node.size), node.stride).mean(axis=(3, 4), dtype=np.float32))
        case Mean():
            return np.asarray(x.mean(axis=(0, 1), keepdims=True, dtype=np.float32))
        case Pad():
            return np.pad(x, tuple(zip(node.before, node.after, strict=True)))
        case Relu():
            return np.maximum(x, np.float32(0))
        case Leaky():
            return np.where(x >= 0, x, np.float32(node.slope) * x)
        case Sigmoid():
            return np.float32(1) / (np.float32(1) + np.exp(-x))
        case Add():
            return x + inputs[1]
        case Mul():
            return x * inputs[1]


def _framed(x: Floats, node: Conv | DepthwiseConv) -> Floats:
    if not node.same:
        return x
    high, wide = node.weights.shape[0] // 2, node.weights.shape[1] // 2
    return np.pad(x, ((high, high), (wide, wide), (0, 0)))


def _windows(x: Floats, size: tuple[int, ...], stride: int) -> Floats:
    """[rows, columns, channels, high, wide], a view."""
    view: Floats = sliding_window_view(x, size, axis=(0, 1))[::stride, ::stride]
    return view
