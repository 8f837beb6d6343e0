"""A graph as TFLite operators: once in float32, once in int8.

The int8 file takes unsigned pixels and gives float32, so that whoever uses it needs no scale; in between everything is
int8. The float file takes float32 pixel values in the same 0..255 and gives the same numbers. Both give [1, n].

Padding of a convolution becomes TFLite's SAME where that is the same thing (stride 1, odd kernel), else an explicit
operator: SAME with stride 2 pads one side only, which would shift the picture by half a pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge.packs.convert.flat import Scalar
from edge.packs.convert.graph import (
    INPUT,
    Add,
    AvgPool,
    Conv,
    DepthwiseConv,
    Graph,
    Leaky,
    MaxPool,
    Mean,
    Mul,
    Node,
    Pad,
    Relu,
    Sigmoid,
    shapes,
    sources,
)
from edge.packs.convert.quantise import (
    PIXELS_UNSIGNED,
    Range,
    Scale,
    activation_scales,
    bias_integers,
    fused_activations,
    weight_integers,
)
from edge.packs.convert.tflite_file import Kind, Operator, Padding, Tensor, write_tflite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def float_tflite(graph: Graph) -> bytes:
    """The graph with its float32 weights. Raises `SourceInvalid` if it does not fit together."""
    return _Lowering(graph, None).run()


def int8_tflite(graph: Graph, ranges: Mapping[str, Range]) -> bytes:
    """The graph in integers, its activations cut to `ranges`. Raises `SourceInvalid` if the two do not fit."""
    return _Lowering(graph, activation_scales(graph, ranges)).run()


class _Lowering:
    """Walks the graph once. Without `scales` everything stays float32."""

    def __init__(self, graph: Graph, scales: dict[str, Scale] | None) -> None:
        self._graph, self._scales = graph, scales
        self._shapes = shapes(graph)
        self._fused = fused_activations(graph)
        self._tensors: list[Tensor] = []
        self._operators: list[Operator] = []
        self._at: dict[str, int] = {}

    def run(self) -> bytes:
        """The file."""
        source = self._source()
        for node in self._graph.nodes:
            self._lower(node)
        output = self._output()
        return write_tflite(self._tensors, self._operators, source=source, output=output, int8=self._scales is not None)

    def _source(self) -> int:
        shape = (1, *self._graph.input_shape)
        if self._scales is None:
            self._at[INPUT] = self._add(Tensor(INPUT, shape, "float32"))
            return self._at[INPUT]
        unsigned = PIXELS_UNSIGNED
        pixels = self._add(Tensor("pixels", shape, "uint8", None, (unsigned.step,), (unsigned.zero,)))
        self._at[INPUT] = self._activation(INPUT)
        self._operators.append(Operator(Kind.QUANTIZE, (pixels,), (self._at[INPUT],)))
        return pixels

    def _output(self) -> int:
        last = self._at[self._graph.output]
        rows, columns, channels = self._shapes[self._graph.output]
        flat = (1, rows * columns * channels)
        shape = self._constant("output-shape", np.array(flat, dtype=np.int32))
        if self._scales is None:
            output = self._add(Tensor("output", flat, "float32"))
            self._operators.append(Operator(Kind.RESHAPE, (last, shape), (output,)))
            return output
        scale = self._scales[self._graph.output]
        integers = self._add(Tensor("output-int8", flat, "int8", None, (scale.step,), (scale.zero,)))
        output = self._add(Tensor("output", flat, "float32"))
        self._operators.append(Operator(Kind.RESHAPE, (last, shape), (integers,)))
        self._operators.append(Operator(Kind.DEQUANTIZE, (integers,), (output,)))
        return output

    def _lower(self, node: Node) -> None:
        if isinstance(node, Relu) and node.source in self._fused:
            return  # written together with what it rectifies
        rectified = self._fused.get(node.name)
        relu, name = int(rectified is not None), rectified or node.name
        inputs = [self._at[source] for source in sources(node)]
        match node:
            case Conv() | DepthwiseConv():
                inputs += self._parameters(node)
                kind = Kind.CONV_2D if isinstance(node, Conv) else Kind.DEPTHWISE_CONV_2D
                options = _convolution_options(node, relu)
            case MaxPool() | AvgPool():
                kind = Kind.MAX_POOL_2D if isinstance(node, MaxPool) else Kind.AVERAGE_POOL_2D
                options = _pool_options(node)
            case Mean():
                inputs.append(self._constant(f"{name}/axes", np.array([1, 2], dtype=np.int32)))
                kind, options = Kind.MEAN, (Scalar("?", value=True),)
            case Pad():
                margins = [(0, 0), *zip(node.before, node.after, strict=True)]
                inputs.append(self._constant(f"{name}/margins", np.array(margins, dtype=np.int32)))
                kind, options = Kind.PAD, ()
            case Leaky():
                kind, options = Kind.LEAKY_RELU, (Scalar("f", node.slope),)
            case Add() | Mul():
                kind = Kind.ADD if isinstance(node, Add) else Kind.MUL
                options = (Scalar("b", relu),)
            case Sigmoid() | Relu():
                kind, options = (Kind.LOGISTIC if isinstance(node, Sigmoid) else Kind.RELU), ()
        self._at[name] = self._activation(name)
        self._operators.append(Operator(kind, tuple(inputs), (self._at[name],), options))

    def _parameters(self, node: Conv | DepthwiseConv) -> tuple[int, int]:
        """Weights as TFLite orders them, [out, rows, columns, in] or [1, rows, columns, channels], and the bias."""
        depthwise = isinstance(node, DepthwiseConv)
        if self._scales is None:
            ordered = _ordered(node.weights, depthwise=depthwise)
            bias = self._constant(f"{node.name}/bias", node.bias)
            return self._constant(f"{node.name}/weights", ordered), bias
        integers, steps = weight_integers(node.weights)
        ordered = _ordered(integers, depthwise=depthwise)
        source = self._scales[node.source]
        scales = tuple(steps.tolist())
        zeros, axis = (0,) * len(scales), 3 if depthwise else 0
        bias_scales = tuple((np.float32(source.step) * steps).tolist())
        weights = Tensor(f"{node.name}/weights", ordered.shape, "int8", ordered, scales, zeros, axis)
        bias_values = bias_integers(node.bias, source, steps)
        bias_tensor = Tensor(f"{node.name}/bias", bias_values.shape, "int32", bias_values, bias_scales, zeros, 0)
        return self._add(weights), self._add(bias_tensor)

    def _activation(self, name: str) -> int:
        shape = (1, *self._shapes[name])
        if self._scales is None:
            return self._add(Tensor(name, shape, "float32"))
        scale = self._scales[name]
        return self._add(Tensor(name, shape, "int8", None, (scale.step,), (scale.zero,)))

    def _constant(self, name: str, data: NDArray[np.float32] | NDArray[np.int32]) -> int:
        return self._add(Tensor(name, data.shape, str(data.dtype), data))

    def _add(self, tensor: Tensor) -> int:
        self._tensors.append(tensor)
        return len(self._tensors) - 1


def _ordered(weights: NDArray[Any], *, depthwise: bool) -> NDArray[Any]:
    return np.ascontiguousarray(weights[None] if depthwise else weights.transpose(3, 0, 1, 2))


def _convolution_options(node: Conv | DepthwiseConv, relu: int) -> tuple[Scalar, ...]:
    """Padding, strides across and down; for a depthwise one its multiplier; activation. Dilations stay 1."""
    padding = Scalar("b", Padding.SAME if node.same else Padding.VALID)
    strides = (Scalar("i", node.stride), Scalar("i", node.stride))
    multiplier = (Scalar("i", 1),) if isinstance(node, DepthwiseConv) else ()
    return (padding, *strides, *multiplier, Scalar("b", relu))


def _pool_options(node: MaxPool | AvgPool) -> tuple[Scalar, ...]:
    """Padding, strides across and down, window across and down."""
    strides = (Scalar("i", node.stride), Scalar("i", node.stride))
    return (Scalar("b", Padding.VALID), *strides, Scalar("i", node.size), Scalar("i", node.size))
