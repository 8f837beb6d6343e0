"""A pack that was found: its recipe, and the place of each of its files.

Finding is apart from reading: `load_pack` opens the recipe only, so that `edge-gate models list` can speak of packs
whose files are not there; `edge.packs.verify.read_verified` reads a part.

Recipes and shipped files lie in the folder `models/` of a checkout, which a wheel carries as `edge/_models`. Files that
are made or fetched on this machine lie in the user's data folder, or in `/var/lib/edge-gate/models` where a service
finds them. The folders are searched in this order, so that no file of a user can stand in for a shipped recipe; and
whatever is found has to have the recipe's digest.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge.packs.errors import PackUnknown, RecipeInvalid
from edge.packs.recipe import MAX_RECIPE_BYTES, Input, ModelFile, Output, Precision, Recipe, Role, parse_recipe
from edge.packs.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

SERVICE_FOLDER = Path("/var/lib/edge-gate/models")


@dataclass(frozen=True, slots=True)
class Part:
    """One model file of a pack, and how to use it. `folder` is the search folder in which `path` lies or belongs."""

    pack: str
    role: Role
    folder: Path
    path: Path
    sha256: str
    bytes: int
    input: Input
    output: Output
    mend: str
    """The command that makes the file, or makes it whole again."""

    @property
    def present(self) -> bool:
        """Whether something lies at `path`; only `read_verified` knows whether it is the right thing."""
        return self.path.is_file()


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where the mesh points lie in the embedder's input: float64 [n, 2], pixels, pixel centres at whole numbers."""

    size_px: int
    mesh_indices: tuple[int, ...]
    points: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pack:
    """One recipe, and where its parts lie."""

    name: str
    recipe: Recipe
    detector: Part
    landmarks: Part
    embedder: Part
    embedder_float: Part
    alignment: Alignment
    thresholds: Mapping[str, Mapping[float, float]]

    def embedder_for(self, precision: Precision) -> Part:
        """The embedder in `precision`; the templates of the two are of different models."""
        return self.embedder if precision == "int8" else self.embedder_float

    @property
    def parts(self) -> tuple[Part, ...]:
        """What a gate needs: detector, landmarks, int8 embedder."""
        return (self.detector, self.landmarks, self.embedder)


def load_pack(name: str, search: Sequence[Path] | None = None) -> Pack:
    """The pack `name`, its recipe from the first folder of `search` that has one, each file likewise.

    Raises:
        PackUnknown: no folder has such a recipe.
        RecipeInvalid: the recipe breaks a rule of `edge.packs.recipe`.
    """
    folders = default_search() if search is None else tuple(search)
    for folder in folders:
        path = folder / f"{name}.toml"
        if "/" in name or not path.is_file():
            continue
        try:
            raw = read_regular(path, limit_bytes=MAX_RECIPE_BYTES)
        except OSError as error:
            raise RecipeInvalid(f"{path} cannot be read: {error.strerror}", hint="it has to be a plain file") from None
        return _bind(parse_recipe(raw, name=name), folders)
    known = ", ".join(known_packs(folders)) or "none"
    raise PackUnknown(f"there is no model pack {name!r}", hint=f"known packs: {known}; see `edge-gate models list`")


def find_pack(name: str) -> Pack:
    """`load_pack` in the folders in which an installation keeps its models."""
    return load_pack(name, default_search())


def known_packs(search: Sequence[Path]) -> tuple[str, ...]:
    """The names of all recipes in `search`, sorted."""
    return tuple(sorted({path.stem for folder in search for path in folder.glob("*.toml")}))


def default_search() -> tuple[Path, ...]:
    """Shipped models first, then what this machine made: see the top of this module."""
    return (shipped_folder(), user_folder(), SERVICE_FOLDER)


def shipped_folder() -> Path:
    """`models/` of the checkout, or `edge/_models` of the wheel."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_models"
    return installed if installed.is_dir() else package.parent / "models"


def user_folder() -> Path:
    """Where `models get` and `models build` put what is not shipped, unless told otherwise."""
    base = os.environ.get("XDG_DATA_HOME", "")
    # The XDG specification: a relative value is to be ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "share") / "edge-gate" / "models"


def _bind(recipe: Recipe, folders: Sequence[Path]) -> Pack:
    import numpy as np  # noqa: PLC0415 - its import starts threads, and the sandbox, which asks for folders, comes first

    def part(role: Role, file: ModelFile, tensor: Input, output: Output, option: str = "") -> Part:
        folder, mend = next(_homes(file, folders)), f"edge-gate models get {recipe.name}{option}"
        return Part(recipe.name, role, folder, folder / file.file, file.sha256, file.bytes, tensor, output, mend)

    embedder = recipe.embedder
    return Pack(
        name=recipe.name,
        recipe=recipe,
        detector=part("detector", recipe.detector.file, recipe.detector.input, recipe.detector.output),
        landmarks=part("landmarks", recipe.landmarks.file, recipe.landmarks.input, recipe.landmarks.output),
        embedder=part("embedder", embedder.int8, embedder.input, embedder.output),
        embedder_float=part("embedder", embedder.float, embedder.float_input, embedder.output, " --float"),
        alignment=Alignment(
            recipe.alignment.size_px,
            recipe.alignment.mesh_indices,
            np.array(recipe.alignment.points_px, dtype=np.float64),
        ),
        thresholds={
            digest: {float(fmr): score for fmr, score in table.items()} for digest, table in recipe.thresholds.items()
        },
    )


def _homes(file: ModelFile, folders: Sequence[Path]) -> Iterator[Path]:
    """Folders that have the file, then the one in which it belongs: the first if it is shipped, else the second."""
    yield from (folder for folder in folders if (folder / file.file).is_file())
    yield folders[0] if file.shipped or len(folders) == 1 else folders[1]
