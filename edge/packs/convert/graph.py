"""One neutral feed-forward network between the readers and the writer.

Rule 1.  A node names its inputs; a graph lists its nodes in the order in which they can be computed, and the last one
         is the output. `INPUT` is the picture.
Rule 2.  Tensors are float32 [height, width, channels] of one picture; weights are [rows, columns, in, out], or
         [rows, columns, channels] for a depthwise convolution.
Rule 3.  `shapes` checks every node against its inputs and raises `SourceInvalid`. What passes can be run, and written.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.packs.errors import SourceInvalid

Floats = NDArray[np.float32]

INPUT = "input"
MAX_NODES = 2_000
MAX_ELEMENTS = 16 * 1024 * 1024

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Conv:
    """Convolution. `same` keeps the size by zeros around the picture, for odd kernels with stride 1."""

    name: str
    source: str
    weights: Floats = field(repr=False)
    bias: Floats = field(repr=False)
    stride: int = 1
    same: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class DepthwiseConv:
    """Convolution of each channel with a kernel of its own."""

    name: str
    source: str
    weights: Floats = field(repr=False)
    bias: Floats = field(repr=False)
    stride: int = 1
    same: bool = False


@dataclass(frozen=True, slots=True)
class MaxPool:
    """Maximum over windows that lie wholly inside."""

    name: str
    source: str
    size: int
    stride: int


@dataclass(frozen=True, slots=True)
class AvgPool:
    """Mean over windows that lie wholly inside."""

    name: str
    source: str
    size: int
    stride: int


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean over the whole picture: [1, 1, channels]."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Pad:
    """Zeros before the first and behind the last row, column and channel."""

    name: str
    source: str
    before: Shape
    after: Shape


@dataclass(frozen=True, slots=True)
class Relu:
    """max(x, 0)."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Leaky:
    """x where x >= 0, else `slope` * x; `slope` is any finite number (PReLU with one parameter)."""

    name: str
    source: str
    slope: float


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """1 / (1 + exp(-x))."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Add:
    """Sum of two tensors of one shape."""

    name: str
    source: str
    other: str


@dataclass(frozen=True, slots=True)
class Mul:
    """Product of a tensor and one factor per channel, [1, 1, channels]."""

    name: str
    source: str
    other: str


Node = Conv | DepthwiseConv | MaxPool | AvgPool | Mean | Pad | Relu | Leaky | Sigmoid | Add | Mul


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes in order, and the shape of the picture that enters."""

    input_shape: Shape
    nodes: tuple[Node, ...] = field(repr=False)

    @property
    def output(self) -> str:
        """Name of the node that is the network's output."""
        return self.nodes[-1].name

    def users(self, name: str) -> tuple[Node, ...]:
        """The nodes that read `name`."""
        return tuple(node for node in self.nodes if name in sources(node))


def sources(node: Node) -> tuple[str, ...]:
    """The names that a node reads."""
    return (node.source, node.other) if isinstance(node, Add | Mul) else (node.source,)


def shapes(graph: Graph) -> dict[str, Shape]:
    """The shape of every tensor, by name. Raises `SourceInvalid` at the first node that does not fit its inputs."""
    if not 0 < len(graph.nodes) <= MAX_NODES:
        raise _misfit("graph", f"it has {len(graph.nodes)} nodes, 1 to {MAX_NODES} are allowed")
    known: dict[str, Shape] = {INPUT: graph.input_shape}
    for node in graph.nodes:
        missing = [name for name in sources(node) if name not in known]
        if missing or node.name in known:
            raise _misfit(node.name, f"reads {missing[0]!r} before it exists" if missing else "exists twice")
        known[node.name] = shape = _shape(node, [known[name] for name in sources(node)])
        if min(shape) < 1 or shape[0] * shape[1] * shape[2] > MAX_ELEMENTS:
            raise _misfit(node.name, f"its output would be {shape}")
    return known


def _shape(node: Node, inputs: list[Shape]) -> Shape:
    rows, columns, channels = inputs[0]
    match node:
        case Conv():
            high, wide, taken, given = node.weights.shape
            if taken != channels or node.bias.shape != (given,):
                raise _misfit(node.name, f"takes {taken} channels and gets {channels}")
            return (*_windows(rows, columns, (high, wide), node), given)
        case DepthwiseConv():
            high, wide, taken = node.weights.shape
            if taken != channels or node.bias.shape != (taken,):
                raise _misfit(node.name, f"takes {taken} channels and gets {channels}")
            return (*_windows(rows, columns, (high, wide), node), channels)
        case MaxPool() | AvgPool():
            return (*_windows(rows, columns, (node.size, node.size), node), channels)
        case Mean():
            return (1, 1, channels)
        case Pad():
            (top, left, first), (bottom, right, last) = node.before, node.after
            return (rows + top + bottom, columns + left + right, channels + first + last)
        case Add() if inputs[0] != inputs[1]:
            raise _misfit(node.name, f"adds {inputs[0]} and {inputs[1]}")
        case Mul() if inputs[1] != (1, 1, channels):
            raise _misfit(node.name, f"multiplies {inputs[0]} by {inputs[1]}")
        case _:
            return inputs[0]


def _windows(
    rows: int, columns: int, size: tuple[int, int], node: Conv | DepthwiseConv | MaxPool | AvgPool
) -> tuple[int, int]:
    if isinstance(node, Conv | DepthwiseConv) and node.same:
        if node.stride != 1 or not size[0] % 2 == size[1] % 2 == 1:
            raise _misfit(node.name, f"cannot keep the size with a kernel of {size} and stride {node.stride}")
        return rows, columns
    if node.stride < 1 or min(size) < 1 or size[0] > rows or size[1] > columns:
        raise _misfit(node.name, f"has windows of {size} and stride {node.stride} on {rows} x {columns}")
    return (rows - size[0]) // node.stride + 1, (columns - size[1]) // node.stride + 1


def _misfit(name: str, why: str) -> SourceInvalid:
    return SourceInvalid(f"the network does not fit together at {name!r}: {why}", hint="fetch the source again")
