"""Words on the stage: typed, bounded, and never a reason to crash."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError, PartFailed
from edge.sim.director import send
from edge.sim.server import MAX_PATH_BYTES, CueSocket
from edge.sim.stage import (
    MAX_CUE_BYTES,
    Cue,
    Moved,
    Person,
    PresentCard,
    Scene,
    Sense,
    Watch,
    decode_cue,
    decode_moved,
    encode,
)
from tests.fakes.clock import LOST_S

CUES = [
    Scene(people=(Person(face="ann", roll_deg=-3.5), Person(face="bob")), light=0.5, plugged=False),
    Sense(presence=True),
    PresentCard(number="0042"),
    Watch(path="/tmp/x.sock"),
]


@pytest.mark.parametrize("cue", CUES, ids=lambda cue: type(cue).__name__)
def test_a_cue_survives_the_wire(cue: Cue) -> None:
    assert decode_cue(encode(cue)) == cue


def test_a_report_survives_the_wire_and_is_no_cue() -> None:
    report = Moved(at=1.5, relay=True, sign="go", other_ways=("card",))
    assert decode_moved(encode(report)) == report
    with pytest.raises(InputError):
        decode_cue(encode(report))


@given(st.binary(max_size=MAX_CUE_BYTES + 10))
def test_any_bytes_are_a_word_or_an_input_error(data: bytes) -> None:
    for decode in (decode_cue, decode_moved):
        with pytest.raises(InputError):
            decode(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"type":"Scene","people":[{"face":"../../etc/passwd"}]}',
        b'{"type":"Scene","people":[{"face":"a","height_px":1e9}]}',
        b'{"type":"Scene","noise":-1}',
        b'{"type":"Scene","surprise":1}',
        b'{"type":"Open"}',
        b'{"type":"Scene","people":[' + b"[" * 1500,
        b'{"type":"Scene"}' + b" " * MAX_CUE_BYTES,
    ],
)
def test_what_is_out_of_range_unknown_or_too_long_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        decode_cue(data)


# The socket -------------------------------------------------------------------------------
def test_only_the_user_of_the_lane_can_speak_to_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with CueSocket(tmp_path / "stage" / "x.sock") as ear:
            assert stat.S_IMODE(ear.path.stat().st_mode) == 0o600
            assert stat.S_IMODE(ear.path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_cues_come_in_order_and_poison_is_counted(tmp_path: Path) -> None:
    with CueSocket(tmp_path / "x.sock") as ear, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        send(ear.path, CUES[0])
        for poison in (b"", b"hello", b"x" * (MAX_CUE_BYTES + 100)):
            stranger.sendto(poison, str(ear.path))
        send(ear.path, CUES[1])
        assert [ear.receive(0.0) for _ in range(6)] == [CUES[0], None, None, None, CUES[1], None]
        assert ear.poison == 3


def test_a_closed_socket_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    ear = CueSocket(tmp_path / "x.sock")
    ear.close()
    ear.close()
    assert not ear.path.exists()
    with pytest.raises(PartFailed, match="is closed"):
        ear.receive(0.0)


def test_closing_wakes_who_listens(tmp_path: Path) -> None:
    ear, began, ended = CueSocket(tmp_path / "x.sock"), threading.Event(), threading.Event()

    def listen() -> None:
        assert ear.receive(LOST_S) == CUES[1]
        began.set()
        with contextlib.suppress(PartFailed):
            while ear.receive(LOST_S) is None:  # the shutdown itself looks like an empty cue
                pass
        ended.set()

    listener = threading.Thread(target=listen)
    listener.start()
    send(ear.path, CUES[1])
    assert began.wait(LOST_S)
    ear.close()
    assert ended.wait(LOST_S / 2)
    listener.join()


def test_the_socket_of_a_dead_process_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(path))
    assert path.exists()
    with CueSocket(path) as ear:
        send(path, CUES[1])
        assert ear.receive(LOST_S) == CUES[1]


def test_the_socket_of_a_living_process_and_a_plain_file_are_left_alone(tmp_path: Path) -> None:
    with CueSocket(tmp_path / "x.sock") as first:
        with pytest.raises(PartFailed, match="somebody else listens"):
            CueSocket(first.path)
        send(first.path, CUES[1])
        assert first.receive(LOST_S) == CUES[1]
    plain = tmp_path / "plain"
    plain.write_text("mine")
    with pytest.raises(PartFailed, match="cannot listen"):
        CueSocket(plain)
    assert plain.read_text() == "mine"


def test_a_path_that_the_kernel_cannot_take_is_named(tmp_path: Path) -> None:
    with pytest.raises(PartFailed, match="above 107 bytes") as failed:
        CueSocket(tmp_path / ("x" * MAX_PATH_BYTES))
    assert "paths.runtime" in failed.value.hint
