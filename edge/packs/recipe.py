"""The recipe of a model pack, read as if a stranger had written it.

A recipe (`models/<name>.toml`) names every file of a pack by its digest, says where the file comes from, under which
licence, and how it is used. It is data: nothing in it is run, and nothing in it can choose a place outside the folder
in which the pack lives (`threats.md`, 22).

Rule 1.  A recipe is at most `MAX_RECIPE_BYTES` long, and every text, list and number in it has a limit. A field that we
         do not know is an error: a typing mistake must not switch off a check.
Rule 2.  A file name is relative, has at most three parts, and each part begins with a letter or a digit. So neither
         `..`, nor an absolute path, nor a hidden file can be written down.
Rule 3.  Every file has a size and a SHA-256. What was converted has one too: the converter gives the same bytes on
         every machine.
Rule 4.  A source is either a member of a package of the registry, named by version and archive digest, or an https
         address with a digest. Nothing else.
Rule 5.  A threshold belongs to the digest of one embedder file, never to a pack: int8 and float score differently.

This module is pure. `edge.packs.pack` finds files, `edge.packs.verify` reads them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge.packs.errors import RecipeInvalid

MAX_RECIPE_BYTES = 64 * 1024
MAX_PART_BYTES = 64 * 1024 * 1024
MAX_SOURCE_BYTES = 512 * 1024 * 1024
MAX_SIDE_PX = 1024
MAX_POINTS = 16
MIN_ALIGNMENT_POINTS = 3
MESH_POINTS = 468

_PIECE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}"

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z")]
FileName = Annotated[str, msgspec.Meta(pattern=rf"^{_PIECE}(/{_PIECE}){{0,2}}\Z")]
MemberPath = Annotated[str, msgspec.Meta(pattern=rf"^{_PIECE}(/{_PIECE}){{0,7}}\Z")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
HttpsUrl = Annotated[str, msgspec.Meta(pattern=r"^https://[a-z0-9.-]{1,120}(/[A-Za-z0-9._-]{1,80}){1,12}\Z")]
Version = Annotated[str, msgspec.Meta(pattern=r"^[0-9][0-9A-Za-z.]{0,31}\Z")]
Package = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")]
Licence = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,39}\Z")]
Prose = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
PartBytes = Annotated[int, msgspec.Meta(ge=1, le=MAX_PART_BYTES)]
SourceBytes = Annotated[int, msgspec.Meta(ge=1, le=MAX_SOURCE_BYTES)]
Side = Annotated[int, msgspec.Meta(ge=1, le=MAX_SIDE_PX)]
Length = Annotated[int, msgspec.Meta(ge=1, le=65_536)]
Real = Annotated[float, msgspec.Meta(ge=-65_536.0, le=65_536.0)]
Score = Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)]
Shape = Annotated[tuple[Length, ...], msgspec.Meta(min_length=1, max_length=4)]
Point = tuple[Real, Real]
Points = Annotated[tuple[Point, ...], msgspec.Meta(min_length=MIN_ALIGNMENT_POINTS, max_length=MAX_POINTS)]
MeshIndex = Annotated[int, msgspec.Meta(ge=0, lt=MESH_POINTS)]
Role = Literal["detector", "landmarks", "embedder"]
Precision = Literal["int8", "float"]
Fmr = Literal["1e-2", "1e-3", "1e-4", "1e-5", "1e-6"]

ROLES: tuple[Role, ...] = ("detector", "landmarks", "embedder")
PRECISIONS: tuple[Precision, ...] = ("int8", "float")


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Immutable, and deaf to no misspelt field."""


class Input(_Strict, frozen=True, kw_only=True):
    """The one input tensor [1, height_px, width_px, 3].

    A channel value v in 0..255 enters as the line through     (0, `black`) and (255, `white`), in `dtype`.
    """

    height_px: Side
    width_px: Side
    colour: Literal["rgb", "bgr"]
    dtype: Literal["uint8", "float32"]
    black: Real
    white: Real


class Output(_Strict, frozen=True, kw_only=True):
    """Shapes of the output tensors in the order of the file."""

    shapes: Annotated[tuple[Shape, ...], msgspec.Meta(min_length=1, max_length=4)]
    dtype: Literal["float32"]

    @property
    def dims(self) -> int:
        """Length of the first output's last axis: for an embedder, the dimensions of its templates."""
        return self.shapes[0][-1]


class PackageSource(_Strict, frozen=True, kw_only=True, tag="package", tag_field="kind"):
    """One member of one archive of the package registry."""

    package: Package
    version: Version
    archive: FileName
    sha256: Digest
    bytes: SourceBytes
    member: MemberPath
    member_sha256: Digest


class PublisherSource(_Strict, frozen=True, kw_only=True, tag="publisher", tag_field="kind"):
    """One file at its publisher's address."""

    url: HttpsUrl
    sha256: Digest
    bytes: PartBytes

    @property
    def file(self) -> str:
        """The last part of the address: the name under which `--from DIR` looks for it."""
        return self.url.rsplit("/", 1)[1]


Source = PackageSource | PublisherSource


class ModelFile(_Strict, frozen=True, kw_only=True):
    """One TFLite file: its place under the pack folder, its size and its digest.

    `shipped` files come with edge-gate; the others are made on the user's machine and land in the user's folder.
    """

    file: FileName
    sha256: Digest
    bytes: PartBytes
    shipped: bool


class FixedPart(_Strict, frozen=True, kw_only=True):
    """A part that is used exactly as its publisher made it."""

    file: ModelFile
    licence: Licence
    licence_file: FileName
    source: Source
    input: Input
    output: Output


class Picture(_Strict, frozen=True, kw_only=True):
    """A public-domain picture inside a package, with the seven mesh points of its face in pixels."""

    package: Package
    member: MemberPath
    sha256: Digest
    points_px: Points


class Calibration(_Strict, frozen=True, kw_only=True):
    """What the activation ranges were measured on, in words and, where it is ours, in pictures."""

    about: Prose
    pictures: Annotated[tuple[Picture, ...], msgspec.Meta(max_length=8)] = ()
    capped_from: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    cap_percentile: Annotated[float, msgspec.Meta(gt=50.0, le=100.0)] | None = None


class Converter(_Strict, frozen=True, kw_only=True):
    """How the sources become TFLite files. `ranges` holds the ranges of activations that no source states."""

    kind: Literal["dlib-anet", "openvino-ir"]
    ranges: Annotated[dict[Name, tuple[Real, Real]], msgspec.Meta(max_length=512)] = {}
    calibration: Calibration


class EmbedderPart(_Strict, frozen=True, kw_only=True):
    """The part that makes templates. It comes in two precisions from the same sources."""

    int8: ModelFile
    float: ModelFile
    licence: Licence
    licence_file: FileName
    sources: Annotated[dict[Name, Source], msgspec.Meta(min_length=1, max_length=4)]
    converter: Converter
    input: Input
    float_input: Input
    output: Output


class AlignmentTemplate(_Strict, frozen=True, kw_only=True):
    """Where the mesh points `mesh_indices` lie in the embedder's square input of `size_px`."""

    size_px: Side
    mesh_indices: Annotated[tuple[MeshIndex, ...], msgspec.Meta(min_length=MIN_ALIGNMENT_POINTS, max_length=MAX_POINTS)]
    points_px: Points
    about: Prose


class Recipe(_Strict, frozen=True, kw_only=True):
    """One pack, as written."""

    format: Literal[1]
    name: Name
    version: Version
    title: Prose
    card: FileName
    alignment: AlignmentTemplate
    detector: FixedPart
    landmarks: FixedPart
    embedder: EmbedderPart
    thresholds: Annotated[dict[Digest, dict[Fmr, Score]], msgspec.Meta(max_length=8)] = {}


def parse_recipe(raw: bytes, *, name: str) -> Recipe:
    """Read the recipe of the pack `name`. Raises `RecipeInvalid`, which says where the first mistake is.

    Args:
        raw: the whole file; more than `MAX_RECIPE_BYTES` is refused unread.
        name: the name under which the recipe was found; the recipe must carry the same one.
    """
    if len(raw) > MAX_RECIPE_BYTES:
        raise _invalid(name, f"it is {len(raw)} bytes long, at most {MAX_RECIPE_BYTES} are allowed")
    try:
        recipe = msgspec.toml.decode(raw, type=Recipe)
    except RecursionError:  # "[" ten thousand times (threats.md, 21)
        raise _invalid(name, "it is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _invalid(name, str(error)) from None
    for mistake in _contradictions(recipe, name):
        raise _invalid(name, mistake)
    return recipe


def _contradictions(recipe: Recipe, name: str) -> list[str]:
    """What the types alone cannot see."""
    said = []
    alignment, embedder = recipe.alignment, recipe.embedder
    if recipe.name != name:
        said.append(f"it calls itself {recipe.name!r}")
    if len(alignment.points_px) != len(alignment.mesh_indices):
        said.append("alignment.points_px and alignment.mesh_indices differ in length")
    if len(set(alignment.mesh_indices)) != len(alignment.mesh_indices):
        said.append("alignment.mesh_indices names a point twice")
    if any(not 0 <= value < alignment.size_px for point in alignment.points_px for value in point):
        said.append("alignment.points_px leaves the embedder's input")
    for which, tensor in (("input", embedder.input), ("float_input", embedder.float_input)):
        if not alignment.size_px == tensor.height_px == tensor.width_px:
            said.append(f"embedder.{which} is not a square of alignment.size_px")
    if embedder.int8.sha256 == embedder.float.sha256:
        said.append("embedder.int8 and embedder.float are the same file")
    said.extend(
        f"converter.ranges.{key} is not a range"
        for key, (low, high) in embedder.converter.ranges.items()
        if not low <= 0.0 < high
    )
    known = {embedder.int8.sha256, embedder.float.sha256}
    said.extend(f"thresholds belong to an unknown file {digest[:12]}…" for digest in recipe.thresholds.keys() - known)
    return said


def _invalid(name: str, why: str) -> RecipeInvalid:
    return RecipeInvalid(
        f"the recipe of model pack {name!r} is not valid: {why}",
        hint="`docs/packs.md` describes the format; reinstall edge-gate to get its own recipes back",
    )
