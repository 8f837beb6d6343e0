"""What a broker, a thief of the database and a wrong clock can do. Threats 8, 10, 16, 17, 25, 27, 28, 29."""

from __future__ import annotations

import msgspec
import pytest

from edge.core.freshness import AnswerRefused, Reason
from edge.core.status_list import Status
from edge.core.values import SiteId
from edge.state import follow
from edge.state.answer import TimeAnswer, answer_to, read_question, write_question
from edge.state.errors import (
    Expired,
    HeadAhead,
    Mismatched,
    NotSigned,
    RolledBack,
    StateDamaged,
    StatementDamaged,
    StatementEdited,
    WrongGate,
    WrongSite,
)
from edge.state.follow import started
from edge.state.kept import Kept, freeze, thaw
from edge.state.metadata import date, read, sha256
from edge.state.publish import TARGETS_LIFE_DEFAULT_S
from edge.state.shapes import Timestamp
from tests.state.gate import Gate, following, together
from tests.state.site import Site, forged


# The broker (threat 28) ---------------------------------------------------------------------
def test_heads_without_the_bundle_buy_no_time() -> None:
    site, gate = following()
    site.revoke(3)
    for _ in range(59):
        together(site, gate, 60)
        assert gate.head(site.tick().head).refused is None
        assert gate.fresh
    together(site, gate, 60)
    assert gate.why() is Reason.TOO_OLD
    assert gate.status(3) is Status.VALID, "it cannot know; that is why it stops"
    assert gate.bundle(site.data).refused is None
    assert gate.fresh
    assert gate.status(3) is Status.WITHDRAWN


def test_a_bundle_ahead_of_every_head_is_applied() -> None:
    site, gate = following()
    together(site, gate, 60)
    step = gate.bundle(site.revoke(3).data)
    assert step.state is not None
    assert step.state.changes is not None
    assert step.state.changes.withdrawn == (3,)
    assert gate.fresh


def test_a_head_ahead_of_its_bundle_counts_when_the_bundle_comes() -> None:
    site, gate = following()
    together(site, gate, 60)
    site.revoke(3)
    gate.head(site.head)
    together(site, gate, 3000)
    assert gate.bundle(site.data).refused is None
    assert gate.fresh
    together(site, gate, 600)
    assert gate.why() is Reason.TOO_OLD, "the age is that of the head, not of the bundle's arrival"


def test_a_bundle_behind_the_newest_head_is_not_applied() -> None:
    site, gate = following()
    middle = site.revoke(3).data
    gate.head(site.revoke(4).head)
    step = gate.bundle(middle)
    assert isinstance(step.refused, HeadAhead)
    assert gate.status(3) is Status.VALID
    assert gate.bundle(site.data).refused is None
    assert (gate.status(3), gate.status(4)) == (Status.WITHDRAWN, Status.WITHDRAWN)


def test_the_retained_bundle_comes_again_and_again_and_changes_nothing() -> None:
    site, gate = following()
    retained = site.revoke(3).data
    gate.bundle(retained)
    for _ in range(5):
        together(site, gate, 60)
        gate.head(site.tick().head)
        step = gate.bundle(retained)
        assert (step.refused, step.state, step.must_commit) == (None, None, False)
    together(site, gate, 3500)
    assert gate.fresh


def test_a_gate_starts_with_an_old_bundle_and_a_new_head() -> None:
    """How every morning begins: the broker holds the bundle of the last change, heads come every minute."""
    site, gate = following()
    retained = site.revoke(3).data
    site.passes(86400)
    gate.reboot().wakes(site)
    refused = gate.bundle(retained).refused
    assert isinstance(refused, Expired)
    assert refused.message == "the newest head has expired"
    assert gate.status(3) is Status.VALID
    step = gate.head(site.tick().head)
    assert step.state is not None
    assert gate.fresh
    assert gate.status(3) is Status.WITHDRAWN
    assert gate.reboot().wakes(site).fresh


def test_a_bundle_put_together_by_the_broker_survives_a_restart() -> None:
    """A genuine but older timestamp before the new parts: nothing forged, nothing that its own head names."""
    site, gate = following()
    older = site.head
    gate.head(site.revoke(3).head)
    assert gate.bundle(site.with_parts(timestamp=older)).refused is None
    assert gate.status(3) is Status.WITHDRAWN
    assert gate.reboot().wakes(site).fresh
    assert gate.status(3) is Status.WITHDRAWN


def test_a_damaged_bundle_that_waits_for_a_head_is_tried_once() -> None:
    site, gate = following()
    site.revoke(3)
    bent = site.with_parts(status=site.bundle.status[:-1])
    together(site, gate, 86400)
    gate.wakes(site)
    assert isinstance(gate.bundle(bent).refused, Expired)
    assert isinstance(gate.head(site.tick().head).refused, Mismatched)
    assert gate.head(site.passes(60).tick().head).refused is None
    assert gate.bundle(site.data).refused is None
    assert gate.fresh


def test_silence_ends_it() -> None:
    site, gate = following()
    together(site, gate, 3599)
    assert gate.fresh
    together(site, gate, 1)
    assert gate.why() is Reason.TOO_OLD
    assert gate.head(site.tick().head).refused is None
    assert gate.fresh


def test_a_replayed_head_makes_nothing_younger() -> None:
    site, gate = following()
    head = site.passes(60).tick().head
    gate.passes(60).head(head)
    for _ in range(40):
        together(site, gate, 100)
        gate.head(head)
    assert gate.why() is Reason.TOO_OLD


def test_a_beacon_that_says_two_things_under_one_number_is_heard_once() -> None:
    site, gate = following()
    together(site, gate, 60)
    first = site.tick().head
    second = forged(first, Timestamp, [site.timestamp], signed_at=int(site.now) + 3000, expires=date(site.now + 6600))
    gate.head(first)
    gate.head(second)
    assert gate.kept.timestamp == first


def test_a_year_away_is_caught_up_with_one_bundle() -> None:
    site, gate = following()
    for month in range(12):
        site.passes(30 * 86400 - 60).revoke(month % 10)
        site.rotate("timestamp", "snapshot") if month % 4 == 0 else site.tick()
    gate.reboot()
    assert gate.bundle(site.data).refused is None
    assert gate.wakes(site).fresh
    assert len(gate.kept.roots) == 4
    assert [i for i in range(10) if gate.status(i) is Status.VALID] == []


# Recorded heads and reboots --------------------------------------------------------------------
def test_recorded_heads_one_per_reboot_keep_nobody_alive() -> None:
    site, gate = following()
    recorded = [site.passes(60).tick().head for _ in range(20)]
    site.revoke(3)
    for head in recorded:
        gate.reboot()
        assert gate.head(head).refused is None
        assert gate.why() is Reason.NOT_ANSWERED
        gate.commit()
    assert gate.reboot().wakes(site).why() is Reason.BEHIND


def test_a_recorded_answer_fits_no_other_boot() -> None:
    site, gate = following()
    recorded = answer_to(read_question(gate.ask()), site.bundle, site.signers, now=site.now)
    gate.reboot()
    assert isinstance(gate.answer(recorded).refused, AnswerRefused)
    gate.ask()
    assert isinstance(gate.answer(recorded).refused, AnswerRefused)
    assert gate.why() is Reason.NOT_ANSWERED


def test_an_answer_that_was_held_back_is_not_taken() -> None:
    site, gate = following()
    gate.reboot()
    held = answer_to(read_question(gate.ask()), site.bundle, site.signers, now=site.now)
    gate.passes(61)
    assert isinstance(gate.answer(held).refused, AnswerRefused)


@pytest.mark.parametrize("change", ["site", "gate", "nonce"])
def test_an_answer_to_somebody_else_is_not_ours(change: str) -> None:
    site, gate = following()
    gate.reboot()
    question = read_question(gate.ask())
    other = {"site": SiteId("lakeside"), "gate": "south", "nonce": "0" * 32}[change]
    bundle = msgspec.structs.replace(site.bundle, site=SiteId("lakeside")) if change == "site" else site.bundle
    given = answer_to(msgspec.structs.replace(question, **{change: other}), bundle, site.signers, now=site.now)
    refused = gate.answer(given).refused
    assert type(refused) is {"site": WrongSite, "gate": WrongGate, "nonce": AnswerRefused}[change]
    assert gate.why() is Reason.NOT_ANSWERED


@pytest.mark.parametrize("by", ["snapshot", "suspend", "admin", "root 0", "mallory", "gate north"])
def test_nobody_but_the_beacon_tells_the_time(by: str) -> None:
    site, gate = following()
    gate.reboot()
    question = read_question(gate.ask())
    site.timestamp = by
    refused = gate.answer(answer_to(question, site.bundle, site.signers, now=site.now)).refused
    assert type(refused) is NotSigned


def test_an_edited_answer_is_found() -> None:
    site, gate = following()
    gate.reboot()
    given = answer_to(read_question(gate.ask()), site.bundle, site.signers, now=site.now)
    later = answer_to(read_question(gate.ask()), site.bundle, site.signers, now=site.now + 9)
    shell, other = msgspec.json.decode(given), msgspec.json.decode(later)
    edited = msgspec.json.encode({**shell, "payload": other["payload"]}, order="sorted")
    assert type(gate.answer(edited).refused) is StatementEdited


def test_a_head_is_no_answer_and_an_answer_no_head() -> None:
    site, gate = following()
    gate.reboot()
    answer = answer_to(read_question(gate.ask()), site.bundle, site.signers, now=site.now)
    assert type(gate.answer(site.head).refused) is StatementDamaged
    assert type(gate.head(answer).refused) is StateDamaged
    assert type(gate.bundle(site.head).refused) is StateDamaged
    assert type(gate.head(site.data).refused) is StateDamaged


# Clocks (threat 17) -------------------------------------------------------------------------
@pytest.mark.parametrize("year", [1975, 2026, 2100, 2400])
def test_the_calendar_of_the_machine_is_not_asked(year: int) -> None:
    """python-tuf would read the wall clock: in 1975 everything is valid, in 2400 nothing."""
    site, gate = following(Site(now=(year - 1970) * 365.25 * 86400))
    together(site, gate, 60)
    assert gate.bundle(site.revoke(3).data).refused is None
    together(site, gate, TARGETS_LIFE_DEFAULT_S)
    assert isinstance(gate.bundle(site.data).refused, Expired)


def test_a_gate_that_never_heard_the_time_uses_no_face() -> None:
    site = Site()
    gate = Gate(site.root)
    assert gate.why() is Reason.NOTHING_APPLIED
    assert gate.bundle(site.data).refused is None
    gate.passes(1e6)
    assert gate.why() is Reason.NOT_ANSWERED


def test_a_liar_about_the_year_is_survived_by_new_keys() -> None:
    site, gate = following()
    lie = forged(
        site.head, Timestamp, [site.timestamp], version=9, signed_at=4_102_444_800, expires="2100-01-01T00:10:00Z"
    )
    assert gate.head(lie).refused is None
    assert gate.why() is Reason.EXPIRED
    gate.commit()
    gate.reboot().wakes(site)
    assert gate.why() is Reason.EXPIRED, "time never runs below what was signed"
    gate.bundle(site.rotate("timestamp", "snapshot").data)
    assert gate.why() is Reason.NOT_ANSWERED
    assert gate.wakes(site).fresh


def test_a_beacon_whose_clock_went_back_makes_nothing_younger() -> None:
    site, gate = following()
    together(site, gate, 3000)
    gate.head(site.tick().head)
    site.now -= 7200
    gate.head(site.tick().head)
    together(site, gate, 3600)
    assert gate.why() is Reason.TOO_OLD


def test_a_hidden_withdrawal_ends_with_the_life_of_the_targets() -> None:
    """Threat 27: the beacon is taken over, goes on with heads, and never publishes what the administrator signed."""
    site, gate = following(Site(bound_s=86400))
    days = 0
    while gate.fresh:
        together(site, gate, 80_000)
        gate.head(site.tick().head)
        days = int((site.now - Site().now) / 86400)
        assert days < 31
    assert (days, gate.why()) == (30, Reason.EXPIRED)
    assert gate.following.state is not None, "cards and hours run on from it"


# Durability (threat 29) ------------------------------------------------------------------------
@pytest.mark.parametrize("damage", ["zeroed", "truncated", "empty", "one bit", "longer"])
def test_lost_or_zeroed_files_are_an_error_and_no_fresh_start(damage: str) -> None:
    _, gate = following()
    disk = gate.disk
    bent = {
        "zeroed": bytes(len(disk)),
        "truncated": disk[: len(disk) // 2],
        "empty": b"",
        "one bit": disk[:2000] + bytes([disk[2000] ^ 1]) + disk[2001:],
        "longer": disk + b"\x00",
    }[damage]
    with pytest.raises((StateDamaged, NotSigned)):
        started(thaw(bent), gate.name)


def test_a_restart_believes_what_was_believed() -> None:
    site, gate = following()
    gate.bundle(site.revoke(3).suspended(4).data)
    before = gate.following.state
    assert before is not None
    gate.reboot()
    after = gate.following.state
    assert after is not None
    assert (after.snapshot, after.statuses, after.policy, after.until) == (
        before.snapshot, before.statuses, before.policy, before.until
    )  # fmt: skip
    assert gate.why() is Reason.NOT_ANSWERED


def test_an_expired_state_is_restored_for_cards_and_hours() -> None:
    site, gate = following()
    site.passes(400 * 86400)
    gate.reboot().wakes(site)
    assert gate.following.state is not None
    assert gate.why() is Reason.BEHIND or gate.why() is Reason.EXPIRED


def test_a_rolled_back_database_is_behind_and_says_so() -> None:
    site, gate = following()
    stolen = gate.disk
    gate.bundle(site.revoke(3).data)
    gate.reboot(disk=stolen)
    assert gate.status(3) is Status.VALID
    assert gate.wakes(site).why() is Reason.BEHIND
    gate.bundle(site.data)
    assert gate.fresh
    assert gate.status(3) is Status.WITHDRAWN


def test_a_crash_before_the_commit_leaves_the_state_before() -> None:
    site, gate = following()
    assert gate.bundle(site.revoke(3).data, power=False).state is not None
    assert gate.status(3) is Status.VALID
    assert gate.wakes(site).why() is Reason.BEHIND
    assert gate.bundle(site.data).state is not None
    assert gate.status(3) is Status.WITHDRAWN


def test_a_new_root_without_a_new_state_keeps_the_old_state_for_cards() -> None:
    """The bundle after a rotation came damaged: its root is known, the state under it is not."""
    site, gate = following()
    site.rotate("timestamp", "snapshot")
    gate.bundle(site.with_parts(status=site.bundle.status[:-1]))
    gate.reboot()
    assert gate.following.state is not None
    assert gate.wakes(site).why() is Reason.BEHIND
    assert gate.bundle(site.data).refused is None
    assert gate.fresh


def test_floors_outlive_a_reboot_once_committed() -> None:
    site, gate = following()
    old = site.tick().head
    gate.head(site.tick().head)
    gate.commit()
    gate.reboot()
    assert isinstance(gate.head(old).refused, RolledBack)


def test_a_head_that_was_heard_is_remembered_by_the_next_boot() -> None:
    """Otherwise a beacon that fell back could answer with less than it once said."""
    site, gate = following()
    before = site.bundle
    gate.head(site.revoke(3).head)
    gate.commit()
    gate.reboot()
    answer = answer_to(read_question(gate.ask()), before, site.signers, now=site.now)
    assert isinstance(gate.answer(answer).refused, AnswerRefused)


def test_what_is_kept_has_one_text() -> None:
    _, gate = following()
    assert freeze(thaw(gate.disk)) == gate.disk
    with pytest.raises(StateDamaged):
        thaw(msgspec.msgpack.encode({**msgspec.msgpack.decode(gate.disk), "more": 1}))
    with pytest.raises(StateDamaged, match="damaged"):
        thaw(msgspec.msgpack.encode(dict(reversed(msgspec.msgpack.decode(gate.disk).items()))))
    with pytest.raises(StateDamaged, match="too many"):
        thaw(bytes(9 * 1024 * 1024))
    assert "b'" not in repr(gate.kept)
    assert isinstance(gate.kept, Kept)


# Nothing on the wire opens a door (threats 8, 25) ------------------------------------------------
def test_no_message_reaches_anything_but_the_verdict() -> None:
    """The only words that this package has for the lane are `Fresh` and `Stale`; both are asked for, never sent."""
    fields = set(follow.Step.__dataclass_fields__) | set(follow.Following.__dataclass_fields__)
    assert fields == {
        "following", "state", "must_commit", "refused", "gate", "kept", "beacon", "freshness", "aside"
    }  # fmt: skip


def test_questions_have_one_text() -> None:
    site, gate = following()
    data = gate.ask()
    assert write_question(read_question(data)) == data
    for bent in (data + b" ", data[:-1], b"", bytes(600), data.replace(b":", b": ", 1)):
        with pytest.raises(StatementDamaged):
            read_question(bent)
    with pytest.raises(StatementDamaged, match="too large"):
        read_question(bytes(600))
    with pytest.raises(WrongSite):
        answer_to(read_question(data.replace(b"riverside", b"lakeside")), site.bundle, site.signers, now=site.now)
    assert TimeAnswer.__struct_fields__[-1] == "state"
    assert read(site.head, Timestamp).meta.snapshot.hashes.sha256 == sha256(site.bundle.snapshot)
