"""The interpreter calls that LiteRT and tflite-runtime share.

Both libraries have the same class under two names, so the adapter is written once and handed either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.errors import PartFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray


class TfliteInterpreter:
    """One model with its tensors allocated; an `edge.ports.Interpreter`. For one thread at a time."""

    def __init__(self, vendor: Callable[..., Any], content: bytes, *, threads: int, what: str) -> None:
        try:
            # The library reads the model in place: `content` has to live as long as the interpreter.
            self._content = content
            self._api = vendor(model_content=content, num_threads=threads)
            self._api.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise PartFailed(
                f"{what} cannot be run by {vendor.__module__.partition('.')[0]}: {str(error).splitlines()[0]}",
                hint="the file is the right one, so the runtime is too old for it; upgrade the runtime",
            ) from None
        self._inputs, self._outputs = self._api.get_input_details(), self._api.get_output_details()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the only input tensor."""
        return tuple(int(n) for n in self._inputs[0]["shape"])

    @property
    def input_dtype(self) -> np.dtype[Any]:
        """Type of the only input tensor."""
        dtype: np.dtype[Any] = self._inputs[0]["dtype"]().dtype
        return dtype

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the output tensors, in file order."""
        return tuple(tuple(int(n) for n in detail["shape"]) for detail in self._outputs)

    def __call__(self, image: NDArray[Any]) -> list[NDArray[Any]]:
        """Run the model on [1, height, width, channels]; copies of the outputs, in file order."""
        self._api.set_tensor(self._inputs[0]["index"], image)
        self._api.invoke()
        return [self._api.get_tensor(detail["index"]) for detail in self._outputs]
