"""The bytes of a source: from its publisher, from the package registry, or from a folder that somebody carried here.

Rule 1.  Whatever the way, the bytes have the size and the SHA-256 that the recipe names, or there are none.
Rule 2.  A publisher is asked over https and gives the answer itself: a redirection is refused, because people read the
         recipe's address and its licence, and nobody read the other place. Plain http is spoken to 127.0.0.1 only.
Rule 3.  An answer is cut one byte behind the announced size, and after `TOTAL_S` seconds.
Rule 4.  A folder is searched `FOLDER_DEPTH` deep and `MAX_ENTRIES` wide. Files of one name are told apart by digest.
"""

from __future__ import annotations

import hashlib
import os
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

from edge.clock import BootClock
from edge.packs.errors import SourceUnavailable
from edge.packs.recipe import MAX_PART_BYTES, PackageSource, PublisherSource, Source
from edge.packs.registry import member_from_archive, member_from_registry
from edge.packs.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.client import HTTPMessage
    from typing import IO
    from urllib.request import Request

_CLOCK = BootClock()
SOCKET_S = 30.0
TOTAL_S = 600.0
CHUNK_BYTES = 64 * 1024
FOLDER_DEPTH = 3
MAX_ENTRIES = 20_000


def obtain(source: Source, folder: Path | None, advance: Callable[[int], None]) -> bytes:
    """The bytes of one source, out of `folder` if there is one, else from where it is published.

    `advance` is told of every byte that arrives.

    Raises:
        SourceUnavailable: nobody gave the bytes that the recipe names.
    """
    if folder is not None:
        return from_folder(source, folder)
    if isinstance(source, PublisherSource):
        return download(source, advance)
    return member_from_registry(source)


def download(
    source: PublisherSource,
    advance: Callable[[int], None],
    *,
    monotonic: Callable[[], float] = _CLOCK.now,
) -> bytes:
    """The publisher's answer, by rules 1 to 3. Raises `SourceUnavailable`."""
    address = urlsplit(source.url)
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname == "127.0.0.1"):
        raise _unavailable(source, "its address is not https")
    deadline = monotonic() + TOTAL_S
    content = bytearray()
    try:
        with build_opener(_NoRedirection).open(source.url, timeout=SOCKET_S) as answer:
            while chunk := answer.read(min(CHUNK_BYTES, source.bytes + 1 - len(content))):
                content += chunk
                advance(len(chunk))
                if monotonic() > deadline:
                    raise _unavailable(source, f"it took longer than {TOTAL_S:.0f} s")
    except HTTPError as error:
        elsewhere = 300 <= error.code < 400  # noqa: PLR2004 - the class of redirections
        raise _unavailable(source, "it sends us elsewhere" if elsewhere else f"it answers {error.code}") from None
    except (URLError, HTTPException, OSError, ValueError) as error:
        raise _unavailable(source, f"{type(error).__name__} while reading") from None
    if len(content) != source.bytes:
        more = "more" if len(content) > source.bytes else f"{len(content)}"
        raise _unavailable(source, f"it gives {more} instead of {source.bytes} bytes")
    if hashlib.sha256(content).hexdigest() != source.sha256:
        raise _unavailable(source, "it gives other bytes than the recipe's SHA-256")
    return bytes(content)


def from_folder(source: Source, folder: Path) -> bytes:
    """The bytes of `source` out of files below `folder`: the file itself, or for a package its archive or its member.

    Raises:
        SourceUnavailable: no file below `folder` is the right one.
    """
    wanted = source.file if isinstance(source, PublisherSource) else source.member.rsplit("/", 1)[-1]
    digest = source.sha256 if isinstance(source, PublisherSource) else source.member_sha256
    limit = source.bytes if isinstance(source, PublisherSource) else MAX_PART_BYTES
    same_name = 0
    for path in _files_below(folder):
        if path.name == wanted:
            same_name += 1
            content = read_regular(path, limit_bytes=limit)
            if hashlib.sha256(content).hexdigest() == digest:
                return content
        if isinstance(source, PackageSource) and path.name == source.archive:
            return member_from_archive(path, source)
    also = f" or {source.archive}" if isinstance(source, PackageSource) else ""
    why = f"{same_name} files of that name have another SHA-256" if same_name else "no file has that name"
    raise SourceUnavailable(
        f"{wanted}{also} is not in {folder}: {why}",
        hint="give --from the folder that holds the publisher's files; docs/packs.md lists them",
    )


class _NoRedirection(HTTPRedirectHandler):
    """Answers 3xx become errors."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Never."""


def _files_below(folder: Path) -> Iterator[Path]:
    seen = 0
    base = len(folder.parts)
    for place, folders, files in os.walk(folder):
        folders.sort()
        if len(Path(place).parts) - base >= FOLDER_DEPTH:
            folders.clear()
        for name in sorted(files):
            seen += 1
            if seen > MAX_ENTRIES:
                return
            path = Path(place) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _unavailable(source: PublisherSource, why: str) -> SourceUnavailable:
    return SourceUnavailable(
        f"{source.file} cannot be had from its publisher: {why}",
        hint=f"try later, or fetch {source.url} by hand and use --from DIR",
    )
