"""The bytes of a TFLite file (flatbuffer schema version 3, file identifier "TFL3").

Only what our networks need is here. Slot numbers, codes and types are those of `schema.fbs` in the LiteRT sources; a
test reads every written file back with LiteRT's own schema and runs it.

Rule 1.  The same model gives the same bytes: tables are written in one fixed order, and nothing of the machine, the
         time or a library's version is recorded.
Rule 2.  Buffers are aligned to 16 bytes, so that an interpreter can use them where they lie.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import partial
from typing import TYPE_CHECKING, Literal

import flatbuffers  # type: ignore[import-untyped]
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

SCHEMA_VERSION = 3
DESCRIPTION = "edge-gate packs.convert 1"
_IDENTIFIER = b"TFL3"
_ALIGNMENT_BYTES = 16
_SPARE_BYTES = 1 << 20
_MOST_OPTIONS = 7
_TYPES: dict[str, int] = {"float32": 0, "int32": 2, "uint8": 3, "int8": 9}


class Kind(Enum):
    """Operators: builtin code, code of their options table, version for float32, version for int8."""

    ADD = (0, 11, 1, 2)
    AVERAGE_POOL_2D = (1, 5, 1, 2)
    CONV_2D = (3, 1, 1, 3)
    DEPTHWISE_CONV_2D = (4, 2, 1, 3)
    DEQUANTIZE = (6, 0, 1, 2)
    LOGISTIC = (14, 0, 1, 2)
    MAX_POOL_2D = (17, 5, 1, 2)
    MUL = (18, 21, 1, 2)
    RELU = (19, 0, 1, 2)
    RESHAPE = (22, 17, 1, 1)
    PAD = (34, 22, 1, 2)
    MEAN = (40, 27, 1, 2)
    LEAKY_RELU = (98, 75, 1, 2)
    QUANTIZE = (114, 0, 1, 1)


class Padding(IntEnum):
    """Whether a window may reach over the edge."""

    SAME = 0
    VALID = 1


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """`data` None is computed at run time. One scale is per tensor, several are per channel of the axis `axis`."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    data: NDArray[np.generic] | None = field(default=None, repr=False)
    scales: tuple[float, ...] = ()
    zeros: tuple[int, ...] = ()
    axis: int = 0


@dataclass(frozen=True, slots=True)
class Option:
    """One field of an options table: its slot, what it is, its value and the schema's default."""

    slot: int
    kind: Literal["bool", "int8", "int32", "float32"]
    value: float
    default: float = 0


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator; `inputs` and `outputs` are indices of tensors."""

    kind: Kind
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: tuple[Option, ...] = ()


def write_tflite(
    tensors: Sequence[Tensor], operators: Sequence[Operator], *, source: int, output: int, int8: bool
) -> bytes:
    """The file with one subgraph that reads tensor `source` and gives tensor `output`."""
    file = _File(sum(tensor.data.nbytes for tensor in tensors if tensor.data is not None) + _SPARE_BYTES)
    kinds = sorted({operator.kind for operator in operators}, key=lambda kind: kind.value)
    buffers = [file.buffer(None)] + [file.buffer(tensor.data) for tensor in tensors if tensor.data is not None]
    numbers, nth = [], 1
    for tensor in tensors:
        numbers.append(0 if tensor.data is None else nth)
        nth += tensor.data is not None
    written = [file.tensor(tensor, number) for tensor, number in zip(tensors, numbers, strict=True)]
    steps = [file.operator(operator, kinds.index(operator.kind)) for operator in operators]
    codes = [file.code(kind, kind.value[3 if int8 else 2]) for kind in kinds]
    return file.finish(buffers, written, steps, codes, source, output)


class _File:
    """flatbuffers writes back to front: children first, then the table that points to them."""

    def __init__(self, size_bytes: int) -> None:
        self._b = flatbuffers.Builder(size_bytes)

    def buffer(self, data: NDArray[np.generic] | None) -> int:
        if data is None:
            return self._table(1)
        raw = np.ascontiguousarray(data).tobytes()
        b = self._b
        b.StartVector(1, len(raw), _ALIGNMENT_BYTES)
        b.head -= len(raw)
        b.Bytes[b.head : b.head + len(raw)] = raw
        vector = b.EndVector()
        return self._table(1, lambda: b.PrependUOffsetTRelativeSlot(0, vector, 0))

    def tensor(self, tensor: Tensor, buffer: int) -> int:
        b = self._b
        name, shape = b.CreateString(tensor.name), self._integers(tensor.shape)
        quantization = self._quantization(tensor)
        return self._table(
            5,
            lambda: b.PrependUOffsetTRelativeSlot(0, shape, 0),
            lambda: b.PrependInt8Slot(1, _TYPES[tensor.dtype], 0),
            lambda: b.PrependUint32Slot(2, buffer, 0),
            lambda: b.PrependUOffsetTRelativeSlot(3, name, 0),
            lambda: b.PrependUOffsetTRelativeSlot(4, quantization, 0),
        )

    def operator(self, operator: Operator, code: int) -> int:
        b = self._b
        table = operator.kind.value[1]
        options = self._options(operator.options) if table else 0
        inputs, outputs = self._integers(operator.inputs), self._integers(operator.outputs)
        return self._table(
            5,
            lambda: b.PrependUint32Slot(0, code, 0),
            lambda: b.PrependUOffsetTRelativeSlot(1, inputs, 0),
            lambda: b.PrependUOffsetTRelativeSlot(2, outputs, 0),
            lambda: b.PrependUint8Slot(3, table, 0),
            lambda: b.PrependUOffsetTRelativeSlot(4, options, 0),
        )

    def code(self, kind: Kind, version: int) -> int:
        b = self._b
        return self._table(
            4,
            lambda: b.PrependInt8Slot(0, kind.value[0], 0),
            lambda: b.PrependInt32Slot(2, version, 1),
            lambda: b.PrependInt32Slot(3, kind.value[0], 0),
        )

    def finish(
        self, buffers: list[int], tensors: list[int], steps: list[int], codes: list[int], source: int, output: int
    ) -> bytes:
        b = self._b
        tensor_vector, step_vector = self._offsets(tensors), self._offsets(steps)
        inputs, outputs = self._integers((source,)), self._integers((output,))
        subgraph = self._table(
            5,
            lambda: b.PrependUOffsetTRelativeSlot(0, tensor_vector, 0),
            lambda: b.PrependUOffsetTRelativeSlot(1, inputs, 0),
            lambda: b.PrependUOffsetTRelativeSlot(2, outputs, 0),
            lambda: b.PrependUOffsetTRelativeSlot(3, step_vector, 0),
        )
        subgraphs, code_vector, buffer_vector = self._offsets([subgraph]), self._offsets(codes), self._offsets(buffers)
        description = b.CreateString(DESCRIPTION)
        model = self._table(
            5,
            lambda: b.PrependUint32Slot(0, SCHEMA_VERSION, 0),
            lambda: b.PrependUOffsetTRelativeSlot(1, code_vector, 0),
            lambda: b.PrependUOffsetTRelativeSlot(2, subgraphs, 0),
            lambda: b.PrependUOffsetTRelativeSlot(3, description, 0),
            lambda: b.PrependUOffsetTRelativeSlot(4, buffer_vector, 0),
        )
        b.Finish(model, file_identifier=_IDENTIFIER)
        return bytes(b.Output())

    def _quantization(self, tensor: Tensor) -> int:
        if not tensor.scales:
            return 0
        b = self._b
        b.StartVector(4, len(tensor.scales), 4)
        for scale in reversed(tensor.scales):
            b.PrependFloat32(scale)
        scales = b.EndVector()
        b.StartVector(8, len(tensor.zeros), 8)
        for zero in reversed(tensor.zeros):
            b.PrependInt64(zero)
        zeros = b.EndVector()
        return self._table(
            7,
            lambda: b.PrependUOffsetTRelativeSlot(2, scales, 0),
            lambda: b.PrependUOffsetTRelativeSlot(3, zeros, 0),
            lambda: b.PrependInt32Slot(6, tensor.axis, 0),
        )

    def _options(self, options: tuple[Option, ...]) -> int:
        b = self._b
        write = {
            "bool": b.PrependBoolSlot,
            "int8": b.PrependInt8Slot,
            "int32": b.PrependInt32Slot,
            "float32": b.PrependFloat32Slot,
        }
        fields = [partial(write[one.kind], one.slot, one.value, one.default) for one in options]
        return self._table(_MOST_OPTIONS, *fields)

    def _integers(self, values: Sequence[int]) -> int:
        b = self._b
        b.StartVector(4, len(values), 4)
        for value in reversed(values):
            b.PrependInt32(value)
        return int(b.EndVector())

    def _offsets(self, offsets: Sequence[int]) -> int:
        b = self._b
        b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            b.PrependUOffsetTRelative(offset)
        return int(b.EndVector())

    def _table(self, slots: int, *fields: Callable[[], None]) -> int:
        self._b.StartObject(slots)
        for write in fields:
            write()
        return int(self._b.EndObject())
