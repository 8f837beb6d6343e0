"""How long a vault takes to load, against decrypting the same bytes as one blob.

The vault's side is all that stands between the start of a gate and a matrix to compare with: opening the database,
opening the key table, checking the rows, decrypting every chunk, copying templates and facts. Signatures are verified
afterwards, in portions, and are not in this figure. The blob's side is what a vault of one blob would do at best: read
one sealed file with the same plaintext into a buffer that is reused, and decrypt it into fresh memory. Both read from
the page cache, in turns, and the medians are compared.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edge.clock import BootClock
from edge.gate.vault import gallery, references, seal
from edge.gate.vault.database import Database
from edge.gate.vault.opening import DATABASE, SLOTS, make
from edge.gate.vault.references import FACTS, REFERENCES_A_CHUNK, Block
from edge.gate.vault.slots import FileSlot
from edge.gate.vault.store import Owner, SealedStore
from edge.gate.vault.table import ChunkId, Kind

TURNS = 11
_OWNER = Owner("bench", "bench")
_YEAR_S = 365 * 24 * 3600
_MODEL = "00" * 32


def bench_load(n: int, dimensions: int) -> tuple[float, float]:
    """Median seconds to load `n` references of `dimensions` components, and to read and decrypt one blob of them."""
    clock = BootClock()
    with TemporaryDirectory() as temporary:
        folder, file = Path(temporary, "vault"), Path(temporary, "blob")
        make(folder, _OWNER)
        store = _open(folder)
        chunks = [
            _chunk(first, min(REFERENCES_A_CHUNK, n - first), dimensions) for first in range(0, n, REFERENCES_A_CHUNK)
        ]
        store.commit({ChunkId(Kind.REFERENCES, number): chunk for number, chunk in enumerate(chunks)})
        cipher, key = store.cipher, seal.Key.fresh()
        store.close()
        file.write_bytes(seal.seal(cipher, key, b"".join(chunks), b"blob"))
        sealed = bytearray(file.stat().st_size)
        vault, blob = [], []
        for _ in range(TURNS):
            began = clock.now()
            store = _open(folder)
            roll, matrices = gallery.load(store)
            vault.append(clock.now() - began)
            assert roll.references == sum(map(len, matrices.values())) == n
            store.close()
            began = clock.now()
            with file.open("rb", buffering=0) as opened:
                opened.readinto(sealed)
            plain = np.empty(len(sealed) - seal.TAG_BYTES, np.uint8)
            seal.unseal_into(cipher, key, sealed, b"blob", plain.data)
            blob.append(clock.now() - began)
            del plain, roll, matrices  # so that every turn asks for fresh memory
    return statistics.median(vault), statistics.median(blob)


def _open(folder: Path) -> SealedStore:
    slots = FileSlot(folder / SLOTS[0]), FileSlot(folder / SLOTS[1])
    return SealedStore(folder, Database(folder / DATABASE), slots, _OWNER)


def _chunk(first: int, count: int, dimensions: int) -> bytearray:
    rng = np.random.default_rng(first)
    facts = np.zeros(count, FACTS)
    facts["consent"] = rng.integers(0, 256, (count, 16))
    facts["subject"] = rng.integers(0, 256, (count, 16))
    facts["expires"] = _YEAR_S
    facts["papers"] = first
    vectors = rng.integers(-127, 128, (count, dimensions), dtype=np.int8)
    return references.encode(Block(_MODEL, facts, vectors))
