"""Values of every message, drawn from the limits that the schema itself states."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

MAX_DRAWN = 12
"""Items of a drawn list or mapping; the limits themselves have tests of their own."""


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Everything that `kind` (a type, or a union of types) allows."""
    return _of(inspect.type_info(kind))


def _of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.Metadata(type=inner):
            return _of(inner)
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType(ge=low, le=high):
            return st.integers(-(2**63) if low is None else int(low), 2**63 - 1 if high is None else int(high))
        case inspect.FloatType(ge=low, le=high):
            return st.floats(low, high, allow_nan=False, allow_infinity=low is None and high is None)
        case inspect.StrType(pattern=str(pattern), min_length=least, max_length=most):
            drawn = st.from_regex(pattern, fullmatch=False)
            return drawn.filter(lambda text: (least or 0) <= len(text) <= (most or len(text)))
        case inspect.StrType(max_length=most):
            return st.text(max_size=min(most or MAX_DRAWN, 40))
        case inspect.BytesType(min_length=least, max_length=most):
            return st.binary(min_size=least or 0, max_size=most)
        case inspect.EnumType(cls=cls):
            return st.sampled_from(list(cls))
        case inspect.UnionType(types=types):
            return st.one_of([_of(inner) for inner in types])
        case inspect.VarTupleType(item_type=item, max_length=most):
            return st.lists(_of(item), max_size=min(most or MAX_DRAWN, MAX_DRAWN)).map(tuple)
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(_of(key), _of(value), max_size=MAX_DRAWN)
        case inspect.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{field.name: _of(field.type) for field in fields})
    raise TypeError(f"no values for {kind}")
