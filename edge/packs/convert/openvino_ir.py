"""Intel's networks as OpenVINO stores them (IR version 10 and 11: XML for the graph, one file of weights) as a graph.

Only the operators of small convolutional embedders are known. A quantised network carries `FakeQuantize` operators:
they state the range that Intel chose for an activation, sometimes one per channel, and are returned apart from the
graph, so that no calibration faces are needed.

Rule 1.  The XML is at most `MAX_XML_BYTES` long and declares no entities. Every number is compared with a limit, every
         constant has to lie wholly inside the weights and to be finite.
Rule 2.  An operator, attribute or shape that we do not know ends the reading with `SourceInvalid` and its name. Nothing
         is guessed.
Rule 3.  OpenVINO's channels come second, ours last; whatever leaves this module has ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np

from edge.packs.convert.graph import (
    INPUT,
    Add,
    Conv,
    DepthwiseConv,
    Floats,
    Graph,
    Leaky,
    Mean,
    Mul,
    Node,
    Pad,
    Shape,
    Sigmoid,
    shapes,
)
from edge.packs.errors import SourceInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MAX_XML_BYTES = 2 * 1024 * 1024
MAX_LAYERS = 5_000
MAX_SIDE = 8_192
MAX_RANK = 6
_TYPES = {"f16": "<f2", "f32": "<f4", "i8": "i1", "u8": "u1", "i32": "<i4", "i64": "<i8"}
_LEVELS = "256"


@dataclass(frozen=True, slots=True, eq=False)
class ChannelRange:
    """The range of one activation: float32 arrays of one value, or one value per channel."""

    low: Floats = field(repr=False)
    high: Floats = field(repr=False)


@dataclass(frozen=True, slots=True)
class Network:
    """The graph, and the ranges that the file itself states, by the activation's name."""

    graph: Graph
    ranges: dict[str, ChannelRange] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Layer:
    kind: str
    data: dict[str, str] = field(repr=False)
    inputs: tuple[str, ...] = ()


def read_network(xml: bytes, weights: bytes) -> Network:
    """The network in a pair of files. Raises `SourceInvalid`."""
    layers = _layers(xml)
    reading = _Reading(layers, weights)
    for name in _in_order(layers):
        reading.take(name)
    return reading.network()


def _layers(xml: bytes) -> dict[str, _Layer]:
    if len(xml) > MAX_XML_BYTES:
        raise _invalid("file", f"it is {len(xml)} bytes long, at most {MAX_XML_BYTES} are allowed")
    if b"<!" in xml.replace(b"<!--", b""):  # no DOCTYPE, so no entity that grows
        raise _invalid("file", "it declares a document type")
    try:
        root = ET.fromstring(xml)  # noqa: S314 - bounded, without entities, and pinned by digest
    except ET.ParseError as error:
        raise _invalid("file", f"it is not XML: {error}") from None
    inputs: dict[str, dict[int, str]] = {}
    for edge in root.iterfind("./edges/edge"):
        port = _integer("edge", edge.get("to-port", ""), 0, MAX_SIDE)
        inputs.setdefault(edge.get("to-layer", ""), {})[port] = edge.get("from-layer", "")
    layers = {}
    for element in root.iterfind("./layers/layer"):
        name = element.get("id", "")
        data = element.find("data")
        attributes = dict(data.attrib) if data is not None else {}
        ordered = tuple(source for _, source in sorted(inputs.get(name, {}).items()))
        layers[name] = _Layer(element.get("type", ""), attributes, ordered)
    for name, layer in layers.items():
        if not layers.keys() >= set(layer.inputs):
            raise _invalid(name, "it reads a layer that is not there")
    if not 0 < len(layers) <= MAX_LAYERS:
        raise _invalid("file", f"it has {len(layers)} layers, 1 to {MAX_LAYERS} are allowed")
    return layers


def _in_order(layers: dict[str, _Layer]) -> Iterator[str]:
    """Every layer after its inputs, in the order of the file where that leaves a choice."""
    done: set[str] = set()
    waiting = list(layers)
    while waiting:
        ready = [name for name in waiting if all(source in done for source in layers[name].inputs)]
        if not ready:
            raise _invalid(waiting[0], "it reads itself")
        yield from ready
        done.update(ready)
        waiting = [name for name in waiting if name not in done]


class _Reading:
    """Takes one layer after the other; constants are folded, biases joined to their convolutions."""

    def __init__(self, layers: dict[str, _Layer], weights: bytes) -> None:
        self._layers, self._weights = layers, weights
        self._readers = dict.fromkeys(layers, 0)
        for layer in layers.values():
            for source in layer.inputs:
                self._readers[source] += 1
        self._constants: dict[str, NDArray[np.float32]] = {}
        self._nodes: dict[str, Node] = {}
        self._names: dict[str, str] = {}
        self._ranges: dict[str, ChannelRange] = {}
        self._shape: Shape | None = None

    def take(self, name: str) -> None:
        """Read one layer whose inputs were read."""
        layer = self._layers[name]
        if layer.kind == "Const":
            self._constants[name] = self._constant(name, layer)
        elif layer.inputs and all(source in self._constants for source in layer.inputs):
            self._constants[name] = self._folded(name, layer)
        else:
            self._names[name] = self._activation(name, layer)

    def network(self) -> Network:
        """What was read; its shapes were checked."""
        if self._shape is None:
            raise _invalid("file", "it has no input")
        graph = Graph(self._shape, tuple(self._nodes.values()))
        shapes(graph)
        return Network(graph, self._ranges)

    def _constant(self, name: str, layer: _Layer) -> NDArray[np.float32]:
        kind = layer.data.get("element_type", "")
        if kind not in _TYPES:
            raise _invalid(name, f"constants of type {kind!r} are unknown")
        shape = _integers(name, layer.data.get("shape", ""))
        start = _integer(name, layer.data.get("offset", ""), 0, len(self._weights))
        size = math.prod(shape) * np.dtype(_TYPES[kind]).itemsize
        if layer.data.get("size") != str(size) or start + size > len(self._weights):
            raise _invalid(name, f"its {size} bytes do not lie in the weights")
        values = np.frombuffer(self._weights, _TYPES[kind], math.prod(shape), start).astype(np.float32)
        if not np.isfinite(values).all():
            raise _invalid(name, "a weight is not finite")
        return values.reshape(shape)

    def _folded(self, name: str, layer: _Layer) -> NDArray[np.float32]:
        values = [self._constants[source] for source in layer.inputs]
        match layer.kind, values:
            case "Convert", [value]:
                return value
            case "Multiply", [left, right]:
                return left * right
            case "Reshape", [value, target] if target.size <= MAX_RANK:
                return value.reshape([int(side) for side in target.ravel()])
        raise _invalid(name, f"{layer.kind} of constants is unknown")

    def _activation(self, name: str, layer: _Layer) -> str:
        """Append the node of one layer; the name under which others read its result."""
        constants = [self._constants[source] for source in layer.inputs if source in self._constants]
        sources = [self._names[source] for source in layer.inputs if source not in self._constants]
        match layer.kind, sources, constants:
            case "Parameter", [], []:
                return self._input(name, layer)
            case "Convolution", [source], [weights] if weights.ndim == 4:  # noqa: PLR2004
                return self._convolution(name, layer, source, weights)
            case "GroupConvolution", [source], [weights] if weights.ndim == 5:  # noqa: PLR2004
                return self._convolution(name, layer, source, weights)
            case "Add", [source], [summand]:
                return self._biased(name, layer, source, summand.ravel())
            case "Multiply", [source], [factor]:
                kernel = factor.reshape(1, 1, -1)
                return self._put(DepthwiseConv(f"scale-{name}", source, kernel, np.zeros(kernel.size, np.float32)))
            case "PReLU", [source], [slope] if slope.size == 1:
                return self._put(Leaky(f"prelu-{name}", source, float(slope.ravel()[0])))
            case "Add", [left, right], []:
                return self._put(Add(f"add-{name}", left, right))
            case "Multiply", [left, right], []:
                return self._put(Mul(f"mul-{name}", left, right))
            case "Sigmoid", [source], []:
                return self._put(Sigmoid(f"sigmoid-{name}", source))
            case "AvgPool", [source], []:
                return self._mean(name, layer, source)
            case "FakeQuantize", [source], [low, high, low_out, high_out]:
                return self._ranged(name, layer, source, (low, high, low_out, high_out))
            case "Result", [source], []:
                return source
        raise _invalid(name, f"{layer.kind} with {len(sources)} activations and {len(constants)} constants is unknown")

    def _put(self, node: Node) -> str:
        self._nodes[node.name] = node
        return node.name

    def _input(self, name: str, layer: _Layer) -> str:
        shape = _integers(name, layer.data.get("shape", ""))
        if self._shape is not None or len(shape) != 4 or shape[0] != 1:  # noqa: PLR2004
            raise _invalid(name, "there has to be one input of one picture")
        self._shape = (shape[2], shape[3], shape[1])
        return INPUT

    def _convolution(self, name: str, layer: _Layer, source: str, weights: NDArray[np.float32]) -> str:
        (stride, across), pads = _pair(name, layer, "strides"), _pair(name, layer, "pads_begin")
        known = layer.data.get("auto_pad") == "explicit" and _pair(name, layer, "dilations") == (1, 1)
        if not known or stride != across or pads != _pair(name, layer, "pads_end"):
            raise _invalid(name, "its strides, dilations or padding are unknown")
        size = weights.shape[-2:]
        same = stride == 1 and size == (2 * pads[0] + 1, 2 * pads[1] + 1) and pads != (0, 0)
        if pads != (0, 0) and not same:
            source = self._put(Pad(f"pad-{name}", source, (*pads, 0), (*pads, 0)))
        if weights.ndim == 4:  # noqa: PLR2004
            kernel = np.ascontiguousarray(weights.transpose(2, 3, 1, 0))
            bias = np.zeros(weights.shape[0], dtype=np.float32)
            return self._put(Conv(f"conv-{name}", source, kernel, bias, stride, same))
        if weights.shape[1:3] != (1, 1):
            raise _invalid(name, "it groups more than one channel")
        kernel = np.ascontiguousarray(weights[:, 0, 0].transpose(1, 2, 0))
        bias = np.zeros(weights.shape[0], dtype=np.float32)
        return self._put(DepthwiseConv(f"depthwise-{name}", source, kernel, bias, stride, same))

    def _biased(self, name: str, layer: _Layer, source: str, summand: NDArray[np.float32]) -> str:
        node = self._nodes.get(source)
        written = next(before for before in layer.inputs if before not in self._constants)
        alone = self._readers[written] == 1 and source not in self._ranges
        if not isinstance(node, Conv | DepthwiseConv) or not alone or summand.size != node.bias.size:
            raise _invalid(name, "it adds a constant to something else than a convolution")
        self._nodes[source] = replace(node, bias=node.bias + summand)
        return source

    def _mean(self, name: str, layer: _Layer, source: str) -> str:
        if self._shape is None:
            raise _invalid(name, "it comes before the input")
        rows, columns, _ = shapes(Graph(self._shape, tuple(self._nodes.values())))[source]
        if _pair(name, layer, "kernel") != (rows, columns) or _pair(name, layer, "pads_begin") != (0, 0):
            raise _invalid(name, "it averages over a part of the picture")
        return self._put(Mean(f"mean-{name}", source))

    def _ranged(self, name: str, layer: _Layer, source: str, bounds: tuple[NDArray[np.float32], ...]) -> str:
        low, high, low_out, high_out = bounds
        if layer.data.get("levels") != _LEVELS or not (np.array_equal(low, low_out) and np.array_equal(high, high_out)):
            raise _invalid(name, "it does not quantise to 256 levels of the same range")
        self._ranges[source] = ChannelRange(low.ravel(), high.ravel())
        return source


def _pair(name: str, layer: _Layer, key: str) -> tuple[int, int]:
    values = _integers(name, layer.data.get(key, ""))
    if len(values) != 2:  # noqa: PLR2004
        raise _invalid(name, f"its {key} are not two numbers")
    return values[0], values[1]


def _integers(name: str, text: str) -> tuple[int, ...]:
    if not text.strip():
        return ()
    values = tuple(_integer(name, part, 0, MAX_SIDE) for part in text.split(","))
    if len(values) > MAX_RANK:
        raise _invalid(name, f"it has {len(values)} sides")
    return values


def _integer(name: str, text: str, least: int, most: int) -> int:
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isdigit() and len(stripped) <= len(str(most))):
        raise _invalid(name, f"{text[:20]!r} is no number up to {most}")
    value = int(stripped)
    if not least <= value <= most:
        raise _invalid(name, f"{value} is out of {least}..{most}")
    return value


def _invalid(name: str, why: str) -> SourceInvalid:
    return SourceInvalid(f"OpenVINO network, layer {name!r}: {why}", hint="fetch the source again; see docs/packs.md")
