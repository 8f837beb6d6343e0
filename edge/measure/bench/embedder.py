"""One call of our embedder against the bare interpreter: set the tensor, invoke, get the tensor, on the same bytes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge.measure.bench.row import Row, at_most
from edge.measure.timing import in_turns
from edge.packs import Pack, default_search, known_packs, load_pack
from edge.packs.verify import read_verified
from edge.vision.embed import Embedder

LIMIT = 1.05
_SECONDS = 6.0


def rows() -> list[Row]:
    """One for each pack whose embedder is on this machine."""
    packs = [load_pack(name) for name in known_packs(default_search())]
    return [_row(pack) for pack in packs if pack.embedder.present]


def _row(pack: Pack) -> Row:
    embedder = Embedder(pack.embedder, pack.alignment)
    embedder.model.picture[:] = np.random.default_rng(1).integers(0, 256, embedder.model.picture.shape, np.uint8)
    bare = _bare(read_verified(pack.embedder), embedder.model.picture)
    taken = in_turns({"ours": embedder.embed, "bare": bare}, seconds=_SECONDS)
    return at_most(f"embedder call, {pack.name}, against LiteRT alone", taken["ours"], taken["bare"], LIMIT)


def _bare(content: bytes, picture: NDArray[np.uint8]) -> Callable[[], object]:
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - 0.1 s that other rows do not need

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    wanted, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    tensor = picture[None].astype(wanted["dtype"])

    def run() -> object:
        interpreter.set_tensor(wanted["index"], tensor)
        interpreter.invoke()
        return interpreter.get_tensor(given["index"])

    return run
