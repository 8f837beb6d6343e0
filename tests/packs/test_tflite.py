"""What is written is a TFLite file that computes what the graph computes, and the same file every time."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from edge.packs.convert.dlib_anet import read_anet
from edge.packs.convert.equalise import completed, equalised
from edge.packs.convert.graph import (
    INPUT,
    Add,
    AvgPool,
    Conv,
    DepthwiseConv,
    Graph,
    Leaky,
    MaxPool,
    Mean,
    Mul,
    Node,
    Pad,
    Relu,
    Sigmoid,
    shapes,
)
from edge.packs.convert.lower import float_tflite, int8_tflite
from edge.packs.convert.observe import observe
from edge.packs.convert.openvino_ir import ChannelRange, Network, read_network
from edge.packs.convert.quantise import (
    activation_scales,
    bias_integers,
    fused_activations,
    ranged_names,
    scale_of,
    weight_integers,
)
from edge.packs.errors import SourceInvalid
from tests.packs.conftest import Run
from tests.packs.synthetic import dlib_stream, small_ir

RANDOM = np.random.default_rng(4)
PICTURE = RANDOM.integers(0, 256, (9, 9, 3), dtype=np.uint8)


def weights(*shape: int) -> NDArray[np.float32]:
    return (RANDOM.normal(size=shape) / 20.0).astype(np.float32)


CONV = Conv("conv", INPUT, weights(3, 3, 3, 4), weights(4), same=True)
NETWORKS: dict[str, tuple[Node, ...]] = {
    "conv": (CONV,),
    "strided": (Conv("conv", INPUT, weights(3, 3, 3, 4), weights(4), stride=2),),
    "depthwise": (DepthwiseConv("conv", INPUT, weights(3, 3, 3), weights(3), same=True),),
    "padded": (Pad("pad", INPUT, (1, 1, 0), (1, 2, 1)), Conv("conv", "pad", weights(3, 3, 4, 2), weights(2), 2)),
    "fused": (CONV, Relu("relu", "conv"), Conv("last", "relu", weights(1, 1, 4, 2), weights(2))),
    "unfused": (CONV, Relu("relu", "conv"), Add("add", "relu", "conv")),
    "leaky": (CONV, Leaky("leaky", "conv", 0.25)),
    "steep": (CONV, Leaky("leaky", "conv", 5.0)),
    "negative": (CONV, Leaky("leaky", "conv", -3.0)),
    "residual": (
        CONV,
        Conv("other", "conv", weights(3, 3, 4, 4), weights(4), same=True),
        Add("sum", "other", "conv"),
        Relu("end", "sum"),
    ),
    "pools": (CONV, MaxPool("max", "conv", 3, 2), AvgPool("avg", "max", 2, 2), Mean("mean", "avg")),
    "gated": (CONV, Mean("mean", "conv"), Sigmoid("gate", "mean"), Mul("mul", "conv", "gate")),
}


def ranges(graph: Graph, *pictures: NDArray[np.uint8]) -> dict[str, tuple[float, float]]:
    seen = [observe(graph, picture.astype(np.float32)) for picture in pictures]
    return {
        name: (min(0.0, *(float(s[name].min()) for s in seen)), max(1e-3, *(float(s[name].max()) for s in seen)))
        for name in ranged_names(graph)
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_a_float_file_computes_the_graph(name: str, litert: Run) -> None:
    graph = Graph((9, 9, 3), NETWORKS[name])
    expected = observe(graph, PICTURE.astype(np.float32))[graph.output].ravel()
    assert litert(float_tflite(graph), PICTURE) == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_an_int8_file_is_near_the_graph(name: str, litert: Run) -> None:
    graph = Graph((9, 9, 3), NETWORKS[name])
    expected = observe(graph, PICTURE.astype(np.float32))[graph.output].ravel()
    got = litert(int8_tflite(graph, ranges(graph, PICTURE)), PICTURE)
    # A hundredth of the range: three activations in a row, each rounded to 1/255.
    steep = 5.0 if name in ("steep", "negative") else 1.0
    assert np.abs(got - expected).max() <= steep * 0.015 * max(float(np.ptp(expected)), 1.0)


def test_the_same_network_gives_the_same_bytes() -> None:
    assert float_tflite(read_anet(dlib_stream())) == float_tflite(read_anet(dlib_stream()))
    first, second = (equalised(read_network(*small_ir()))[0] for _ in range(2))
    assert float_tflite(first) == float_tflite(second)
    graph = Graph((9, 9, 3), NETWORKS["residual"])
    assert int8_tflite(graph, ranges(graph, PICTURE)) == int8_tflite(graph, ranges(graph, PICTURE))


def test_a_written_file_is_what_litert_calls_valid() -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs ai-edge-litert")
    graph = Graph((9, 9, 3), NETWORKS["residual"])
    file = int8_tflite(graph, ranges(graph, PICTURE))
    assert schema.Model.ModelBufferHasIdentifier(file, 0)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file))
    (subgraph,) = model.subgraphs
    tensors = {tensor.name.decode(): tensor for tensor in subgraph.tensors}
    assert list(tensors["conv/weights"].shape) == [4, 3, 3, 3]
    assert list(tensors["conv/weights"].quantization.zeroPoint) == [0, 0, 0, 0]
    assert len(tensors["conv/weights"].quantization.scale) == 4
    assert (
        bytes(model.buffers[tensors["conv/bias"].buffer].data)
        == bias_integers(
            CONV.bias, activation_scales(graph, ranges(graph, PICTURE))[INPUT], weight_integers(CONV.weights)[1]
        )
        .astype("<i4")
        .tobytes()
    )
    assert model.buffers[0].data is None
    assert [tensors[name].type for name in ("pixels", "input", "output")] == [3, 9, 0]
    for name in ("conv/weights", "conv/bias", "other/weights", "other/bias"):
        assert file.find(bytes(model.buffers[tensors[name].buffer].data)) % 16 == 0


def test_the_bytes_do_not_depend_on_a_library() -> None:
    """One file, pinned: a change of the writer changes the digest in every recipe, and must be meant."""
    kernel = (np.arange(108, dtype=np.float32) - 54.0).reshape(3, 3, 3, 4) / 540.0
    graph = Graph((9, 9, 3), (Conv("conv", INPUT, kernel, np.arange(4, dtype=np.float32), same=True),))
    digest = hashlib.sha256(int8_tflite(graph, {"conv": (-90.0, 90.0)})).hexdigest()
    assert digest == "f5a13e3ba3235f04f0efbeb918d2c96cc265e2f897b638ca43fe7d42e372f554"


def test_a_dlib_network_survives_being_written(litert: Run) -> None:
    graph = read_anet(dlib_stream())
    picture = RANDOM.integers(0, 256, (150, 150, 3), dtype=np.uint8)
    expected = observe(graph, picture.astype(np.float32))[graph.output].ravel()
    assert litert(float_tflite(graph), picture) == pytest.approx(expected, rel=1e-3, abs=1e-3)
    got = litert(int8_tflite(graph, ranges(graph, picture)), picture)
    assert got @ expected / np.linalg.norm(got) / np.linalg.norm(expected) > 0.95


def test_equalising_keeps_channels_that_one_scale_would_lose(litert: Run) -> None:
    """The reason for `edge.packs.convert.equalise`: channels a thousand times narrower count as much."""
    width = np.array([0.001, 0.01, 0.1, 1.0], dtype=np.float32)
    plain = Graph(
        (9, 9, 3),
        (
            Conv("conv", INPUT, CONV.weights * width, CONV.bias * width, same=True),
            Leaky("leaky", "conv", 1.5),
            DepthwiseConv("last", "leaky", np.ones((9, 9, 4), dtype=np.float32) / (81.0 * width), weights(4)),
        ),
    )
    seen = observe(plain, PICTURE.astype(np.float32))
    low, high = seen["leaky"].min(axis=(0, 1)), seen["leaky"].max(axis=(0, 1))
    expected = seen["last"].ravel()
    output = {"last": (min(0.0, float(expected.min())), float(expected.max()))}

    def error(graph: Graph, scaled: dict[str, tuple[float, float]]) -> float:
        got = litert(int8_tflite(graph, completed(graph, scaled, output)), PICTURE)
        return float(np.abs(got - expected).max())

    with_one_scale = error(plain, {"leaky": (float(low.min()), float(high.max()))})
    after = error(*equalised(Network(plain, {"leaky": ChannelRange(low, high)})))
    assert after < 0.02 * np.ptp(expected) < 0.2 * with_one_scale


def test_ranges_have_to_fit_the_network() -> None:
    graph = Graph((9, 9, 3), NETWORKS["fused"])
    with pytest.raises(SourceInvalid, match="no range for activation 'last'"):
        int8_tflite(graph, {"relu": (0.0, 1.0)})
    with pytest.raises(SourceInvalid, match="unknown activations: conv"):
        int8_tflite(graph, {"relu": (0.0, 1.0), "last": (-1.0, 1.0), "conv": (-1.0, 1.0)})


def test_only_a_rectifier_that_reads_alone_is_fused() -> None:
    assert fused_activations(Graph((9, 9, 3), NETWORKS["fused"])) == {"conv": "relu"}
    assert fused_activations(Graph((9, 9, 3), NETWORKS["unfused"])) == {}


@pytest.mark.parametrize(
    "nodes",
    [
        (),
        (Conv("a", "nobody", weights(1, 1, 3, 2), weights(2)),),
        (CONV, CONV),
        (Conv("a", INPUT, weights(1, 1, 4, 2), weights(2)),),
        (Conv("a", INPUT, weights(1, 1, 3, 2), weights(3)),),
        (Conv("a", INPUT, weights(2, 2, 3, 2), weights(2), same=True),),
        (Conv("a", INPUT, weights(3, 3, 3, 2), weights(2), stride=2, same=True),),
        (DepthwiseConv("a", INPUT, weights(3, 3, 4), weights(4)),),
        (MaxPool("a", INPUT, 10, 1),),
        (AvgPool("a", INPUT, 2, 0),),
        (CONV, Add("a", "conv", INPUT)),
        (CONV, Mul("a", "conv", INPUT)),
        (Pad("a", INPUT, (0, 0, 0), (20_000, 20_000, 0)),),
    ],
)
def test_a_graph_that_does_not_fit_together_is_refused(nodes: tuple[Node, ...]) -> None:
    with pytest.raises(SourceInvalid):
        shapes(Graph((9, 9, 3), nodes))


@given(low=st.floats(-1e4, 0.0), high=st.floats(1e-3, 1e4))
def test_a_scale_reaches_both_ends_and_keeps_zero_exact(low: float, high: float) -> None:
    scale = scale_of(low, high)
    assert -128 <= scale.zero <= 127
    for value in (low, high):
        nearest = min(127, max(-128, round(value / scale.step) + scale.zero))
        assert abs((nearest - scale.zero) * scale.step - value) <= 1.01 * scale.step


@given(arrays(np.float32, (2, 2, 3, 4), elements=st.floats(-100, 100, width=32)))
def test_weights_come_back_within_half_a_step(values: NDArray[np.float32]) -> None:
    integers, scales = weight_integers(values)
    assert integers.dtype == np.int8
    assert np.abs(integers.astype(int)).max() <= 127
    assert (np.abs(integers * scales - values) <= 0.5001 * scales + 1e-30).all()


def test_a_bias_beyond_32_bits_is_cut_not_wrapped() -> None:
    scales = np.array([1e-12], dtype=np.float32)
    assert bias_integers(np.array([1e9], dtype=np.float32), scale_of(0.0, 1.0), scales)[0] == 2**31 - 1


def test_pools_keep_the_scale_of_what_they_read() -> None:
    graph = Graph((9, 9, 3), NETWORKS["pools"])
    scales = activation_scales(graph, {"conv": (-1.0, 1.0), "mean": (-0.5, 0.5)})
    assert scales["max"] == scales["avg"] == scales["conv"] != scales["mean"]
