"""Whoever gives the bytes, they are the recipe's bytes or there are none."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edge.packs import fetch, registry
from edge.packs.errors import SourceUnavailable
from edge.packs.recipe import PackageSource, PublisherSource

CONTENT = bytes(range(256)) * 600
Answer = Callable[[BaseHTTPRequestHandler], None]


def whole(asked: BaseHTTPRequestHandler) -> None:
    asked.send_response(200)
    asked.send_header("Content-Length", str(len(CONTENT)))
    asked.end_headers()
    asked.wfile.write(CONTENT)


def other(asked: BaseHTTPRequestHandler) -> None:
    asked.send_response(200)
    asked.end_headers()
    asked.wfile.write(CONTENT[:-1] + b"?")


def cut(asked: BaseHTTPRequestHandler) -> None:
    asked.send_response(200)
    asked.send_header("Content-Length", str(len(CONTENT)))
    asked.end_headers()
    asked.wfile.write(CONTENT[:1000])


def endless(asked: BaseHTTPRequestHandler) -> None:
    asked.send_response(200)
    asked.end_headers()
    for _ in range(10_000):
        asked.wfile.write(CONTENT)


def elsewhere(asked: BaseHTTPRequestHandler) -> None:
    asked.send_response(302)
    asked.send_header("Location", asked.path.replace("model.bin", "whole"))
    asked.end_headers()


def absent(asked: BaseHTTPRequestHandler) -> None:
    asked.send_error(404)


def nonsense(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(b"SSH-2.0-surprise\r\n")


@contextmanager
def publisher(answer: Answer) -> Iterator[PublisherSource]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                (whole if self.path.endswith("/whole") else answer)(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield source(f"http://127.0.0.1:{server.server_port}/pack/model.bin")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def source(url: str) -> PublisherSource:
    return PublisherSource(url=url, sha256=hashlib.sha256(CONTENT).hexdigest(), bytes=len(CONTENT))


def ignore(_: int) -> None:
    pass


def test_the_publishers_bytes_arrive() -> None:
    arrived: list[int] = []
    with publisher(whole) as here:
        assert fetch.download(here, arrived.append) == CONTENT
    assert sum(arrived) == len(CONTENT)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (other, "SHA-256"),
        (cut, "1000 instead of"),
        (endless, "more instead of"),
        (elsewhere, "elsewhere"),
        (absent, "404"),
        (nonsense, "BadStatusLine"),
    ],
)
def test_any_other_answer_is_refused(answer: Answer, said: str) -> None:
    with publisher(answer) as here, pytest.raises(SourceUnavailable, match=said) as refused:
        fetch.download(here, ignore)
    assert "model.bin" in refused.value.message
    assert "--from DIR" in refused.value.hint


def test_a_publisher_that_takes_too_long_is_given_up() -> None:
    ticks = iter([0.0, 1.0, fetch.TOTAL_S + 1.0])
    with publisher(whole) as here, pytest.raises(SourceUnavailable, match="longer than"):
        fetch.download(here, ignore, monotonic=lambda: next(ticks))


@pytest.mark.parametrize(
    "url", ["http://publisher.example/model.bin", "file:///etc/passwd", "ftp://127.0.0.1/x", "http://localhost/x"]
)
def test_only_https_and_loopback_are_asked(url: str) -> None:
    with pytest.raises(SourceUnavailable, match="not https"):
        fetch.download(source(url), ignore)


def test_a_publisher_that_is_not_there_is_named() -> None:
    with publisher(whole) as here:
        gone = here
    with pytest.raises(SourceUnavailable, match="URLError"):
        fetch.download(gone, ignore)


def test_a_folder_gives_the_file_with_the_right_digest_among_files_of_one_name(tmp_path: Path) -> None:
    for name, content in (("a", b"wrong"), ("b/c", CONTENT), ("d", b"")):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model.bin").write_bytes(content)
    assert fetch.obtain(source("https://x.org/model.bin"), tmp_path, ignore) == CONTENT


def test_a_folder_with_other_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(SourceUnavailable, match="1 files of that name have another SHA-256"):
        fetch.obtain(source("https://x.org/model.bin"), tmp_path, ignore)


def test_a_folder_without_the_file_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / "1/2/3/4"
    deep.mkdir(parents=True)
    (deep / "model.bin").write_bytes(CONTENT)
    with pytest.raises(SourceUnavailable, match="no file has that name"):
        fetch.obtain(source("https://x.org/model.bin"), tmp_path, ignore)


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(CONTENT)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "model.bin").symlink_to(tmp_path / "outside")
    with pytest.raises(SourceUnavailable):
        fetch.obtain(source("https://x.org/model.bin"), tmp_path / "in", ignore)


# Packages --------------------------------------------------------------------------------
MEMBER = "pack/models/net.dat"


def wheel(content: bytes = CONTENT) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(MEMBER, content)
    return file.getvalue()


def sdist(content: bytes = CONTENT, *, link: bool = False) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        entry = tarfile.TarInfo(MEMBER)
        entry.size = 0 if link else len(content)
        if link:
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def package(archive: bytes, name: str) -> PackageSource:
    digest = hashlib.sha256
    return PackageSource(
        package="pack",
        version="1.0",
        archive=name,
        sha256=digest(archive).hexdigest(),
        bytes=len(archive),
        member=MEMBER,
        member_sha256=digest(CONTENT).hexdigest(),
    )


@pytest.mark.parametrize(("make", "name"), [(wheel, "pack-1.0-py3-none-any.whl"), (sdist, "pack-1.0.tar.gz")])
def test_a_member_comes_out_of_an_archive(tmp_path: Path, make: Callable[[], bytes], name: str) -> None:
    (tmp_path / name).write_bytes(make())
    assert fetch.obtain(package(make(), name), tmp_path, ignore) == CONTENT


def test_an_unpacked_package_is_as_good(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "net.dat").write_bytes(CONTENT)
    assert fetch.obtain(package(b"", "pack-1.0.tar.gz"), tmp_path, ignore) == CONTENT


@pytest.mark.parametrize(
    ("archive", "name", "said"),
    [
        (wheel(b"other"), "pack-1.0-py3-none-any.whl", "member has another SHA-256"),
        (b"PK no zip", "pack-1.0-py3-none-any.whl", "BadZipFile"),
        (b"no tar", "pack-1.0.tar.gz", "ReadError"),
        (sdist(link=True), "pack-1.0.tar.gz", "KeyError"),
        (sdist()[:-400], "pack-1.0.tar.gz", "while reading"),
    ],
)
def test_an_archive_that_is_not_right_is_refused(tmp_path: Path, archive: bytes, name: str, said: str) -> None:
    (tmp_path / name).write_bytes(archive)
    with pytest.raises(SourceUnavailable, match=said):
        registry.member_from_archive(tmp_path / name, package(archive, name))


def test_an_archive_with_another_digest_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "pack-1.0.tar.gz").write_bytes(sdist())
    with pytest.raises(SourceUnavailable, match="archive has another SHA-256"):
        fetch.obtain(package(b"another", "pack-1.0.tar.gz"), tmp_path, ignore)


def test_a_registry_that_lacks_the_package_is_named_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(SourceUnavailable, match=r"pip cannot download pack-1.0.tar.gz") as refused:
        fetch.obtain(package(sdist(), "pack-1.0.tar.gz"), None, ignore)
    assert "--from DIR" in refused.value.hint
