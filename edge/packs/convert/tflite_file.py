"""The bytes of a TFLite file (schema version 3, file identifier "TFL3").

Only what our networks need is here. Slot numbers, codes and types are those of `schema.fbs` in the LiteRT sources; a
test reads every written file back with LiteRT's own schema and runs it.

Rule 1.  The same model gives the same bytes: tables are written in one fixed order, and nothing of the machine, the
         time or a library's version is recorded.
Rule 2.  Buffers are aligned to 16 bytes, so that an interpreter can use them where they lie.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

import numpy as np

from edge.packs.convert.flat import Blob, Child, Numbers, Scalar, Table, Tables, Text, encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SCHEMA_VERSION = 3
DESCRIPTION = "edge-gate packs.convert 1"
_IDENTIFIER = b"TFL3"
_ALIGNMENT_BYTES = 16
_TYPES: dict[str, int] = {"float32": 0, "int32": 2, "uint8": 3, "int8": 9}


class Kind(Enum):
    """Operators: builtin code, code of their options table (0: none), version for float32, version for int8."""

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
class Operator:
    """One operator; `inputs` and `outputs` are indices of tensors, `options` its options table, slot by slot."""

    kind: Kind
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: tuple[Scalar, ...] = ()


def write_tflite(
    tensors: Sequence[Tensor], operators: Sequence[Operator], *, source: int, output: int, int8: bool
) -> bytes:
    """The file with one subgraph that reads tensor `source` and gives tensor `output`."""
    kinds = sorted({operator.kind for operator in operators}, key=lambda kind: kind.value)
    buffers = [Table({})]  # buffer 0 is empty by definition, and belongs to whatever is computed at run time
    described = []
    for tensor in tensors:
        described.append(_tensor(tensor, len(buffers) if tensor.data is not None else 0))
        if tensor.data is not None:
            content = np.ascontiguousarray(tensor.data).astype(tensor.data.dtype.newbyteorder("<")).tobytes()
            buffers.append(Table({0: Blob(content, _ALIGNMENT_BYTES)}))
    subgraph = Table(
        {
            0: Tables(described),
            1: Numbers("i", (source,)),
            2: Numbers("i", (output,)),
            3: Tables([_operator(operator, kinds.index(operator.kind)) for operator in operators]),
        }
    )
    model = Table(
        {
            0: Scalar("I", SCHEMA_VERSION),
            1: Tables([_code(kind, kind.value[3 if int8 else 2]) for kind in kinds]),
            2: Tables([subgraph]),
            3: Text(DESCRIPTION),
            4: Tables(buffers),
        }
    )
    return encode(model, _IDENTIFIER)


def _tensor(tensor: Tensor, buffer: int) -> Table:
    fields: dict[int, Scalar | Child] = {
        0: Numbers("i", tensor.shape),
        1: Scalar("b", _TYPES[tensor.dtype]),
        2: Scalar("I", buffer),
        3: Text(tensor.name),
    }
    if tensor.scales:
        scales, zeros = Numbers("f", tensor.scales), Numbers("q", tensor.zeros)
        fields[4] = Table({2: scales, 3: zeros, 6: Scalar("i", tensor.axis)})
    return Table(fields)


def _operator(operator: Operator, code: int) -> Table:
    fields: dict[int, Scalar | Child]
    fields = {0: Scalar("I", code), 1: Numbers("i", operator.inputs), 2: Numbers("i", operator.outputs)}
    table = operator.kind.value[1]
    if table:
        fields[3] = Scalar("B", table)
        fields[4] = Table(dict(enumerate(operator.options)))
    return Table(fields)


def _code(kind: Kind, version: int) -> Table:
    # Older readers look for the code in slot 0, which is one byte wide; none of ours is above 127.
    return Table({0: Scalar("b", kind.value[0]), 2: Scalar("i", version), 3: Scalar("i", kind.value[0])})
