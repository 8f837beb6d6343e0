"""Making the files of a pack: obtaining what is published, converting what is not, checking both against the recipe.

Rule 1.  A file is written only when it has the digest that the recipe names. A conversion that gives other bytes is an
         error, not a new version of the pack.
Rule 2.  A damaged file is mended where it lies; a missing one is made in the folder that the caller chose.
Rule 3.  What is there and whole is neither fetched nor made again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.packs.convert.calibration import calibration_samples, measured_ranges
from edge.packs.convert.dlib_anet import read_anet
from edge.packs.convert.equalise import completed, equalised
from edge.packs.convert.lower import float_tflite, int8_tflite
from edge.packs.convert.openvino_ir import read_network
from edge.packs.errors import PackDamaged, PackMissing, SourceInvalid
from edge.packs.recipe import PRECISIONS, FixedPart, ModelFile, Precision, Recipe, Source
from edge.packs.store import write_whole
from edge.packs.verify import read_verified

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from edge.packs.convert.quantise import Range
    from edge.packs.pack import Pack, Part

    Obtain = Callable[[Source], bytes]

DLIB_SOURCES = ("weights",)
OPENVINO_SOURCES = ("float-xml", "float-bin", "int8-xml", "int8-bin")


@dataclass(frozen=True, slots=True)
class Built:
    """One converted file, and whether it is the one that the recipe names."""

    precision: Precision
    file: ModelFile
    sha256: str
    content: bytes

    @property
    def same(self) -> bool:
        """Whether the conversion gave the recipe's bytes."""
        return self.sha256 == self.file.sha256


def convert(recipe: Recipe, sources: Mapping[str, bytes]) -> tuple[Built, ...]:
    """Both precisions of the embedder from the bytes of its sources.

    Raises:
        SourceInvalid: a source cannot be read, or the recipe's ranges do not fit it.
    """
    converter = recipe.embedder.converter
    if converter.kind == "dlib-anet":
        graph = read_anet(*_named(recipe, sources, DLIB_SOURCES))
        contents = (int8_tflite(graph, converter.ranges), float_tflite(graph))
    else:
        float_xml, float_bin, int8_xml, int8_bin = _named(recipe, sources, OPENVINO_SOURCES)
        graph, ranges = equalised(read_network(int8_xml, int8_bin))
        int8 = int8_tflite(graph, completed(graph, ranges, converter.ranges))
        contents = (int8, float_tflite(read_network(float_xml, float_bin).graph))
    files = (recipe.embedder.int8, recipe.embedder.float)
    return tuple(
        Built(precision, file, hashlib.sha256(content).hexdigest(), content)
        for precision, file, content in zip(PRECISIONS, files, contents, strict=True)
    )


def build(pack: Pack, obtain: Obtain) -> tuple[Built, ...]:
    """Obtain the sources of the embedder and convert them; whoever calls looks at `Built.same`."""
    return convert(pack.recipe, {name: obtain(source) for name, source in pack.recipe.embedder.sources.items()})


def complete(pack: Pack, obtain: Obtain, into: Path, *, precisions: tuple[Precision, ...]) -> tuple[Path, ...]:
    """Make whatever of the pack is missing or damaged. The paths that were written.

    Raises:
        SourceUnavailable, SourceInvalid: a source is not to be had, or cannot be read.
        PackDamaged: a conversion gave other bytes than the recipe names, or a folder cannot be written.
    """
    written = []
    fixed: tuple[tuple[Part, FixedPart], ...]
    fixed = ((pack.detector, pack.recipe.detector), (pack.landmarks, pack.recipe.landmarks))
    for part, source in fixed:
        home = _lacking(part, into)
        if home:
            content = obtain(source.source)
            written.append(_install(home, source.file, hashlib.sha256(content).hexdigest(), content))
    homes = {precision: _lacking(pack.embedder_for(precision), into) for precision in precisions}
    if any(homes.values()):
        for built in build(pack, obtain):
            home = homes.get(built.precision)
            if home:
                written.append(_install(home, built.file, built.sha256, built.content))
    return tuple(written)


def install(built: Built, into: Path) -> Path:
    """Write a converted file, if it is the recipe's. Raises `PackDamaged` if not."""
    return _install(into, built.file, built.sha256, built.content)


def recalibrate(pack: Pack, obtain: Obtain, advance: Callable[[int], None]) -> dict[str, Range]:
    """Measure the activation ranges of a pack whose recipe has pictures to measure them on.

    Raises:
        SourceInvalid: the recipe has none: its ranges come from its publisher.
    """
    converter = pack.recipe.embedder.converter
    if converter.kind != "dlib-anet" or not converter.calibration.pictures:
        raise SourceInvalid(
            f"model pack {pack.name!r} is not calibrated here: {converter.calibration.about}",
            hint="leave --recalibrate out",
        )
    graph = read_anet(*(obtain(pack.recipe.embedder.sources[name]) for name in DLIB_SOURCES))
    samples = calibration_samples(converter.calibration, pack.recipe.alignment)
    return measured_ranges(graph, samples, converter.calibration, advance)


def _lacking(part: Part, into: Path) -> Path | None:
    """The folder in which a part has to be made, or None if it is there and whole."""
    try:
        read_verified(part)
    except PackMissing:
        return into
    except PackDamaged:
        return part.folder
    return None


def _install(folder: Path, file: ModelFile, digest: str, content: bytes) -> Path:
    if digest != file.sha256:
        raise PackDamaged(
            f"{file.file} was made, but has another SHA-256 than its recipe's ({digest[:12]}…)",
            hint="recipe and converter are of different versions; reinstall edge-gate",
        )
    return write_whole(folder, file.file, content)


def _named(recipe: Recipe, sources: Mapping[str, bytes], names: tuple[str, ...]) -> tuple[bytes, ...]:
    if set(sources) != set(names):
        raise SourceInvalid(
            f"model pack {recipe.name!r} names the sources {', '.join(sorted(sources))}",
            hint=f"the converter {recipe.embedder.converter.kind} reads {', '.join(names)}",
        )
    return tuple(sources[name] for name in names)
