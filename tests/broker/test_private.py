"""The broker of tests and of the demo: it starts, it ends, and it leaves nothing behind."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import psutil
import pytest

from edge.broker import private
from edge.broker.private import HOST, find, free_port
from edge.errors import PartFailed
from tests.broker.house import AS_NORTH, House, mosquitto


def brokers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "mosquitto" in " ".join(child.cmdline())]


def test_it_serves_while_it_runs_and_leaves_no_process(unstarted: House) -> None:
    before = len(brokers())
    with unstarted.broker:
        assert len(brokers()) == before + 1
        unstarted.connected(AS_NORTH)
    assert len(brokers()) == before


def test_only_this_machine_can_reach_it(unstarted: House) -> None:
    with unstarted.broker:
        places = {
            str(c.laddr.ip) for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == unstarted.broker.port
        }
    assert places == {"127.0.0.1"}


def test_keys_are_for_their_owner_only(unstarted: House) -> None:
    assert unstarted.broker.files.key.stat().st_mode & 0o077 == 0


def test_a_port_that_is_taken_is_said(unstarted: House) -> None:
    with socket.create_server(("127.0.0.1", unstarted.broker.port)), pytest.raises(PartFailed, match="does not start"):
        unstarted.broker.start()
    assert unstarted.broker._process is None


def test_a_broker_that_hangs_is_ended_all_the_same(unstarted: House) -> None:
    unstarted.broker.start()
    unstarted.broker.freeze()
    unstarted.broker.stop()
    unstarted.broker.start()
    unstarted.connected(AS_NORTH)


def test_it_ends_with_the_thread_that_started_it(unstarted: House) -> None:
    thread = threading.Thread(target=unstarted.broker.start)
    thread.start()
    thread.join()
    process = unstarted.broker._process
    assert process is not None
    process.wait(private.END_S)


def test_without_mosquitto_one_is_told_where_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(private, "PLACES", (tmp_path / "a", tmp_path / "b"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PartFailed) as error:
        find()
    assert "mosquitto.sh" in error.value.hint


def test_the_binary_that_is_found_runs() -> None:
    assert os.access(mosquitto(), os.X_OK)


def test_a_free_port_is_free() -> None:
    with socket.create_server((HOST, free_port())):
        pass
