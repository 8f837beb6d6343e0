"""The sockets between the processes, against peers that follow no rule."""

from __future__ import annotations

import array
import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import InputError, NotRunning, PartFailed
from edge.wire.link import BACKLOG, Datagram, Link, Listener, connect
from edge.wire.messages import MAX_FDS, MAX_MESSAGE_BYTES

ME = frozenset({os.getuid()})


def open_fds() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def ends() -> Iterator[tuple[Link, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link = Link(ours)
    yield link, theirs
    link.close()
    theirs.close()


@pytest.fixture
def link(ends: tuple[Link, socket.socket]) -> Link:
    return ends[0]


@pytest.fixture
def theirs(ends: tuple[Link, socket.socket]) -> socket.socket:
    return ends[1]


def received(link: Link, within_s: float = 1) -> Datagram:
    datagram = link.receive(within_s)
    assert datagram is not None
    return datagram


@pytest.fixture
def spare() -> Iterator[list[int]]:
    fds = [os.open(os.devnull, os.O_RDONLY) for _ in range(MAX_FDS * 4)]
    yield fds
    for fd in fds:
        os.close(fd)


def send_with(sock: socket.socket, data: bytes, fds: list[int]) -> None:
    sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])


# Datagrams -----------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [1, 2, MAX_MESSAGE_BYTES - 1, MAX_MESSAGE_BYTES])
def test_a_datagram_arrives_whole(link: Link, theirs: socket.socket, size: int) -> None:
    theirs.send(b"x" * size)
    with received(link) as datagram:
        assert datagram.data == b"x" * size


@pytest.mark.parametrize("size", [MAX_MESSAGE_BYTES + 1, 2 * MAX_MESSAGE_BYTES])
def test_a_datagram_above_the_limit_is_refused_and_the_next_is_read(
    link: Link, theirs: socket.socket, size: int
) -> None:
    theirs.send(b"x" * size)
    theirs.send(b"next")
    with pytest.raises(InputError, match="above 65536 bytes"):
        link.receive(1)
    with received(link) as datagram:
        assert datagram.data == b"next"


@pytest.mark.parametrize("data", [b"", b"x" * (MAX_MESSAGE_BYTES + 1)])
def test_we_send_nothing_outside_the_limits(link: Link, data: bytes) -> None:
    with pytest.raises(InputError, match="outside the limits"):
        link.send(data)


def test_an_empty_datagram_ends_the_connection(link: Link, theirs: socket.socket) -> None:
    theirs.send(b"")
    with pytest.raises(PartFailed, match="closed"):
        link.receive(1)


def test_an_empty_datagram_with_descriptors_leaves_none_open(
    link: Link, theirs: socket.socket, spare: list[int]
) -> None:
    before = open_fds()
    send_with(theirs, b"", spare[:3])
    with pytest.raises(PartFailed):
        link.receive(1)
    assert open_fds() == before


def test_nothing_in_time_is_none(link: Link) -> None:
    assert link.receive(0) is None
    assert link.receive(0.01) is None


def test_the_end_of_the_peer_is_said(link: Link, theirs: socket.socket) -> None:
    theirs.close()
    with pytest.raises(PartFailed, match="closed the connection"):
        link.receive(1)
    with pytest.raises(PartFailed, match="gone"):
        link.send(b"x")


def test_closing_wakes_a_receive_in_another_thread(link: Link) -> None:
    waiting, ended = threading.Event(), threading.Event()

    def listen() -> None:
        waiting.set()
        with pytest.raises(PartFailed):
            link.receive(None)
        ended.set()

    thread = threading.Thread(target=listen)
    thread.start()
    waiting.wait(5)
    link.close()
    thread.join(5)
    assert ended.is_set()
    with pytest.raises(PartFailed):
        link.receive(1)
    with pytest.raises(PartFailed):
        link.send(b"x")


# Peers that do not read ----------------------------------------------------------------------
@pytest.mark.parametrize("waited_before", [None, 30.0])
def test_a_peer_that_does_not_read_makes_nobody_wait(
    link: Link, theirs: socket.socket, waited_before: float | None
) -> None:
    """Python's own timeout would wait in `sendmsg`: after `receive(30)`, for half a minute a message."""
    if waited_before is not None:
        theirs.send(b"x")
        received(link, waited_before)
    blocked = threading.Event()

    def fill() -> None:
        with contextlib.suppress(PartFailed):
            for _ in range(10_000):
                link.send(b"x" * 4096)
        blocked.set()

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    assert blocked.wait(5)
    with pytest.raises(PartFailed, match="does not read"):
        link.send(b"x" * 4096)


# Descriptors ---------------------------------------------------------------------------------
def test_descriptors_arrive_closed_on_exec_and_are_closed_with_the_datagram(
    link: Link, theirs: socket.socket, spare: list[int]
) -> None:
    before = open_fds()
    send_with(theirs, b"x", spare[:MAX_FDS])
    with received(link) as datagram:
        assert len(datagram.fds) == MAX_FDS
        assert not any(os.get_inheritable(fd) for fd in datagram.fds)
        assert os.path.sameopenfile(datagram.fds[0], spare[0])
    assert open_fds() == before


@pytest.mark.parametrize("count", [MAX_FDS + 1, MAX_FDS * 4])
def test_too_many_descriptors_are_refused_and_none_is_left_open(
    link: Link, theirs: socket.socket, spare: list[int], count: int
) -> None:
    before = open_fds()
    send_with(theirs, b"x", spare[:count])
    with pytest.raises(InputError, match="descriptors"):
        link.receive(1)
    assert open_fds() == before


def test_an_oversized_datagram_with_descriptors_leaves_none_open(
    link: Link, theirs: socket.socket, spare: list[int]
) -> None:
    before = open_fds()
    send_with(theirs, b"x" * (MAX_MESSAGE_BYTES + 1), spare[:4])
    with pytest.raises(InputError):
        link.receive(1)
    assert open_fds() == before


def test_a_thousand_refused_datagrams_leave_no_descriptor(link: Link, theirs: socket.socket, spare: list[int]) -> None:
    before = open_fds()
    for _ in range(1000):
        send_with(theirs, b"x", spare[: MAX_FDS + 1])
        with pytest.raises(InputError):
            link.receive(1)
    assert open_fds() == before


def test_we_never_send_too_many_descriptors(link: Link, spare: list[int]) -> None:
    with pytest.raises(InputError):
        link.send(b"x", spare[: MAX_FDS + 1])


# Listening -----------------------------------------------------------------------------------
def test_the_kernel_says_who_connects(tmp_path: Path) -> None:
    listener = Listener(tmp_path / "s", allowed_uids=ME)
    client = connect(tmp_path / "s", "the gate")
    peer = listener.accept(1)
    assert peer is not None
    assert (peer.peer.pid, peer.peer.uid) == (os.getpid(), os.getuid())
    assert client.peer.uid == os.getuid()
    for each in (client, peer, listener):
        each.close()


def test_a_stranger_is_turned_away_and_the_next_is_not(tmp_path: Path) -> None:
    strangers = Listener(tmp_path / "s", allowed_uids=frozenset({os.getuid() + 1}))
    before = open_fds()
    client = connect(tmp_path / "s", "the gate")
    assert strangers.accept(1) is None
    with pytest.raises(PartFailed):
        client.receive(1)
    client.close()
    assert open_fds() == before
    strangers.close()


def test_a_group_may_be_allowed(tmp_path: Path) -> None:
    listener = Listener(tmp_path / "s", allowed_uids=frozenset(), allowed_gids=frozenset({os.getgid()}))
    client = connect(tmp_path / "s", "the gate")
    peer = listener.accept(1)
    assert peer is not None
    for each in (client, peer, listener):
        each.close()


def test_nobody_in_time_is_none(tmp_path: Path) -> None:
    listener = Listener(tmp_path / "s", allowed_uids=ME)
    assert listener.accept(0.01) is None
    listener.close()


def test_the_socket_file_is_for_owner_and_group_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        listener = Listener(tmp_path / "s", allowed_uids=ME)
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o660
        assert os.umask(0) == 0, "the umask is put back"
        listener.close()
    finally:
        os.umask(before)
    assert not (tmp_path / "s").exists()


def test_closing_wakes_an_accept_in_another_thread(tmp_path: Path) -> None:
    listener = Listener(tmp_path / "s", allowed_uids=ME)
    ended = threading.Event()

    def accept() -> None:
        try:
            while listener.accept(None) is None:  # once, if it is asked between the two steps of closing
                pass
        except PartFailed:
            ended.set()

    thread = threading.Thread(target=accept)
    thread.start()
    listener.close()
    thread.join(5)
    assert ended.is_set()
    with pytest.raises(PartFailed, match="closed"):
        listener.accept(1)


def test_what_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    old = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    old.bind(str(tmp_path / "s"))
    old.close()
    listener = Listener(tmp_path / "s", allowed_uids=ME)
    connect(tmp_path / "s", "the gate").close()
    listener.close()


def test_a_second_gate_is_refused_and_the_first_still_answers(tmp_path: Path) -> None:
    first = Listener(tmp_path / "s", allowed_uids=ME)
    before = open_fds()
    with pytest.raises(PartFailed, match="another process listens"):
        Listener(tmp_path / "s", allowed_uids=ME)
    assert open_fds() == before
    question = first.accept(1)  # of the second one, whether anybody is there
    assert question is not None
    question.close()
    client = connect(tmp_path / "s", "the gate")
    assert first.accept(1) is not None
    client.close()
    first.close()


def test_closing_removes_no_file_of_somebody_else(tmp_path: Path) -> None:
    listener = Listener(tmp_path / "s", allowed_uids=ME)
    (tmp_path / "s").unlink()
    (tmp_path / "s").write_text("theirs")
    listener.close()
    assert (tmp_path / "s").read_text() == "theirs"


@pytest.mark.parametrize("name", ["a" * 120, "folder", "missing/s", "file"])
def test_a_place_that_cannot_be_listened_at_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("no socket")
    before = open_fds()
    with pytest.raises(PartFailed, match="cannot listen at") as failed:
        Listener(tmp_path / name, allowed_uids=ME)
    assert "None" not in failed.value.message
    assert open_fds() == before
    assert (tmp_path / "file").read_text() == "no socket"


# Connecting ----------------------------------------------------------------------------------
def test_nobody_there_is_said_with_the_way_out(tmp_path: Path) -> None:
    before = open_fds()
    for name in ("missing", "a" * 120):
        with pytest.raises(NotRunning, match="the gate does not answer") as failed:
            connect(tmp_path / name, "the gate")
        assert "edge-gate run" in failed.value.hint
        assert "None" not in failed.value.message
    assert open_fds() == before


def test_a_gate_that_hangs_does_not_hang_its_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.wire.link.CONNECT_S", 1.0)
    listener = Listener(tmp_path / "s", allowed_uids=ME)
    clients = [connect(tmp_path / "s", "the gate") for _ in range(BACKLOG + 1)]
    with pytest.raises(NotRunning):
        connect(tmp_path / "s", "the gate")
    for client in clients:
        client.close()
    listener.close()
