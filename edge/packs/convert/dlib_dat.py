"""dlib's serialised numbers, texts and tensors, and its layers one by one (dlib 19 and 20, `dlib/dnn/layers.h`).

A network is written as a walk from the outermost layer to the innermost and back: first the version number of every
layer from the output to the input, then, from the input to the output, what each layer holds. `edge.packs.convert.
dlib_anet` knows the order; this module knows the bytes.

Rule 1.  Nothing is read past the end, no count is believed before it was compared with a limit, and a weight that is
         not finite is refused.
Rule 2.  Every object opens with a version that we know, or reading stops: a wrong guess must not become a network.
Rule 3.  Every error is `SourceInvalid` and names the byte at which reading stopped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from edge.packs.errors import SourceInvalid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

MAX_TEXT_BYTES = 64
MAX_SIDE = 4_096
MAX_VALUES = 8 * 1024 * 1024
MAX_EXPONENT = 1_024

_TENSOR_VERSION = 2
_ALIAS_VERSION = 1
_CONV_MODE, _FC_MODE = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class ConvLayer:
    """Weights [out, in, rows, columns], bias [out]."""

    weights: Floats = field(repr=False)
    bias: Floats = field(repr=False)
    stride: int
    pad: int


@dataclass(frozen=True, slots=True, eq=False)
class AffineLayer:
    """A factor and a summand per channel: what is left of batch normalisation."""

    factor: Floats = field(repr=False)
    summand: Floats = field(repr=False)


@dataclass(frozen=True, slots=True)
class PoolLayer:
    """`size` 0 means the whole picture."""

    size: int
    stride: int


@dataclass(frozen=True, slots=True, eq=False)
class FullLayer:
    """Weights [in, out], no bias."""

    weights: Floats = field(repr=False)


class Stream:
    """The bytes of one `.dat` file, read from front to back."""

    def __init__(self, raw: bytes) -> None:
        self._raw = memoryview(raw)
        self._at = 0

    def invalid(self, why: str) -> SourceInvalid:
        """The error for what was just read."""
        return SourceInvalid(f"dlib network, byte {self._at}: {why}", hint="fetch the source again; see docs/packs.md")

    def take(self, count: int) -> memoryview:
        """The next `count` bytes."""
        if count > len(self._raw) - self._at:
            raise self.invalid(f"the file ends, {count} more bytes were announced")
        taken = self._raw[self._at : self._at + count]
        self._at += count
        return taken

    def integer(self) -> int:
        """A control byte (bit 7 the sign, low bits the count), then that many bytes, least significant first."""
        control = self.take(1)[0]
        count = control & 0x0F
        if count > 8 or control & 0x70:  # noqa: PLR2004 - eight bytes are dlib's largest integer
            raise self.invalid(f"{control:#04x} does not open an integer")
        value = int.from_bytes(self.take(count), "little")
        return -value if control & 0x80 else value

    def count(self, most: int) -> int:
        """An integer in 0..`most`."""
        value = self.integer()
        if not 0 <= value <= most:
            raise self.invalid(f"{value} is out of 0..{most}")
        return value

    def real(self) -> float:
        """Mantissa and exponent as integers; the exponents that dlib keeps for infinity and NaN are refused."""
        mantissa, exponent = self.integer(), self.integer()
        if abs(exponent) > MAX_EXPONENT:
            raise self.invalid("a number is not finite")
        try:
            return math.ldexp(mantissa, exponent)
        except OverflowError:
            raise self.invalid("a number is not finite") from None

    def flag(self) -> bool:
        """The characters 0 and 1."""
        value = bytes(self.take(1))
        if value not in (b"0", b"1"):
            raise self.invalid(f"{value!r} is no flag")
        return value == b"1"

    def text(self) -> str:
        """A counted ASCII text."""
        raw = bytes(self.take(self.count(MAX_TEXT_BYTES)))
        if not raw.isascii():
            raise self.invalid("a text is not ASCII")
        return raw.decode("ascii")

    def version(self, *known: int) -> int:
        """An integer that has to be one of `known`."""
        value = self.integer()
        if value not in known:
            raise self.invalid(f"version {value} is not among {known}")
        return value

    def kind(self, *known: str) -> str:
        """A text that has to be one of `known`."""
        value = self.text()
        if value not in known:
            raise self.invalid(f"a layer {value!r} stands where {' or '.join(known)} was expected")
        return value

    def tensor(self) -> Floats:
        """All values of a tensor in one row, float32."""
        self.version(_TENSOR_VERSION)
        size = math.prod(self._sides())
        values = np.frombuffer(self.take(4 * size), dtype="<f4")
        if not np.isfinite(values).all():
            raise self.invalid("a weight is not finite")
        return values

    def alias(self) -> tuple[int, int, int, int]:
        """The shape under which a part of a tensor is used."""
        self.version(_ALIAS_VERSION)
        return self._sides()

    def finish(self) -> None:
        """Nothing may follow the network."""
        if self._at != len(self._raw):
            raise self.invalid(f"{len(self._raw) - self._at} bytes follow the network")

    def _sides(self) -> tuple[int, int, int, int]:
        sides = (self.count(MAX_VALUES), self.count(MAX_VALUES), self.count(MAX_VALUES), self.count(MAX_VALUES))
        if math.prod(sides) > MAX_VALUES:
            raise self.invalid(f"a tensor of {sides} is too large")
        return sides


def conv(stream: Stream) -> ConvLayer:
    """`con_`: parameters, count and geometry, their shapes, four learning rates, and later flags."""
    kind = stream.kind("con_4", "con_5", "con_6")
    values = stream.tensor()
    filters, rows, columns = (stream.count(MAX_SIDE) for _ in range(3))
    stride_y, stride_x, pad_y, pad_x = (stream.count(MAX_SIDE) for _ in range(4))
    shape, bias_shape = stream.alias(), stream.alias()
    for _ in range(4):
        stream.real()
    biased = kind == "con_4" or stream.flag()
    if kind == "con_6" and stream.flag():
        raise stream.invalid("a fused activation is unknown here")
    if stride_y != stride_x or pad_y != pad_x:
        raise stream.invalid("stride or padding differs between rows and columns")
    split = math.prod(shape)
    if shape[0] != filters or shape[2:] != (rows, columns) or values.size != split + (filters if biased else 0):
        raise stream.invalid(f"weights {shape} and bias {bias_shape} do not fit {values.size} values")
    bias = values[split:] if biased else np.zeros(filters, dtype=np.float32)
    return ConvLayer(values[:split].reshape(shape), bias, stride_y, pad_y)


def affine(stream: Stream) -> AffineLayer:
    """`affine_`: factors and summands in one tensor, their shapes, the mode."""
    kind = stream.kind("affine_", "affine_2")
    values = stream.tensor()
    factors, summands = math.prod(stream.alias()), math.prod(stream.alias())
    mode = stream.integer()
    if kind == "affine_2" and stream.flag():
        raise stream.invalid("a disabled layer is unknown here")
    if mode != _CONV_MODE or factors != summands or values.size != 2 * factors:
        raise stream.invalid(f"{factors} factors and {summands} summands do not fit {values.size} values")
    return AffineLayer(values[:factors], values[factors:])


def relu(stream: Stream) -> None:
    """`relu_`: nothing but its name."""
    if stream.kind("relu_", "relu_2") == "relu_2" and stream.flag():
        raise stream.invalid("a disabled layer is unknown here")


def add_previous(stream: Stream) -> None:
    """`add_prev_`: nothing but its name; the tag is part of dlib's type."""
    stream.kind("add_prev_")


def max_pool(stream: Stream) -> PoolLayer:
    """`max_pool_2`: geometry."""
    return _pool(stream, "max_pool_2")


def avg_pool(stream: Stream) -> PoolLayer:
    """`avg_pool_2`: geometry."""
    return _pool(stream, "avg_pool_2")


def full(stream: Stream) -> FullLayer:
    """`fc_` without bias: counts, weights, shapes, the mode, four learning rates."""
    kind = stream.kind("fc_2", "fc_3")
    outputs, inputs = stream.count(MAX_SIDE), stream.count(MAX_SIDE)
    values = stream.tensor()
    weights = math.prod(stream.alias())
    stream.alias()
    mode = stream.integer()
    for _ in range(4):
        stream.real()
    if kind == "fc_3":
        stream.flag()
    if mode != _FC_MODE or not weights == values.size == outputs * inputs:
        raise stream.invalid(f"{inputs} inputs and {outputs} outputs do not fit {values.size} values")
    return FullLayer(values.reshape(inputs, outputs))


def input_image(stream: Stream) -> tuple[tuple[float, float, float], int, int]:
    """`input_rgb_image_sized`: mean colour, rows, columns."""
    stream.kind("input_rgb_image_sized")
    mean = (stream.real(), stream.real(), stream.real())
    return mean, stream.count(MAX_SIDE), stream.count(MAX_SIDE)


def _pool(stream: Stream, kind: str) -> PoolLayer:
    stream.kind(kind)
    rows, columns, stride_y, stride_x, pad_y, pad_x = (stream.count(MAX_SIDE) for _ in range(6))
    if rows != columns or stride_y != stride_x or pad_y or pad_x:
        raise stream.invalid("a pool is not square, or is padded")
    return PoolLayer(rows, stride_y)
