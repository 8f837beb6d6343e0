"""The recipe gives the same files again, and mends what is broken; nothing else is ever written."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.packs import Pack, find_pack, load_pack
from edge.packs.build import build, complete, convert, install, recalibrate
from edge.packs.convert.calibration import calibration_samples
from edge.packs.errors import PackDamaged, SourceInvalid
from edge.packs.fetch import obtain
from edge.packs.recipe import Source
from edge.packs.verify import read_verified
from tests.packs.conftest import Run
from tests.packs.synthetic import dlib_stream


def from_folder(folder: Path) -> Callable[[Source], bytes]:
    return lambda source: obtain(source, folder, lambda _: None)


def refuse(source: Source) -> bytes:
    raise AssertionError(f"asked for {source}")


def unit(row: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(row / np.linalg.norm(row))


@pytest.fixture(scope="module")
def dlib_folder() -> Path:
    found = find_spec("face_recognition_models")  # not imported: it asks for pkg_resources, which setuptools dropped
    if found is None or found.origin is None:
        pytest.skip("needs face_recognition_models (extra `bench`)")
    return Path(found.origin).parent


@pytest.fixture(scope="module")
def intel_folder(shared_models: Path) -> Path:
    return shared_models / "intel-0095"


def test_the_default_embedder_comes_out_byte_for_byte(dlib_folder: Path) -> None:
    pack = find_pack("dlib-resnet")
    built = build(pack, from_folder(dlib_folder))
    assert [(one.precision, one.same) for one in built] == [("int8", True), ("float", True)]
    assert built[0].content == read_verified(pack.embedder)


@pytest.mark.slow
def test_the_recipes_ranges_are_what_its_calibration_measures(dlib_folder: Path) -> None:
    for package in ("matplotlib", "skimage"):
        pytest.importorskip(package, reason=f"needs {package} (extra `build`)")
    pack = find_pack("dlib-resnet")
    measured = recalibrate(pack, from_folder(dlib_folder), lambda _: None)
    written = pack.recipe.embedder.converter.ranges
    assert measured.keys() == written.keys()
    for name, pair in written.items():
        # Another processor may round the third digit differently; the file is made from what is written.
        assert measured[name] == pytest.approx(pair, rel=0.01)


def test_intels_embedder_comes_out_byte_for_byte(intel_folder: Path) -> None:
    built = build(find_pack("intel-0095"), from_folder(intel_folder))
    assert [(one.precision, one.same) for one in built] == [("int8", True), ("float", True)]


def test_intels_int8_stays_close_to_float_and_knows_two_people(intel_folder: Path, litert: Run) -> None:
    for package in ("matplotlib", "skimage"):
        pytest.importorskip(package, reason=f"needs {package} (extra `build`)")
    pack = find_pack("intel-0095")
    pictures = find_pack("dlib-resnet").recipe.embedder.converter.calibration
    faces = [face[..., ::-1] for face in calibration_samples(pictures, pack.recipe.alignment).faces]
    int8, float_ = build(pack, from_folder(intel_folder))
    chosen = [faces[at] for at in (0, 7, 51, 58)]
    a, b = (np.stack([unit(litert(one.content, face)) for face in chosen]) for one in (int8, float_))
    assert a.shape == (4, 256)
    assert (a * b).sum(axis=1).min() > 0.9
    threshold = pack.thresholds[int8.sha256][1e-4]
    assert min(a[0] @ a[1], a[2] @ a[3]) > threshold > max(a[0] @ a[2], a[1] @ a[3])


def test_get_makes_what_is_missing_in_the_folder_that_was_chosen(
    models: Path, tmp_path: Path, intel_folder: Path
) -> None:
    pack = load_pack("intel-0095", [models, tmp_path / "made"])
    written = complete(pack, from_folder(intel_folder), tmp_path / "made", precisions=("int8",))
    assert written == (tmp_path / "made/intel-0095/embedder-int8.tflite",)
    assert len(read_verified(pack.embedder)) == pack.embedder.bytes
    assert not pack.embedder_float.present
    assert complete(pack, refuse, tmp_path / "made", precisions=("int8",)) == ()


def test_get_mends_a_damaged_file_where_it_lies(models: Path, tmp_path: Path) -> None:
    pack = load_pack("dlib-resnet", [models, tmp_path / "made"])
    whole = pack.detector.path.read_bytes()
    pack.detector.path.write_bytes(whole[:-1] + b"?")
    written = complete(pack, lambda _: whole, tmp_path / "made", precisions=("int8",))
    assert written == (pack.detector.path,)
    assert read_verified(pack.detector) == whole
    assert not (tmp_path / "made").exists()


def test_bytes_that_the_recipe_does_not_name_are_never_written(models: Path, tmp_path: Path) -> None:
    pack = load_pack("dlib-resnet", [models])
    pack.landmarks.path.unlink()
    with pytest.raises(PackDamaged, match="another SHA-256"):
        complete(pack, lambda _: b"something else", models, precisions=("int8",))
    assert not pack.landmarks.path.exists()


def small_pack(models: Path) -> Pack:
    """The default recipe without its ranges, for the small network of `synthetic`."""
    text = (models / "dlib-resnet.toml").read_text(encoding="utf-8")
    start, end = text.index("# What `models build"), text.index("# Comparison scores")
    (models / "dlib-resnet.toml").write_text(text[:start] + text[end:], encoding="utf-8")
    return load_pack("dlib-resnet", [models])


def test_a_recipe_whose_ranges_do_not_fit_its_source_is_refused(models: Path) -> None:
    with pytest.raises(SourceInvalid, match="no range"):
        convert(small_pack(models).recipe, {"weights": dlib_stream()})


def test_another_network_of_the_same_shape_is_built_but_not_installed(models: Path, tmp_path: Path) -> None:
    pack = load_pack("dlib-resnet", [models])
    built = convert(pack.recipe, {"weights": dlib_stream()})
    assert not any(one.same for one in built)
    with pytest.raises(PackDamaged, match="another SHA-256"):
        install(built[0], tmp_path)
    assert not list(tmp_path.glob("dlib-resnet/*"))


def test_sources_under_other_names_are_refused(models: Path) -> None:
    recipe = load_pack("dlib-resnet", [models]).recipe
    with pytest.raises(SourceInvalid, match="names the sources other"):
        convert(recipe, {"other": b""})
    embedder = msgspec.structs.replace(recipe.embedder, sources={})
    with pytest.raises(SourceInvalid):
        convert(msgspec.structs.replace(recipe, embedder=embedder), {})


def test_a_pack_whose_ranges_are_its_publishers_is_not_calibrated(models: Path) -> None:
    with pytest.raises(SourceInvalid, match="not calibrated here"):
        recalibrate(load_pack("intel-0095", [models]), refuse, lambda _: None)
