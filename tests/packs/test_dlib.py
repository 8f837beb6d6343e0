"""dlib's network is read completely, or not at all; and what was read computes what dlib computes."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.packs.convert.dlib_anet import read_anet
from edge.packs.convert.graph import Conv, shapes
from edge.packs.convert.observe import observe
from edge.packs.errors import SourceInvalid
from tests.packs.synthetic import MEAN, alias, dlib_stream, integer, real, text

STREAM = dlib_stream()


def test_a_network_of_dlibs_shape_is_read() -> None:
    graph = read_anet(STREAM)
    assert graph.input_shape == (150, 150, 3)
    assert sum(isinstance(node, Conv) for node in graph.nodes) == 30  # 29, and the fully connected layer
    assert shapes(graph)[graph.output] == (1, 1, 5)


def test_mean_colour_and_affine_layers_are_folded_exactly() -> None:
    """The first convolution, written out with plain numpy from the numbers in the stream."""
    graph = read_anet(STREAM)
    random = np.random.default_rng(1)
    weights = random.normal(0.0, 0.4, 2 * 3 * 7 * 7).astype("f4").reshape(2, 3, 7, 7)
    bias = random.normal(size=2).astype("f4")
    factor, summand = random.uniform(0.5, 1.5, (2, 2)).astype("f4")
    picture = np.random.default_rng(5).integers(0, 256, (150, 150, 3)).astype("f4")
    window = (picture[:7, :7].astype("f8") - MEAN) / 256.0
    expected = (np.einsum("hwc,ochw->o", window, weights) + bias) * factor + summand
    assert observe(graph, picture)["conv-1"][0, 0] == pytest.approx(expected, abs=1e-4)


@given(st.integers(0, len(STREAM) - 1))
def test_a_truncated_network_is_refused(length: int) -> None:
    with pytest.raises(SourceInvalid, match="byte"):
        read_anet(STREAM[:length])


@given(st.data())
def test_a_network_with_one_byte_changed_is_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray(STREAM)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(SourceInvalid):
        shapes(read_anet(bytes(raw)))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(SourceInvalid):
        read_anet(raw)


def test_nothing_may_follow_the_network() -> None:
    with pytest.raises(SourceInvalid, match="1 bytes follow"):
        read_anet(STREAM + b"\0")


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        (text("loss_metric_2"), text("loss_metric_3"), "loss_metric_3"),
        (text("con_4"), text("con_9"), "con_9"),
        (text("relu_"), text("tanh_"), "tanh_"),
        (text("input_rgb_image_sized"), text("input_rgb_image_pyramid"), "input_rgb_image_pyramid"),
        (alias(2, 3, 7, 7), alias(2, 3, 7, 6), "do not fit"),
        (alias(2, 3, 7, 7), alias(2, 3, 8192, 8192), "too large"),
        (real(0.04), integer(0) + integer(32_000), "not finite"),
        (integer(2) + integer(1) * 3 + integer(296), integer(2) + integer(1) * 3 + integer(1 << 40), "out of 0"),
        (b"101", b"1x1", "no flag"),
        (b"101", b"10\xff", "no flag"),
    ],
)
def test_what_we_do_not_know_stops_the_reading(written: bytes, instead: bytes, said: str) -> None:
    assert written in STREAM
    with pytest.raises(SourceInvalid, match=said):
        read_anet(STREAM.replace(written, instead, 1))


def test_a_weight_that_is_not_finite_is_refused() -> None:
    first = np.random.default_rng(1).normal(0.0, 0.4, 1).astype("<f4").tobytes()
    assert first in STREAM
    with pytest.raises(SourceInvalid, match="not finite"):
        read_anet(STREAM.replace(first, np.array([np.nan], dtype="<f4").tobytes(), 1))


@pytest.fixture(scope="module")
def package() -> Path:
    found = find_spec("face_recognition_models")  # not imported: it asks for pkg_resources, which setuptools dropped
    if found is None or found.origin is None:
        pytest.skip("needs face_recognition_models (extra `bench`)")
    return Path(found.origin).parent / "models"


def test_the_graph_computes_what_dlib_computes(package: Path) -> None:
    """Rebuilt network against dlib's own code on chips that are no face, dark, bright and noisy."""
    dlib = pytest.importorskip("dlib", reason="needs dlib-bin (extra `bench`)")
    file = package / "dlib_face_recognition_resnet_model_v1.dat"
    graph, network = read_anet(file.read_bytes()), dlib.face_recognition_model_v1(str(file))
    random = np.random.default_rng(3)
    noise = random.integers(0, 256, (150, 150, 3), dtype=np.uint8)
    ramp = np.broadcast_to(np.arange(150, dtype=np.uint8)[:, None, None], (150, 150, 3)).copy()
    for chip in (noise, ramp, np.zeros_like(noise), np.full_like(noise, 255)):
        ours = observe(graph, chip.astype(np.float32))[graph.output].ravel()
        theirs = np.array(network.compute_face_descriptor(chip))
        cosine = ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs)
        assert cosine > 0.999999
        assert np.abs(ours - theirs).max() < 1e-5
