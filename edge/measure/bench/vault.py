"""Loading the vault against decrypting one blob of the same plaintext (`edge.gate.vault.bench`)."""

from __future__ import annotations

from edge.gate.vault.bench import bench_load
from edge.measure.bench.row import Row, at_most

REFERENCES = 50_000
LIMIT = 2.5
SHIPPED = (128, 256)


def rows() -> list[Row]:
    """One for the dimensions of each pack that there is a recipe for."""
    found = []
    for dimensions in SHIPPED:
        vault_s, blob_s = bench_load(REFERENCES, dimensions)
        name = f"vault load, {REFERENCES:,} x {dimensions}, against one blob"
        found.append(at_most(name, 1e3 * vault_s, 1e3 * blob_s, LIMIT))
    return found
