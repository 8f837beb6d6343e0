"""`edge-gate models`: which packs there are, getting one, making one again, and proving that the files are the ones.

`list` looks, `verify` reads every byte. `get` makes what is missing or damaged; `build` converts from the sources in
any case, and with `--check` only compares.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.cli.options import JsonOption
from edge.cli.output import emit, progress, table
from edge.errors import ShownOtherwise
from edge.packs import Pack, Part, default_search, known_packs, load_pack
from edge.packs.errors import PackDamaged, PackMissing
from edge.packs.pack import user_folder
from edge.packs.verify import read_verified

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.packs.recipe import Precision, Source

app = typer.Typer(no_args_is_help=True, help="List, fetch, build and verify model packs.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The pack, as `models list` names it.")]
FromOption = Annotated[
    Path | None, typer.Option("--from", metavar="DIR", help="Take the sources from this folder, not from the network.")
]
IntoOption = Annotated[
    Path | None, typer.Option("--into", metavar="DIR", help="Put what is made here; else the user's data folder.")
]


@app.command("list")
def list_packs(as_json: JsonOption = False) -> None:
    """Show every pack, and whether its files are there."""
    packs = [load_pack(name) for name in known_packs(default_search())]
    found = [
        {
            "name": pack.name,
            "version": pack.recipe.version,
            "title": pack.recipe.title,
            "licences": _licences(pack),
            "ready": all(part.present for part in pack.parts),
            "files": [_described(part) for part in _files(pack)],
        }
        for pack in packs
    ]
    rows = [(pack.name, pack.recipe.version, ", ".join(_licences(pack)), _state(pack)) for pack in packs]
    emit(as_json, {"packs": found}, lambda: table("", ("pack", "version", "licences", "state"), rows))


@app.command()
def get(
    name: NameArgument,
    folder: FromOption = None,
    into: IntoOption = None,
    with_float: Annotated[bool, typer.Option("--float", help="Make the float embedder too, to compare with.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make what a pack lacks: fetch, convert, check, install."""
    from edge.packs.build import complete  # noqa: PLC0415 - OpenCV and the converters, for this command only

    pack = _load(name, into)
    precisions: tuple[Precision, ...] = ("int8", "float") if with_float else ("int8",)
    with progress(f"getting {name}", hidden=as_json) as advance:
        written = complete(pack, _obtain(folder, advance), into or user_folder(), precisions=precisions)
    rows = [(str(path), "written") for path in written] or [("every file", "was there and whole")]
    emit(as_json, {"pack": name, "written": list(written)}, lambda: table("", ("file", "state"), rows))


@app.command()
def build(
    name: NameArgument,
    folder: FromOption = None,
    into: IntoOption = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; only compare with the recipe.")] = False,
    recalibrate: Annotated[bool, typer.Option("--recalibrate", help="Measure the recipe's ranges again.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Convert a pack's embedder from its sources and compare it with the recipe, byte for byte."""
    from edge.packs import build as making  # noqa: PLC0415 - as above

    pack = _load(name, into)
    with progress(f"building {name}", hidden=as_json) as advance:
        kept = _kept(_obtain(folder, advance))
        built = making.build(pack, kept)
        ranges = making.recalibrate(pack, kept, advance) if recalibrate else {}
    differing = {key for key, value in ranges.items() if value != pack.recipe.embedder.converter.ranges.get(key)}
    paths = [None if check or not one.same else making.install(one, into or user_folder()) for one in built]
    files = [
        {"precision": one.precision, "sha256": one.sha256, "same": one.same, "path": path}
        for one, path in zip(built, paths, strict=True)
    ]
    document: dict[str, Any] = {"pack": name, "files": files}
    if recalibrate:
        document["ranges"] = {key: {"range": value, "same": key not in differing} for key, value in ranges.items()}
    rows = [(one.precision, f"{one.sha256[:16]}…", "as in the recipe" if one.same else "DIFFERENT") for one in built]
    emit(as_json, document, lambda: table("", ("precision", "SHA-256", "result"), rows))
    if differing or not all(one.same for one in built):
        raise ShownOtherwise(
            f"model pack {name!r} came out differently than its recipe says",
            hint="recipe, converter or the packages of the extra `build` are of different versions",
        )


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One pack; else all.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Read every file and compare it with its recipe. A pack that was named must be complete."""
    packs = [load_pack(one) for one in ([name] if name else known_packs(default_search()))]
    failed: list[PackDamaged | PackMissing] = []
    states = []
    with progress("verifying", hidden=as_json):
        for pack in packs:
            for part in _files(pack):
                needed = name is not None and part in pack.parts
                states.append({"pack": pack.name, **_described(part), "state": _verified(part, needed, failed)})
    if failed:
        raise failed[0]
    rows = [(one["pack"], one["file"], one["state"]) for one in states]
    emit(as_json, {"files": states}, lambda: table("", ("pack", "file", "state"), rows))


def _verified(part: Part, needed: bool, failed: list[PackDamaged | PackMissing]) -> str:
    try:
        read_verified(part)
    except PackMissing as error:
        failed.extend([error] if needed else [])
        return "missing"
    except PackDamaged as error:
        failed.append(error)
        return "damaged"
    return "whole"


def _load(name: str, into: Path | None) -> Pack:
    shipped, *rest = default_search()
    return load_pack(name, (shipped, into, *rest) if into else (shipped, *rest))


def _obtain(folder: Path | None, advance: Callable[[int], None]) -> Callable[[Source], bytes]:
    from edge.packs.fetch import obtain  # noqa: PLC0415 - as above

    return lambda source: obtain(source, folder, advance)


def _kept(obtain: Callable[[Source], bytes]) -> Callable[[Source], bytes]:
    """Sources are fetched once, however often they are asked for."""
    have: dict[Source, bytes] = {}

    def ask(source: Source) -> bytes:
        if source not in have:
            have[source] = obtain(source)
        return have[source]

    return ask


def _files(pack: Pack) -> tuple[Part, ...]:
    return (*pack.parts, pack.embedder_float)


def _described(part: Part) -> dict[str, Any]:
    file = str(part.path.relative_to(part.folder))
    return {"role": part.role, "file": file, "sha256": part.sha256, "bytes": part.bytes, "present": part.present}


def _licences(pack: Pack) -> list[str]:
    recipe = pack.recipe
    return sorted({recipe.detector.licence, recipe.landmarks.licence, recipe.embedder.licence})


def _state(pack: Pack) -> str:
    lacking = [part for part in pack.parts if not part.present]
    return f"without {lacking[0].role}: run `{lacking[0].mend}`" if lacking else "ready"
