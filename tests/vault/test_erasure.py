"""Erased means gone: the order of an erasure, what a crash leaves of it, and what is left on the disk afterwards."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.consent import ConsentRefused
from edge.core.consent import Reason
from edge.core.quantise import quantise
from edge.errors import InputError
from edge.gate.vault import Vault, VaultFailed
from edge.gate.vault.database import Database
from edge.gate.vault.errors import SealBroken
from edge.gate.vault.opening import DATABASE, SLOTS
from edge.gate.vault.seal import Cipher, Key, unseal, unseal_again
from edge.gate.vault.slots import FileSlot
from edge.gate.vault.table import ChunkId, Kind, decode
from tests.consent.documents import consent
from tests.vault.cuts import killed_at, killed_while_opening, moments_of
from tests.vault.world import MODEL, OWNER, HandClock, cid, embedding, enrol, open_at, signed, store_of, templates


def held_by(folder: Path, clock: HandClock, people: int) -> None:
    """A closed vault in `folder` with that many people enrolled."""
    vault = open_at(folder, clock)
    for number in range(1, people + 1):
        enrol(vault, number, probes=2)
    vault.close()


def test_an_erasure_takes_everything_of_its_consents_and_nothing_else(vault: Vault, clock: HandClock) -> None:
    for number in range(1, 6):
        enrol(vault, number, probes=number)
    gone = vault.erase({cid(2), cid(4)}, why="withdrawn", operator="uid 1000")
    assert gone.consents == (cid(2), cid(4))
    assert gone.references == 6
    assert gone.destruction == "logical"
    assert templates(vault) == {cid(1): 1, cid(3): 3, cid(5): 5}
    assert vault.live(clock.wall()) == {cid(1), cid(3), cid(5)}
    assert vault.subject(consent(2).subject) == ()


def test_the_digest_names_what_remained(vault: Vault, folder: Path) -> None:
    enrol(vault, 1)
    enrol(vault, 2)
    gone = vault.erase({cid(1)}, why="withdrawn")
    vault.close()
    head = Database(folder / DATABASE).head()
    assert hashlib.sha256(head.keys).hexdigest() == gone.state_sha256


def test_erasing_nobody_changes_nothing_and_erasing_twice_is_no_error(vault: Vault) -> None:
    enrol(vault, 1)
    before = vault.erase((), why="nothing").state_sha256
    vault.erase({cid(1)}, why="withdrawn")
    again = vault.erase({cid(1)}, why="withdrawn")
    assert again.consents == ()
    assert again.references == 0
    assert again.state_sha256 != before


def test_an_erased_consent_never_enrols_again(vault: Vault, folder: Path, clock: HandClock) -> None:
    enrol(vault, 1)
    vault.erase({cid(1)}, why="withdrawn")
    for _ in range(2):
        with pytest.raises(ConsentRefused) as caught:
            enrol(vault, 1)
        assert caught.value.reason is Reason.ALREADY_USED
        vault.close()
        vault = open_at(folder, clock)
    vault.close()


def test_a_withdrawal_that_comes_before_the_enrolment_bars_it(vault: Vault) -> None:
    vault.erase({cid(1)}, why="withdrawn")
    with pytest.raises(ConsentRefused):
        enrol(vault, 1)
    assert templates(vault) == {}


@pytest.mark.parametrize("id_", ["", "x", "A" * 32, "'; DROP TABLE chunk; --"])
def test_an_id_that_is_none_is_refused_and_kept_nowhere(vault: Vault, folder: Path, clock: HandClock, id_: Any) -> None:
    for ask in (vault.erase, vault.suspend):
        with pytest.raises(InputError):
            ask({id_}, why="withdrawn")
    vault.close()
    open_at(folder, clock).close()


def test_a_burst_begins_one_epoch(vault: Vault) -> None:
    for number in range(1, 21):
        enrol(vault, number)
    before = vault._store.epoch
    vault.erase({cid(number) for number in range(1, 20)}, why="withdrawn")
    assert vault._store.epoch == before + 1
    assert templates(vault) == {cid(20): 1}


# The order ----------------------------------------------------------------------------------
Work = Callable[[Vault], Any]
WORKS: dict[str, Work] = {
    "erase one": lambda vault: vault.erase({cid(2)}, why="withdrawn"),
    "erase all": lambda vault: vault.erase({cid(n) for n in range(1, 4)}, why="withdrawn"),
    "suspend": lambda vault: vault.suspend({cid(2)}, why="withdrawn"),
    "enrol": lambda vault: enrol(vault, 9),
    "card": lambda vault: vault.add_card("12345678", "blue", operator="uid 1000"),
}


@pytest.mark.parametrize("name", WORKS)
def test_every_change_is_made_in_the_order_of_the_design(folder: Path, clock: HandClock, name: str) -> None:
    held_by(folder, clock, 3)
    live = open_at(folder, clock)
    spare, old = SLOTS[1 - live._store._live], SLOTS[live._store._live]
    live.close()
    _, steps = moments_of(folder, clock, WORKS[name])
    assert steps == [f"write {spare}", "commit", "truncate the log", f"wipe {old}"]


@pytest.mark.parametrize("name", WORKS)
def test_a_kill_at_any_moment_leaves_the_old_state_or_the_new_one(folder: Path, clock: HandClock, name: str) -> None:
    held_by(folder, clock, 3)
    before = state_of(folder, clock)
    done, _ = killed_at(copy_of(folder, "done"), clock, 0, WORKS[name])
    new = state_of(done, clock)
    assert new != before
    moments, _ = moments_of(folder, clock, WORKS[name])
    seen = []
    for moment in range(1, moments + 1):
        after, acknowledged = killed_at(copy_of(folder, f"fresh-{moment}"), clock, moment, WORKS[name])
        seen.append(state_of(after, clock))
        assert not acknowledged
        assert healed(after)
    committed = 4  # the moments before and after the new key, before the commit, and from then on
    assert seen == [before] * (committed - 1) + [new] * (moments - committed + 1)


def test_an_acknowledged_erasure_is_never_revived(folder: Path, clock: HandClock) -> None:
    """Also when the next change is killed at any moment."""
    held_by(folder, clock, 3)
    vault = open_at(folder, clock)
    vault.erase({cid(2)}, why="withdrawn")
    vault.close()
    for moment in range(1, moments_of(folder, clock, WORKS["enrol"])[0] + 1):
        after, _ = killed_at(copy_of(folder, f"fresh-{moment}"), clock, moment, WORKS["enrol"])
        opened = open_at(after, clock)
        assert cid(2) not in templates(opened)
        assert cid(2) not in opened.live(clock.wall())
        with pytest.raises(ConsentRefused):
            enrol(opened, 2)
        opened.close()


def test_a_kill_while_healing_is_healed_too(folder: Path, clock: HandClock) -> None:
    held_by(folder, clock, 3)
    torn, _ = killed_at(folder, clock, 4, WORKS["erase one"])  # committed, and nothing tidied up
    expected = state_of(copy_of(torn, "expected"), clock)
    for moment in range(1, 5):
        after = killed_while_opening(copy_of(torn, f"again-{moment}"), clock, moment)
        assert state_of(after, clock) == expected
        assert healed(after)


def test_a_start_says_which_erasures_it_verified_again(folder: Path, clock: HandClock) -> None:
    held_by(folder, clock, 3)
    torn, _ = killed_at(folder, clock, 4, WORKS["erase one"])
    vault = open_at(torn, clock)
    assert vault.rechecked == {cid(2)}
    assert cid(2) not in templates(vault)
    enrol(vault, 7)
    vault.close()
    vault = open_at(torn, clock)
    assert vault.rechecked == frozenset()
    vault.close()


def copy_of(folder: Path, name: str) -> Path:
    return Path(shutil.copytree(folder, folder.with_name(name)))


def state_of(folder: Path, clock: HandClock) -> tuple[Any, ...]:
    """Everything that a restart finds. Opening heals, so it is done on the folder itself."""
    vault = open_at(folder, clock)
    try:
        held = tuple(sorted(templates(vault).items()))
        return held, vault.live(clock.wall()), vault.card_labels(), len(vault.journal())
    finally:
        vault.close()


def healed(folder: Path) -> bool:
    """Exactly one slot holds a key, and the log is empty."""
    keys = [FileSlot(folder / name).read() for name in SLOTS]
    log = folder / f"{DATABASE}-wal"
    return sum(key is not None for key in keys) == 1 and not (log.exists() and log.stat().st_size)


# What is left ---------------------------------------------------------------------------------
def test_after_an_erasure_no_file_holds_the_template_or_its_ciphertext_under_a_live_key(
    folder: Path, clock: HandClock
) -> None:
    held_by(folder, clock, 3)
    store = store_of(folder)
    chunk = ChunkId(Kind.REFERENCES, 0)
    old_sealed = next(store._database.rows(chunk.row, chunk.row))[2]
    old_key = bytes(store._table[chunk].key.reveal())
    old_sequence = store._table[chunk].sequence
    store.close()
    vault = open_at(folder, clock)
    vault.erase({cid(2)}, why="withdrawn")
    vault.close()
    # The old key does open the old chunk: this is what must not be found.
    place = OWNER.chunk_place(chunk.row, old_sequence)
    plain = unseal(_cipher(folder), Key(old_key), old_sealed, place)
    template = quantise(embedding(200)).vector.tobytes()
    assert template in plain
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name, content in after.items():
        assert template not in content, name
        assert old_key not in content, name
        assert old_sealed[:64] not in content, name
        assert bytes.fromhex(cid(2)) not in content, name
        assert cid(2).encode() not in content, name
    assert _keys_that_live(folder).isdisjoint({old_key})


def test_freed_pages_are_overwritten(folder: Path, clock: HandClock) -> None:
    """Many pages at once, and the ciphertext too: nobody should have to trust that its key is gone."""
    vault = open_at(folder, clock)
    for number in range(1, 41):
        probes = [embedding(number * 100 + each, 1024) for each in range(4)]
        vault.enrol(signed(number), probes, model_sha256=MODEL, operator="uid 1000")
    vault.close()
    before = folder.joinpath(DATABASE).read_bytes()
    store = store_of(folder)
    chunk = ChunkId(Kind.REFERENCES, 0)
    sealed = next(store._database.rows(chunk.row, chunk.row))[2]
    store.close()
    pieces = [sealed[at : at + 32] for at in range(0, len(sealed), 4096)]
    assert sum(piece in before for piece in pieces) > len(pieces) * 0.9
    vault = open_at(folder, clock)
    vault.erase({cid(number) for number in range(1, 41)}, why="withdrawn")
    vault.close()
    after = b"".join(path.read_bytes() for path in folder.iterdir())
    assert not any(piece in after for piece in pieces)


def test_an_old_key_table_opens_with_no_key_that_is_left(folder: Path, clock: HandClock) -> None:
    held_by(folder, clock, 2)
    store = store_of(folder)
    old = store._database.head()
    store.close()
    vault = open_at(folder, clock)
    vault.erase({cid(2)}, why="withdrawn")
    vault.close()
    for name in SLOTS:
        held = FileSlot(folder / name).read()
        if held is not None:
            for slot in (0, 1):
                with pytest.raises(SealBroken):
                    unseal_again(Cipher(old.cipher), held[1], old.keys, OWNER.table_place(old.epoch, slot))


def _cipher(folder: Path) -> Cipher:
    database = Database(folder / DATABASE)
    try:
        return Cipher(database.head().cipher)
    finally:
        database.close()


def _keys_that_live(folder: Path) -> set[bytes]:
    database = Database(folder / DATABASE)
    head = database.head()
    database.close()
    held = FileSlot(folder / SLOTS[head.slot]).read()
    assert held is not None
    table = decode(
        head.epoch, unseal_again(Cipher(head.cipher), held[1], head.keys, OWNER.table_place(head.epoch, head.slot))
    )
    return {bytes(entry.key.reveal()) for entry in table.values()}


def test_a_disk_that_gives_back_the_old_slot_is_not_believed(
    folder: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_by(folder, clock, 2)
    vault = open_at(folder, clock)
    monkeypatch.setattr(FileSlot, "wipe", lambda _: None)
    with pytest.raises(VaultFailed, match="old epoch key"):
        vault.erase({cid(2)}, why="withdrawn")
    with pytest.raises(VaultFailed, match="anew"):
        vault.erase({cid(1)}, why="withdrawn")
    assert cid(1) not in vault.live(clock.wall())
    vault.close()
    monkeypatch.undo()
    vault = open_at(folder, clock)
    assert templates(vault) == {cid(1): 2}
    vault.close()
    assert healed(folder)


def test_the_model_is_part_of_what_is_held(vault: Vault) -> None:
    enrol(vault, 1)
    enrol(vault, 2, model="0d" * 32)
    vault.erase({cid(2)}, why="withdrawn")
    assert vault.matrix("0d" * 32)[0].size == 0
    assert len(vault.matrix(MODEL)[0]) == 1
