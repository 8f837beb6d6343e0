"""Each process tries what it must not be able to do, and what it must: in a real child, against the real kernel."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from edge.packs.pack import shipped_folder
from tests.sandbox.conftest import Site, Tries

pytestmark = pytest.mark.usefixtures("landlock_abi")

NETWORK = {
    "tcp": "socket.socket(socket.AF_INET)",
    "tcp6": "socket.socket(socket.AF_INET6)",
    "udp": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "vsock": "socket.socket(socket.AF_VSOCK)",
    "packet": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "a family with high bits": "call(41 if os.uname().machine == 'x86_64' else 198, (1 << 32) | 2, 1, 0)",
    "in a thread": "in_a_thread(lambda: socket.socket(socket.AF_INET))",
}
NOBODY_MAY = {
    "run a program": ("os.execv('/bin/true', ['true'])", {"EPERM"}),
    "debug its parent": ("call(101 if os.uname().machine == 'x86_64' else 117, 16, os.getppid(), 0, 0)", {"EPERM"}),
    "read its parent's memory": ("open(f'/proc/{os.getppid()}/mem', 'rb')", {"EACCES"}),
    "see its parent's environment": ("open(f'/proc/{os.getppid()}/environ', 'rb').read()", {"EACCES"}),
    "signal its parent": ("os.kill(os.getppid(), signal.SIGTERM)", {"EPERM"}),
    "io_uring": ("call(425, 1, 0)", {"EPERM"}),
    "bpf": ("call(321 if os.uname().machine == 'x86_64' else 280, 0, 0, 0)", {"EPERM"}),
    "a user namespace": ("call(272 if os.uname().machine == 'x86_64' else 97, 0x10000000)", {"EPERM"}),
    "clone3": ("call(435, 0, 0)", {"ENOSYS"}),
    "a call newer than the filter": ("call(452, -100, 0, 0, 0)", {"ENOSYS"}),
    "read the passwords": ("open('/etc/shadow')", {"EACCES"}),
    "read the operator's home": ("os.listdir(os.path.expanduser('~'))", {"EACCES"}),
    "write to /tmp": ("open('/tmp/edge-gate-test', 'w')", {"EACCES"}),
    "write to /dev/shm": ("open('/dev/shm/edge-gate-test', 'w')", {"EACCES"}),
    "change our code": ("open(confine.__code__.co_filename, 'a')", {"EACCES"}),
    "an abstract socket": ("connect('\\0edge-gate-test', socket.SOCK_STREAM)", {"EPERM"}),
}
WORKS = {
    "threads": "in_a_thread(lambda: None)",
    "randomness": "open('/dev/urandom', 'rb').read(8)",
    "nothing": "open('/dev/null', 'r+b')",
    "its own threads": "os.listdir('/proc/self/task')",
    "imports": "__import__('xml.etree.ElementTree')",
    "numpy": "__import__('numpy').linalg.svd(__import__('numpy').eye(50))",
}


@pytest.mark.parametrize("process", ["vision", "gate", "sync"])
def test_no_process_may_do_what_none_needs(site: Site, tries: Tries, landlock_abi: int, process: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind("\0edge-gate-test")
        server.listen()
        came = tries({name: tried for name, (tried, _) in NOBODY_MAY.items()}, process=process, config=site.config)
    assert came.pop("said") == f"landlock abi {landlock_abi} + seccomp"
    if landlock_abi < 6:
        del came["an abstract socket"], came["signal its parent"]
    assert {name: result for name, result in came.items() if result not in NOBODY_MAY[name][1]} == {}


@pytest.mark.parametrize("process", ["vision", "gate", "sync"])
def test_every_process_can_do_what_all_need(site: Site, tries: Tries, process: str) -> None:
    came = tries(WORKS, process=process, config=site.config)
    assert {name: result for name, result in came.items() if name != "said" and result != "ok"} == {}


@pytest.mark.parametrize("process", ["vision", "gate", "sync"])
def test_no_process_leaves_a_core_or_gains_rights(site: Site, tries: Tries, process: str) -> None:
    came = tries(
        {
            "no core": "__import__('resource').getrlimit(4) == (0, 0) or 1 / 0",
            "not dumpable": "prctl(3) == 0 or 1 / 0",
            "no new privileges": "prctl(39) == 1 or 1 / 0",
        },
        process=process,
        config=site.config,
    )
    assert set(came.values()) - {came["said"]} == {"ok"}


# The eye has no memory ----------------------------------------------------------------------
def test_the_eye_has_no_network(site: Site, tries: Tries) -> None:
    came = tries(NETWORK, process="vision", config=site.config)
    assert {name: result for name, result in came.items() if name != "said" and result != "EPERM"} == {}


def test_the_eye_has_no_disk_and_no_vault(site: Site, tries: Tries) -> None:
    came = tries(
        {
            "read the vault": f"open({str(site.state / 'vault')!r})",
            "list the vault": f"os.listdir({str(site.state)!r})",
            "write the vault": f"open({str(site.state / 'vault')!r}, 'a')",
            "truncate the vault": f"os.truncate({str(site.state / 'vault')!r}, 0)",
            "remove the vault": f"os.remove({str(site.state / 'vault')!r})",
            "own the vault": f"os.chmod({str(site.state)!r}, 0o777)",
            "write beside the faces": f"open({str(site.faces / 'x')!r}, 'w')",
            "change a face": f"open({str(site.faces / 'a.txt')!r}, 'a')",
            "write into the stage": f"open({str(site.runtime / 'stage' / 'x')!r}, 'w')",
            "a socket in place of the gate's": f"bind({str(site.runtime / 'vision.sock')!r})",
            "write into the models": f"open({str(shipped_folder() / 'x')!r}, 'w')",
            "write where it stands": "open('x', 'w')",
            "read the configuration": f"open({str(site.config)!r})",
        },
        process="vision",
        config=site.config,
    )
    came.pop("said")
    assert set(came.values()) <= {"EACCES", "EPERM"}, came


def test_the_eye_sees_loads_models_and_meets_the_gate(site: Site, tries: Tries) -> None:
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    encoded = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1]
    (site.faces / "a.png").write_bytes(encoded.tobytes())
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as gate:
        gate.bind(str(site.runtime / "vision.sock"))
        gate.listen()
        came = tries(
            {
                "meets the gate": f"connect({str(site.runtime / 'vision.sock')!r})",
                "hears cues": f"bind({str(site.runtime / 'stage' / 'camera.sock')!r}, socket.SOCK_DGRAM)",
                "removes its old socket": f"os.remove({str(site.runtime / 'stage' / 'camera.sock')!r})",
                "reads the faces": f"see({str(site.faces / 'a.png')!r})",
                "runs a model": f"infer({str(shipped_folder() / 'mediapipe' / 'face_landmark.tflite')!r})",
            },
            process="vision",
            config=site.config,
        )
    assert set(came.values()) - {came["said"]} == {"ok"}, came


def test_the_eye_may_use_its_camera_and_no_other_device(site: Site, tries: Tries) -> None:
    text = site.config.read_text().replace('kind = "sim"\ndevice = "faces"', 'kind = "v4l2"\ndevice = "/dev/full"')
    site.config.write_text(text)
    came = tries(
        {
            "camera": "os.open('/dev/full', os.O_RDWR)",
            "terminal": "os.open('/dev/ptmx', os.O_RDWR)",
            "kernel log": "os.open('/dev/kmsg', os.O_RDWR)",
            "faces": f"open({str(site.faces / 'a.txt')!r})",
        },
        process="vision",
        config=site.config,
    )
    assert came.pop("camera") == "ok"
    came.pop("said")
    assert set(came.values()) <= {"EACCES", "ENOENT"}, came


# The gate has no eyes -----------------------------------------------------------------------
def test_the_gate_has_no_network(site: Site, tries: Tries) -> None:
    came = tries(NETWORK, process="gate", config=site.config)
    assert {name: result for name, result in came.items() if name != "said" and result != "EPERM"} == {}


def test_the_gate_has_its_vault_and_its_sockets_and_nothing_else(site: Site, tries: Tries) -> None:
    came = tries(
        {
            "keeps a database": f"database({str(site.state)!r})",
            "listens": f"bind({str(site.runtime / 'admin.sock')!r})",
            "gives a socket to a group": f"os.chown({str(site.runtime / 'admin.sock')!r}, -1, os.getgid())",
            "makes a folder": f"os.mkdir({str(site.state / 'vault2')!r})",
            "looks up users": "__import__('pwd').getpwuid(os.getuid())",
            "reads recipes": f"open({str(shipped_folder() / 'dlib-resnet.toml')!r})",
        },
        process="gate",
        config=site.config,
    )
    assert set(came.values()) - {came["said"]} == {"ok"}, came
    denied = tries(
        {
            "see faces": f"open({str(site.faces / 'a.txt')!r})",
            "the camera": "os.open('/dev/full', os.O_RDWR)",
            "write into the models": f"open({str(shipped_folder() / 'x')!r}, 'w')",
            "write beside its folders": f"open({str(site.root / 'x')!r}, 'w')",
            "move the vault out": f"os.rename({str(site.state / 'vault')!r}, {str(site.root / 'vault')!r})",
            "link the vault out": f"os.link({str(site.state / 'vault')!r}, {str(site.faces / 'vault')!r})",
            "a program in its folder": f"os.execv({str(site.state / 'vault')!r}, ['x'])",
        },
        process="gate",
        config=site.config,
    )
    denied.pop("said")
    assert set(denied.values()) <= {"EACCES", "EPERM", "EXDEV"}, denied


# The link has neither -----------------------------------------------------------------------
def test_the_link_has_the_network_and_nothing_to_tell(site: Site, tries: Tries) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as broker,
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as gate,
    ):
        gate.bind(str(site.runtime / "sync.sock"))
        gate.listen()
        works = tries(
            {
                "broker": f"tcp({broker.getsockname()[1]})",
                "names": "socket.getaddrinfo('localhost', 1883)",
                "trust": "__import__('ssl').create_default_context()",
                "meets the gate": f"connect({str(site.runtime / 'sync.sock')!r})",
            },
            process="sync",
            config=site.config,
        )
    assert set(works.values()) - {works["said"]} == {"ok"}, works
    denied = tries(
        {
            "serve": "serve_tcp()",
            "sniff": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
            "vsock": "socket.socket(socket.AF_VSOCK)",
            "bluetooth": "socket.socket(31, socket.SOCK_RAW, 1)",
            "read the vault": f"open({str(site.state / 'vault')!r})",
            "list the vault": f"os.listdir({str(site.state)!r})",
            "see faces": f"open({str(site.faces / 'a.txt')!r})",
            "the camera": "os.open('/dev/full', os.O_RDWR)",
            "the stage": f"bind({str(site.runtime / 'stage' / 'x')!r})",
            "write": f"open({str(site.runtime / 'x')!r}, 'w')",
            "own the vault": f"os.chmod({str(site.state)!r}, 0o777)",
        },
        process="sync",
        config=site.config,
    )
    denied.pop("said")
    assert set(denied.values()) <= {"EACCES", "EPERM"}, denied


def test_a_path_that_appears_later_stays_forbidden(tmp_path: Path, tries: Tries) -> None:
    late = str(tmp_path / "late")
    came = tries(
        {"make": f"os.mkdir({late!r})", "read": f"os.listdir({late!r})"},
        profile={"reads": [late, os.__file__.rsplit("/", 1)[0]], "writes": [str(tmp_path / "missing")]},
    )
    assert (came["make"], came["read"]) == ("EACCES", "ENOENT")
