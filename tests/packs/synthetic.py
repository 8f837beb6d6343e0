"""Small networks in the publishers' formats, written here byte for byte: the readers can be tried without the large."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray

from edge.packs.convert.dlib_anet import ORDER

SIDE_PX = 150
WIDTHS = (2, 3, 4)
MEAN = (122.782, 117.001, 104.298)


# dlib ------------------------------------------------------------------------------------
def integer(value: int) -> bytes:
    raw = abs(value).to_bytes((abs(value).bit_length() + 7) // 8 or 1, "little")
    return bytes([len(raw) | (0x80 if value < 0 else 0)]) + raw


def real(value: float) -> bytes:
    mantissa, exponent = math.frexp(value)
    return integer(int(mantissa * 2**53)) + integer(exponent - 53)


def text(value: str) -> bytes:
    return integer(len(value)) + value.encode()


def tensor(values: NDArray[np.float32]) -> bytes:
    shape = (1,) * (4 - values.ndim) + values.shape
    return integer(2) + b"".join(integer(side) for side in shape) + values.astype("<f4").tobytes()


def alias(*shape: int) -> bytes:
    return integer(1) + b"".join(integer(side) for side in shape)


def dlib_stream(seed: int = 1) -> bytes:
    """dlib's face ResNet with its 29 convolutions, its strides, and only two to four channels."""
    random = np.random.default_rng(seed)
    widths = _widths()
    channels, conv = 3, count()
    bodies: list[bytes] = []
    for kind in ORDER:
        if kind in ("mark", "aside", "back"):
            continue
        body = b""
        if kind == "conv":
            number = next(conv)
            size, stride, pad, given = _geometry(number, widths[number])
            body = _conv(random, channels, given, size, stride, pad)
            channels = given
        elif kind == "affine":
            factors = random.uniform(0.5, 1.5, (2, channels)).astype("f4")
            body = text("affine_") + tensor(factors.reshape(-1)) + alias(1, channels, 1, 1) * 2 + integer(0)
        elif kind == "relu":
            body = text("relu_")
        elif kind == "add":
            body = text("add_prev_")
        elif kind == "full":
            weights = random.normal(size=(channels, 5)).astype("f4")
            body = text("fc_2") + integer(5) + integer(channels) + tensor(weights) + alias(channels, 5, 1, 1)
            body += alias(0, 0, 0, 0) + integer(1) + real(1.0) * 4
        else:
            body = text(f"{kind}_2") + b"".join(integer(side) for side in _pool(kind, len(bodies)))
        bodies.append(body)
    nothing = tensor(np.zeros(0, dtype="f4"))
    cache = b"101" + nothing * 2
    opened = integer(1) + text("loss_metric_2") + real(0.04) + real(0.6)
    versions = b"".join(integer(1) for _ in ORDER[1:]) + integer(2)
    head = text("input_rgb_image_sized") + b"".join(real(value) for value in MEAN) + integer(SIDE_PX) * 2
    layers = [body + cache + (nothing if number == 0 else b"") for number, body in enumerate(bodies)]
    return opened + versions + head + b"".join(layers)


def _widths() -> list[int]:
    # stem and level 4, then three levels that widen, one that only reduces
    return [WIDTHS[0]] * 7 + [WIDTHS[1]] * 8 + [WIDTHS[2]] * 14


def _geometry(number: int, given: int) -> tuple[int, int, int, int]:
    if number == 0:
        return 7, 2, 0, given
    reducing = number in (7, 15, 21, 27)
    return 3, 2 if reducing else 1, 0 if reducing else 1, given


def _pool(kind: str, before: int) -> Sequence[int]:
    if kind == "max_pool":
        return 3, 3, 2, 2, 0, 0
    return (0, 0, 1, 1, 0, 0) if before == _POOLED_LAST else (2, 2, 2, 2, 0, 0)


_POOLED_LAST = sum(kind not in ("mark", "aside", "back") for kind in ORDER) - 2


def _conv(random: np.random.Generator, taken: int, given: int, size: int, stride: int, pad: int) -> bytes:
    weights = random.normal(0.0, 0.4, given * taken * size * size).astype("f4")
    body = text("con_4") + tensor(np.concatenate([weights, random.normal(size=given).astype("f4")]))
    body += integer(given) + integer(size) * 2 + integer(stride) * 2 + integer(pad) * 2
    return body + alias(given, taken, size, size) + alias(1, given, 1, 1) + real(1.0) * 4


# OpenVINO --------------------------------------------------------------------------------
class Ir:
    """Collects layers, edges and weights of an IR network."""

    def __init__(self) -> None:
        self._layers: list[str] = []
        self._edges: list[str] = []
        self._weights = b""
        self._numbers: Iterator[int] = count()

    def layer(self, kind: str, data: str = "", *sources: int) -> int:
        number = next(self._numbers)
        body = f"<data {data}/>" if data else ""
        self._layers.append(f'<layer id="{number}" name="{number}" type="{kind}" version="opset1">{body}</layer>')
        self._edges += [
            f'<edge from-layer="{source}" from-port="0" to-layer="{number}" to-port="{port}"/>'
            for port, source in enumerate(sources)
        ]
        return number

    def constant(self, values: NDArray[np.float32], kind: str = "f32") -> int:
        raw = values.astype({"f32": "<f4", "f16": "<f2", "i8": "i1"}[kind]).tobytes()
        shape = ",".join(str(side) for side in values.shape)
        at, self._weights = len(self._weights), self._weights + raw
        return self.layer("Const", f'offset="{at}" size="{len(raw)}" shape="{shape}" element_type="{kind}"')

    def conv(self, source: int, weights: NDArray[np.float32], bias: NDArray[np.float32], stride: int = 1) -> int:
        pad = weights.shape[-1] // 2
        kind = "Convolution" if weights.ndim == 4 else "GroupConvolution"
        data = f'strides="{stride},{stride}" dilations="1,1" pads_begin="{pad},{pad}" pads_end="{pad},{pad}"'
        made = self.layer(kind, f'{data} auto_pad="explicit"', source, self.constant(weights))
        return self.layer("Add", "", made, self.constant(bias.reshape(1, -1, 1, 1)))

    def ranged(self, source: int, low: NDArray[np.float32], high: NDArray[np.float32]) -> int:
        bounds = [self.constant(low), self.constant(high)]
        return self.layer("FakeQuantize", 'levels="256"', source, *bounds, *bounds)

    def files(self) -> tuple[bytes, bytes]:
        layers, edges = "".join(self._layers), "".join(self._edges)
        xml = f'<?xml version="1.0"?><net><layers>{layers}</layers><edges>{edges}</edges></net>'
        return xml.encode(), self._weights


def channelwise(values: Sequence[float]) -> NDArray[np.float32]:
    return np.array(values, dtype="f4").reshape(1, -1, 1, 1)


def scalar(value: float) -> NDArray[np.float32]:
    return np.array([value], dtype="f4").reshape(1, 1, 1, 1)


def small_ir(seed: int = 1) -> tuple[bytes, bytes]:
    """16 x 16 BGR; every operator that the reader knows, and ranges per channel that differ a hundredfold."""
    random = np.random.default_rng(seed)

    def weights(*shape: int) -> NDArray[np.float32]:
        return (random.normal(size=shape) / math.sqrt(math.prod(shape[1:]))).astype("f4")

    ir = Ir()
    x = ir.layer("Parameter", 'shape="1,3,16,16" element_type="f32"')
    x = ir.layer("Multiply", "", x, ir.constant(channelwise([0.01, 0.012, 0.014])))
    x = ir.layer("Add", "", x, ir.constant(channelwise([-1.2, -1.4, -1.6])))
    x = ir.ranged(x, scalar(-2.0), scalar(2.0))
    x = ir.conv(x, weights(4, 3, 3, 3), random.normal(size=4).astype("f4"), stride=2)
    x = ir.layer("PReLU", "", x, ir.constant(np.array([2.5], dtype="f4")))
    wide = np.array([0.05, 0.5, 5.0, 10.0])
    x = ir.ranged(x, channelwise(list(-wide)), channelwise(list(wide)))
    x = ir.conv(x, weights(4, 1, 1, 3, 3), random.normal(size=4).astype("f4"))
    x = ir.ranged(x, scalar(-9.0), scalar(9.0))
    gate = ir.layer("AvgPool", 'kernel="8,8" strides="8,8" pads_begin="0,0" pads_end="0,0"', x)
    gate = ir.ranged(gate, scalar(-4.0), scalar(4.0))
    gate = ir.conv(gate, weights(4, 4, 1, 1), np.zeros(4, dtype="f4"))
    gate = ir.layer("Sigmoid", "", gate)
    scaled = ir.ranged(ir.layer("Multiply", "", x, gate), scalar(-8.0), scalar(8.0))
    x = ir.ranged(ir.layer("Add", "", x, scaled), scalar(-16.0), scalar(16.0))
    x = ir.layer("AvgPool", 'kernel="8,8" strides="8,8" pads_begin="0,0" pads_end="0,0"', x)
    x = ir.ranged(x, scalar(-4.0), scalar(4.0))
    x = ir.conv(x, weights(6, 4, 1, 1), np.zeros(6, dtype="f4"))
    ir.layer("Result", "", x)
    return ir.files()
