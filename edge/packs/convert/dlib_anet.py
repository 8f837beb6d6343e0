"""dlib's face recognition ResNet (`anet_type` of its example `dnn_face_recognition_ex.cpp`) as a graph.

150 x 150 RGB -> 29 convolutions -> 128 numbers. The order of the layers is part of dlib's C++ type and not of the
file, so it stands here, from the input to the output; sizes and strides come from the file.

The mean colour and the division by 256 are folded into the first convolution, which has no padding, and every affine
layer into the convolution before it, in float64: the graph takes pixel values 0..255. The fully connected layer is a
1x1 convolution, because tflite-runtime 2.14 refuses younger versions of TFLite's own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.packs.convert import dlib_dat as dat
from edge.packs.convert.graph import INPUT, Add, AvgPool, Conv, Graph, MaxPool, Mean, Node, Pad, Relu, Shape, shapes

if TYPE_CHECKING:
    from collections.abc import Callable

_STEM = ("conv", "affine", "relu", "max_pool")
_RESIDUAL = ("mark", "conv", "affine", "relu", "conv", "affine", "add", "relu")
_REDUCTION = ("mark", "conv", "affine", "relu", "conv", "affine", "aside", "back", "avg_pool", "add", "relu")
_LEVEL_4, _LEVEL_3, _LEVEL_2 = 3 * _RESIDUAL, _REDUCTION + 3 * _RESIDUAL, _REDUCTION + 2 * _RESIDUAL
ORDER = (*_STEM, *_LEVEL_4, *_LEVEL_3, *_LEVEL_2, *_LEVEL_2, *_REDUCTION, "avg_pool", "full")

# Tags and skips of dlib: they hold no bytes of their own beyond a version.
_NAMES_ONLY = frozenset({"mark", "aside", "back"})
_READ: dict[str, Callable[[dat.Stream], Any]] = {
    "conv": dat.conv,
    "affine": dat.affine,
    "relu": dat.relu,
    "add": dat.add_previous,
    "max_pool": dat.max_pool,
    "avg_pool": dat.avg_pool,
    "full": dat.full,
}
_PIXEL_SCALE = 256.0


def read_anet(raw: bytes) -> Graph:
    """The network in `raw`, the bytes of `dlib_face_recognition_resnet_model_v1.dat`. Raises `SourceInvalid`."""
    stream = dat.Stream(raw)
    stream.version(1)
    if stream.kind("loss_metric_", "loss_metric_2") == "loss_metric_2":
        stream.real()  # margin
        stream.real()  # distance threshold: dlib's own 0.6 of Euclidean distance, which we never use
    versions = [stream.version(1) if kind in _NAMES_ONLY else stream.version(1, 2, 3) for kind in reversed(ORDER)]
    mean, rows, columns = dat.input_image(stream)
    builder = _Builder((rows, columns, 3), mean, stream)
    for number, (kind, version) in enumerate(zip(ORDER, reversed(versions), strict=True)):
        if kind in _NAMES_ONLY:
            builder.note(kind)
            continue
        builder.layer(kind, _READ[kind](stream))
        _skip_cache(stream, innermost=number == 0, version=version)
    stream.finish()
    return builder.graph()


def _skip_cache(stream: dat.Stream, *, innermost: bool, version: int) -> None:
    """What training left behind each layer: three flags and two or three tensors."""
    for _ in range(3):
        stream.flag()
    stream.tensor()
    stream.tensor()
    if innermost or version == 2:  # noqa: PLR2004 - dlib's own format number
        stream.tensor()
    if innermost and version == 3:  # noqa: PLR2004
        stream.integer()


class _Builder:
    """Turns layers in their order into nodes, each named by its kind and the number of the convolution before it."""

    def __init__(self, shape: Shape, mean: tuple[float, float, float], stream: dat.Stream) -> None:
        self._shape, self._mean, self._stream = shape, mean, stream
        self._nodes: list[Node] = []
        self._at = INPUT
        self._marked = self._aside = ""
        self._pending: dat.ConvLayer | None = None
        self._convs = 0

    def note(self, kind: str) -> None:
        """Remember a place, or return to one."""
        if kind == "mark":
            self._marked, self._aside = self._at, ""
        elif kind == "aside":
            self._aside = self._at
        else:
            self._at = self._marked

    def layer(self, kind: str, layer: Any) -> None:  # noqa: ANN401 - one of the layers of dlib_dat, by kind
        """Append one layer."""
        number = self._convs
        match kind:
            case "conv":
                self._pending = layer
            case "affine":
                self._convs += 1
                self._put(self._folded(layer))
            case "relu":
                self._put(Relu(f"relu-{number}", self._at))
            case "max_pool":
                self._put(MaxPool(f"pool-{number}", self._at, layer.size, layer.stride))
            case "avg_pool" if layer.size == 0:
                self._put(Mean("mean", self._at))
            case "avg_pool":
                self._put(AvgPool(f"pool-{number}", self._at, layer.size, layer.stride))
            case "add":
                self._add(number)
            case "full":
                weights = np.ascontiguousarray(layer.weights[None, None])
                self._put(Conv("descriptor", self._at, weights, np.zeros(weights.shape[-1], dtype=np.float32)))

    def graph(self) -> Graph:
        """The finished graph; its shapes were checked."""
        graph = Graph(self._shape, tuple(self._nodes))
        shapes(graph)
        return graph

    def _put(self, node: Node) -> None:
        self._nodes.append(node)
        self._at = node.name

    def _folded(self, affine: dat.AffineLayer) -> Conv:
        layer = self._pending
        if layer is None or affine.factor.size != layer.bias.size:
            raise self._stream.invalid("an affine layer does not fit the convolution before it")
        factor = affine.factor.astype(np.float64)
        weights = layer.weights.astype(np.float64) * factor[:, None, None, None]
        bias = layer.bias.astype(np.float64) * factor + affine.summand.astype(np.float64)
        if self._convs == 1:
            if layer.pad or layer.weights.shape[1] != len(self._mean):
                raise self._stream.invalid("the first convolution is padded, or does not take RGB")
            weights /= _PIXEL_SCALE
            shift = weights * np.array(self._mean)[None, :, None, None]
            # fsum is exact, so no machine's order of summation enters the file.
            bias -= np.array([math.fsum(one.ravel().tolist()) for one in shift])
        if layer.pad and (layer.stride != 1 or {2 * layer.pad + 1} != set(layer.weights.shape[2:])):
            raise self._stream.invalid("a padded convolution changes the size")
        ordered = np.ascontiguousarray(weights.transpose(2, 3, 1, 0), dtype=np.float32)
        return Conv(f"conv-{self._convs}", self._at, ordered, bias.astype(np.float32), layer.stride, layer.pad > 0)

    def _add(self, number: int) -> None:
        """Add as dlib does: tensors of different sizes meet as if the smaller went on in zeros."""
        known = shapes(Graph(self._shape, tuple(self._nodes)))
        other = self._aside or self._marked
        wanted = tuple(max(pair) for pair in zip(known[self._at], known[other], strict=True))
        left, right = (self._padded(name, known[name], wanted) for name in (other, self._at))
        self._put(Add(f"add-{number}", left, right))

    def _padded(self, name: str, have: Shape, wanted: tuple[int, ...]) -> str:
        after = (wanted[0] - have[0], wanted[1] - have[1], wanted[2] - have[2])
        if after == (0, 0, 0):
            return name
        self._nodes.append(Pad(f"pad-{name}", name, (0, 0, 0), after))
        return f"pad-{name}"
