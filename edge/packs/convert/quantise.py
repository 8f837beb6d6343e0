"""Integers for a graph whose activation ranges are known (TFLite 8-bit quantisation specification).

Rule 1.  Activations: real = scale * (q - zero), q in -128..127, one scale per tensor; zero itself is always exact, so
         that padding adds nothing.
Rule 2.  Weights: real = scale * q, q in -127..127, one scale per output channel. Bias: int32 at the product of the
         scales of input and weights.
Rule 3.  Pools and paddings keep the scale of what they read; a sigmoid has the one that TFLite prescribes; every other
         tensor needs a range, and a range that nobody needs is a mistake.
Rule 4.  Scales are float32 numbers computed from float64, rounding is half to even: the same input gives the same
         integers on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.packs.convert.graph import INPUT, Add, AvgPool, Conv, DepthwiseConv, Graph, MaxPool, Pad, Relu, Sigmoid
from edge.packs.errors import SourceInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from edge.packs.convert.graph import Floats

Range = tuple[float, float]

_LEVELS = 255
_LOWEST, _HIGHEST = -128, 127
_WEIGHT_LIMIT = 127
_LEAST_WEIGHT = 1e-30
_INT32_LIMIT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Scale:
    """real = `step` * (q - `zero`)."""

    step: float
    zero: int


PIXELS = Scale(1.0, _LOWEST)
PIXELS_UNSIGNED = Scale(1.0, 0)
_SIGMOID = Scale(1.0 / 256.0, _LOWEST)


def scale_of(low: float, high: float) -> Scale:
    """The 8-bit scale whose values reach from `low` <= 0 to `high` > 0."""
    step = float(np.float32((high - low) / _LEVELS))
    return Scale(step, max(_LOWEST, min(_HIGHEST, round(_LOWEST - low / step))))


def activation_scales(graph: Graph, ranges: Mapping[str, Range]) -> dict[str, Scale]:
    """A scale for every tensor that will exist. Raises `SourceInvalid` for a range too few or too many."""
    scales = {INPUT: PIXELS}
    unused, fused = set(ranges), fused_activations(graph)
    for node in graph.nodes:
        if node.name in fused:
            continue
        match node:
            case MaxPool() | AvgPool() | Pad():
                scales[node.name] = scales[node.source]
            case Sigmoid():
                scales[node.name] = _SIGMOID
            case _ if node.name in ranges:
                scales[node.name] = scale_of(*ranges[node.name])
                unused.discard(node.name)
            case _:
                raise _mismatch(f"no range for activation {node.name!r}")
    if unused:
        raise _mismatch(f"ranges for unknown activations: {', '.join(sorted(unused))}")
    return scales


def ranged_names(graph: Graph) -> tuple[str, ...]:
    """The activations that need a range, in the order of the graph."""
    fused = fused_activations(graph)
    free = (MaxPool, AvgPool, Pad, Sigmoid)
    return tuple(node.name for node in graph.nodes if node.name not in fused and not isinstance(node, free))


def fused_activations(graph: Graph) -> dict[str, str]:
    """Convolutions and sums that are read by one rectifier only, and its name: TFLite computes both at once."""
    fused = {}
    for node in graph.nodes:
        if isinstance(node, Conv | DepthwiseConv | Add):
            users = graph.users(node.name)
            if len(users) == 1 and isinstance(users[0], Relu):
                fused[node.name] = users[0].name
    return fused


def weight_integers(weights: Floats) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """int8 weights of the same shape, and the float32 scale of each channel on the last axis."""
    largest = np.abs(weights.astype(np.float64)).max(axis=tuple(range(weights.ndim - 1)))
    # A channel of zeros, or of numbers too small for a float32 scale, has any scale.
    scales = np.where(largest > _LEAST_WEIGHT, largest / _WEIGHT_LIMIT, 1.0).astype(np.float32)
    integers = np.rint(weights.astype(np.float64) / scales.astype(np.float64))
    return np.clip(integers, -_WEIGHT_LIMIT, _WEIGHT_LIMIT).astype(np.int8), scales


def bias_integers(bias: Floats, source: Scale, scales: NDArray[np.float32]) -> NDArray[np.int32]:
    """int32 bias at the product of the scales."""
    integers = np.rint(bias.astype(np.float64) / (source.step * scales.astype(np.float64)))
    return np.clip(integers, -_INT32_LIMIT, _INT32_LIMIT).astype(np.int32)


def _mismatch(why: str) -> SourceInvalid:
    return SourceInvalid(f"the ranges do not fit the network: {why}", hint="recipe and source differ in version")
