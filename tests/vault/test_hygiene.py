"""Templates, keys and numbers stay where they belong: in no repr, no message, no log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from edge.core.quantise import quantise
from edge.errors import EdgeError
from edge.gate.vault import Vault
from edge.gate.vault.bench import bench_load
from edge.gate.vault.cards import CardRegister
from edge.gate.vault.change import Change
from edge.gate.vault.references import Block
from edge.gate.vault.table import ChunkId, Kind
from tests.vault.world import MODEL, OPERATOR, HandClock, cid, embedding, enrol, open_at, signed


def test_nothing_shows_a_template_or_a_key(vault: Vault) -> None:
    enrol(vault, 1)
    vault.add_card("04128888", "blue", operator=OPERATOR)
    template = quantise(embedding(100)).vector
    chunk = ChunkId(Kind.REFERENCES, 0)
    things = [
        vault,
        vault._store,
        vault._book,
        vault._book.roll,
        vault._book.cards,
        vault._book.cards.listed,
        vault._store._table,
        vault._store._database.head(),
        next(iter(vault.references())),
        vault.matrix(MODEL)[1],
        vault.subjects("", 9),
        Change(vault._book.roll, {chunk: vault._store.read(chunk)}),
        Block(MODEL, vault._book.roll.piece(0).facts, template[None]),
        CardRegister.of(None),
    ]
    key = bytes(vault._store._table[chunk].key.reveal())
    card_key = vault._book.cards.listed.key
    for thing in things:
        for shown in (repr(thing), str(thing)):
            assert str(template[0]) + ", " + str(template[1]) not in shown
            assert repr(key)[2:-1] not in shown
            assert key.hex() not in shown
            assert card_key not in shown
            assert "04128888" not in shown


def test_no_error_and_no_log_line_shows_what_it_was_about(
    vault: Vault, folder: Path, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    enrol(vault, 1)
    told = []
    for number, probe in ((1, embedding(1)), (2, embedding(2) * float("nan"))):
        with pytest.raises(EdgeError) as caught:
            vault.enrol(signed(number), [probe], model_sha256=MODEL, operator=OPERATOR)
        told.append(caught.value.message + caught.value.hint)
    with pytest.raises(EdgeError) as caught:
        open_at(folder, clock)
    told.append(caught.value.message + caught.value.hint)
    vault.erase({cid(1)}, why="withdrawn")
    assert not caplog.records
    assert all("payload" not in each and "nan" not in each for each in told)


def test_a_closed_vault_has_no_keys(vault: Vault) -> None:
    enrol(vault, 1)
    keys = [entry.key.reveal() for entry in vault._store._table.values()]
    assert all(any(key) for key in keys)
    vault.close()
    assert not any(any(key) for key in keys)


def test_the_keys_of_what_was_replaced_are_overwritten_in_memory(vault: Vault) -> None:
    enrol(vault, 1)
    enrol(vault, 2)
    chunk = ChunkId(Kind.REFERENCES, 0)
    old = vault._store._table[chunk].key.reveal()
    vault.erase({cid(1)}, why="withdrawn")
    assert not any(old)
    assert any(vault._store._table[chunk].key.reveal())


def test_the_load_can_be_measured() -> None:
    vault_s, blob_s = bench_load(1_000, 32)
    assert vault_s > 0
    assert blob_s > 0
