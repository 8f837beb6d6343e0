"""Run as a program: confine this process as the first argument (JSON) says, try things, print what came of each.

`{"profile": {...}}` or `{"config": PATH, "process": "vision"}`; `{"tries": {NAME: [EXPRESSION, ...]}}` are Python
expressions over the names of this file. What comes of a try is "ok", the name of an errno, or the type of an exception.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal  # noqa: F401 - for the tries
import socket
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any

from edge.sandbox import Profile, confine, profiles

LIBC = ctypes.CDLL(None, use_errno=True)


def call(number: int, *args: int) -> int:
    """A system call past every library."""
    result = int(LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(arg) for arg in args)))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def prctl(option: int) -> int:
    return int(LIBC.prctl(option, 0, 0, 0, 0))


def connect(path: str, kind: int = socket.SOCK_SEQPACKET) -> None:
    with socket.socket(socket.AF_UNIX, kind) as sock:
        sock.connect(path)


def bind(path: str, kind: int = socket.SOCK_SEQPACKET) -> None:
    with socket.socket(socket.AF_UNIX, kind) as sock:
        sock.bind(path)


def tcp(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.connect(("127.0.0.1", port))


def serve_tcp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))


def in_a_thread(work: Any) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def database(folder: str) -> None:
    with sqlite3.connect(Path(folder) / "vault.db") as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("CREATE TABLE t (x)")
        base.execute("INSERT INTO t VALUES (1)")
        base.commit()
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def see(picture: str) -> None:
    import cv2  # noqa: PLC0415

    image = cv2.imread(picture)
    assert image is not None
    assert image.shape == (8, 8, 3)


def infer(model: str) -> None:
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

    interpreter = Interpreter(model, num_threads=2)
    interpreter.allocate_tensors()
    interpreter.invoke()


def came_of(expression: str) -> str:
    try:
        eval(expression)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    except Exception as error:  # noqa: BLE001
        return type(error).__name__
    return "ok"


def main() -> None:
    asked = json.loads(sys.argv[1])
    if "profile" in asked:
        paths = {
            name: tuple(Path(path) for path in found) for name, found in asked["profile"].items() if name != "network"
        }
        profile = Profile("test", network=asked["profile"].get("network", False), **paths)
    else:
        from edge.config.load import load  # noqa: PLC0415

        profile = getattr(profiles, asked["process"])(load(Path(asked["config"])))
    for line in asked.get("before", []):
        exec(line)
    said = confine(profile)
    print(json.dumps({"said": said} | {name: came_of(tried) for name, tried in asked["tries"].items()}))  # noqa: T201


if __name__ == "__main__":
    main()
