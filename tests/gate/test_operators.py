"""The admin socket: who asks, and who waits for whom."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import ConfigError, EdgeError, InputError, Refused
from edge.gate.operators import MAX_CLIENTS, OperatorSocket, listen_for_operators, operator_of
from edge.wire.admin import Answer, Cards, CardsRequest, EnrolRequest, Problem, Request, StatusRequest, decode_answer
from edge.wire.client import ask
from edge.wire.link import Link, Listener, Peer, connect
from edge.wire.messages import MAX_MESSAGE_BYTES, encode
from tests.fakes.clock import LOST_S

CARDS = Cards(labels=("a",), total=1)


class Gate:
    """A socket whose answers the test chooses."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "admin.sock"
        self.asked: list[tuple[Request, tuple[int, ...], str]] = []
        self.answer: Answer | Exception = CARDS
        self.hold = threading.Event()
        self.hold.set()
        self.socket = OperatorSocket(listen_for_operators(self.path, ""), self._handle)
        self.socket.start()

    def _handle(self, request: Request, fds: Sequence[int], operator: str) -> Answer:
        self.asked.append((request, tuple(fds), operator))
        assert self.hold.wait(LOST_S)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.hold.set()
    gate.socket.close()


def heard(link: Link) -> Answer:
    datagram = link.receive(LOST_S)
    assert datagram is not None
    with datagram:
        return decode_answer(datagram.data)


def test_one_question_one_answer(gate: Gate) -> None:
    assert ask(gate.path, CardsRequest()) == CARDS


def test_the_operator_is_the_kernels_word(gate: Gate) -> None:
    """Threat 30: an enrolment is somebody's, and no request says whose."""
    ask(gate.path, CardsRequest())
    assert gate.asked[0][2] == pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize(("uid", "name"), [(os.getuid(), pwd.getpwuid(os.getuid()).pw_name), (54_321, "uid-54321")])
def test_an_operator_without_a_name_has_a_number(uid: int, name: str) -> None:
    assert operator_of(Peer(pid=1, uid=uid, gid=0)) == name


def test_a_refusal_reaches_the_operator_as_it_is(gate: Gate) -> None:
    gate.answer = Refused("no live consent", hint="bring one")
    with pytest.raises(EdgeError, match="no live consent") as caught:
        ask(gate.path, CardsRequest())
    assert (caught.value.exit_code, caught.value.hint) == (Refused.exit_code, "bring one")


def test_our_own_mistake_is_a_problem_without_a_traceback(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    gate.answer = ZeroDivisionError("embedding [0.1, 0.2]")
    with pytest.raises(EdgeError, match="ZeroDivisionError") as caught:
        ask(gate.path, CardsRequest())
    assert "0.1" not in caught.value.message
    assert "0.1" not in caplog.text
    assert "Traceback" not in caplog.text
    gate.answer = Cards(labels=(), total=0)
    assert ask(gate.path, CardsRequest()) == Cards(labels=(), total=0)


def test_an_answer_that_is_too_long_is_a_problem(gate: Gate) -> None:
    gate.answer = Cards(labels=("x" * 64,) * (MAX_MESSAGE_BYTES // 64), total=0)
    with pytest.raises(EdgeError, match="limit"):
        ask(gate.path, CardsRequest())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.binary(min_size=1, max_size=300))
def test_no_bytes_get_anything_but_a_problem(gate: Gate, data: bytes) -> None:
    link = connect(gate.path, "the gate")
    link.send(data)
    assert isinstance(heard(link), Problem)
    link.close()
    assert gate.asked == []


def test_descriptors_are_closed_whether_used_or_not(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with (tmp_path / "a").open("rb") as file:
        ask(gate.path, EnrolRequest(consent=b"{}", images=1), (file.fileno(),))
    (fd,) = gate.asked[0][1]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_who_is_slow_keeps_nobody_waiting(gate: Gate) -> None:
    slow = [connect(gate.path, "the gate") for _ in range(MAX_CLIENTS - 1)]
    assert ask(gate.path, CardsRequest()) == CARDS
    for link in slow:
        link.close()


def test_who_asks_and_waits_keeps_nobody_waiting(gate: Gate) -> None:
    gate.hold.clear()
    first = connect(gate.path, "the gate")
    first.send(encode(CardsRequest()))
    while not gate.asked:
        continue
    second = connect(gate.path, "the gate")
    second.send(encode(StatusRequest()))
    while len(gate.asked) < 2:
        continue
    gate.hold.set()
    assert heard(second) == heard(first) == CARDS
    first.close()
    second.close()


def test_one_too_many_is_told_so(gate: Gate) -> None:
    idle = [connect(gate.path, "the gate") for _ in range(MAX_CLIENTS)]
    answer = heard(connect(gate.path, "the gate"))
    assert isinstance(answer, Problem)
    assert "operators are being served" in answer.message
    for link in idle:
        link.close()


def test_who_says_nothing_is_sent_away(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.gate.operators.REQUEST_S", 0.01)
    link = connect(gate.path, "the gate")
    answer = heard(link)
    assert isinstance(answer, Problem)
    assert "no request came" in answer.message
    link.close()


def test_who_leaves_before_the_answer_breaks_nothing(gate: Gate) -> None:
    for _ in range(20):
        link = connect(gate.path, "the gate")
        link.send(encode(CardsRequest()))
        link.close()
    while len(gate.asked) < 20:
        assert not isinstance(gate.answer, InputError)
    assert ask(gate.path, CardsRequest()) == CARDS


def test_a_group_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'no-such-group'"):
        listen_for_operators(tmp_path / "admin.sock", "no-such-group")


def test_the_socket_belongs_to_the_group_of_the_operators(tmp_path: Path) -> None:
    others = (group for group in grp.getgrall() if group.gr_gid != os.getgid())
    group = next(others) if os.getuid() == 0 else grp.getgrgid(os.getgid())
    listener = listen_for_operators(tmp_path / "admin.sock", group.gr_name)
    found = (tmp_path / "admin.sock").stat()
    assert found.st_gid == group.gr_gid
    assert found.st_mode & 0o777 == 0o660
    listener.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_who_is_no_operator_gets_no_answer(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    listener = Listener(tmp_path / "admin.sock", allowed_uids=frozenset({0}))
    (tmp_path / "admin.sock").chmod(0o666)
    operators = OperatorSocket(listener, lambda *_: CARDS)
    operators.start()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = b"nothing"
        try:
            os.setgid(65_534)
            os.setuid(65_534)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
                sock.connect(str(tmp_path / "admin.sock"))
                sock.send(encode(CardsRequest()))
                said = sock.recv(100) or b"nothing"
        except OSError:
            pass
        finally:
            os.write(writing, said)
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    assert os.read(reading, 100) == b"nothing"
    os.close(reading)
    operators.close()
