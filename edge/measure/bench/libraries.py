"""simsimd against faiss, for docs/decisions/0002-search-library.md. Run it: `python -m edge.measure.bench.libraries`.

Every line is one size of gallery; the columns are milliseconds (medians, in turns, one thread) of

    read      touching every byte of the int8 matrix once: the bound of any exact search
    gallery   `Gallery.search`: dot products, scales, best subject and best other subject
    simsimd   the dot products alone
    faiss     `IndexScalarQuantizer(QT_8bit_direct_signed)`, the 8 best rows by dot product (no scales, no subjects)
    numpy     float32 matrix times vector, and argmax

and then what importing each library costs in a process of its own.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

import numpy as np
import simsimd

from edge.core.quantise import quantise
from edge.gate.match import Gallery
from edge.measure.bench.gallery import owners, probe, templates
from edge.measure.timing import in_turns

SIZES = (1_000, 10_000, 50_000, 200_000)
DIMENSIONS = (128, 256, 512)
_ROWS_OF_FAISS = 8
_IMPORTS = 7
_IMPORT = """
import time, sys, numpy
def pss():
    return sum(int(l.split()[1]) for l in open("/proc/self/smaps_rollup") if l.startswith("Pss:")) / 1024
before = pss(); began = time.perf_counter()
__import__(sys.argv[1])
print(1e3 * (time.perf_counter() - began), pss() - before)
"""


def compare(n: int, dimensions: int) -> dict[str, float]:
    """Median milliseconds of each way to search `n` templates."""
    import faiss  # noqa: PLC0415 - of the extra `bench`

    faiss.omp_set_num_threads(1)
    matrix, asked = templates(n, dimensions), probe(dimensions)
    gallery, query = Gallery(matrix, owners(n)), quantise(asked).vector[None, :]
    index = faiss.IndexScalarQuantizer(
        dimensions, faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
    )
    floats = matrix.astype(np.float32)
    index.train(floats[:100])
    index.add(floats)
    words, float_query = matrix.reshape(-1).view(np.uint64), query.astype(np.float32)
    return in_turns(
        {
            "read": words.max,
            "gallery": lambda: gallery.search(asked),
            "simsimd": lambda: simsimd.dot(query, matrix),
            "faiss": lambda: index.search(float_query, _ROWS_OF_FAISS),
            "numpy": lambda: int((floats @ float_query[0]).argmax()),
        },
        seconds=3.0,
    )


def main() -> None:
    """Print the table."""
    print("|       n |   d |    read | gallery | simsimd |   faiss |   numpy |")  # noqa: T201 - a script
    print("|--------:|----:|--------:|--------:|--------:|--------:|--------:|")  # noqa: T201
    for n in SIZES:
        for dimensions in DIMENSIONS:
            taken = compare(n, dimensions)
            print(f"| {n:7,} | {dimensions} | " + " | ".join(f"{ms:7.3f}" for ms in taken.values()) + " |")  # noqa: T201
    for library in ("simsimd", "faiss"):
        costs = [_import_cost(library) for _ in range(_IMPORTS)]
        ms, mb = (statistics.median(column) for column in zip(*costs, strict=True))
        print(f"import {library}: {ms:.1f} ms, {mb:.1f} MB (PSS, beyond numpy)")  # noqa: T201


def _import_cost(library: str) -> tuple[float, float]:
    """Milliseconds and megabytes that importing `library` costs a fresh process that has numpy."""
    command = [sys.executable, "-c", _IMPORT, library]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own text
    ms, mb = map(float, ran.stdout.split())
    return ms, mb


if __name__ == "__main__":
    main()
