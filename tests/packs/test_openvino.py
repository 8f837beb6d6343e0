"""An IR network is read completely, or not at all; making its ranges per channel one changes nothing it computes."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.packs.convert.equalise import SIGMOID_RANGE, completed, equalised
from edge.packs.convert.graph import DepthwiseConv, Pad, shapes
from edge.packs.convert.observe import observe
from edge.packs.convert.openvino_ir import MAX_XML_BYTES, read_network
from edge.packs.convert.quantise import ranged_names
from edge.packs.errors import SourceInvalid
from tests.packs.synthetic import Ir, channelwise, scalar, small_ir

XML, WEIGHTS = small_ir()
PICTURE = np.random.default_rng(2).integers(0, 256, (16, 16, 3)).astype("f4")


def test_a_small_network_is_read() -> None:
    network = read_network(XML, WEIGHTS)
    assert network.graph.input_shape == (16, 16, 3)
    assert shapes(network.graph)[network.graph.output] == (1, 1, 6)
    assert sum(one.high.size > 1 for one in network.ranges.values()) == 1


def test_channels_come_last_and_padding_is_zero_after_the_scaling() -> None:
    """First layers, written out with plain loops over OpenVINO's own order of axes."""
    graph = read_network(XML, WEIGHTS).graph
    random = np.random.default_rng(1)
    weights = (random.normal(size=(4, 3, 3, 3)) / np.sqrt(27)).astype("f4")
    bias = random.normal(size=4).astype("f4")
    factor, summand = np.array([0.01, 0.012, 0.014]), np.array([-1.2, -1.4, -1.6])
    scaled = np.pad(PICTURE * factor + summand, ((1, 1), (1, 1), (0, 0))).transpose(2, 0, 1)
    expected = [
        [
            [(weights[o] * scaled[:, 2 * y : 2 * y + 3, 2 * x : 2 * x + 3]).sum() + bias[o] for o in range(4)]
            for x in (0, 7)
        ]
        for y in (0, 7)
    ]
    seen = observe(graph, PICTURE)
    name = next(node.name for node in graph.nodes if node.name.startswith("conv"))
    assert seen[name][np.ix_([0, 7], [0, 7])] == pytest.approx(np.array(expected), abs=1e-4)
    assert any(isinstance(node, Pad) for node in graph.nodes)


def test_equalising_changes_no_result_and_leaves_one_range_each() -> None:
    network = read_network(XML, WEIGHTS)
    graph, ranges = equalised(network)
    before = observe(network.graph, PICTURE)[network.graph.output]
    after = observe(graph, PICTURE)[graph.output]
    assert after == pytest.approx(before, rel=1e-4, abs=1e-4)
    assert all(low <= 0.0 < high for low, high in ranges.values())
    moved = next(node for node in network.graph.nodes if isinstance(node, DepthwiseConv) and "depthwise" in node.name)
    assert ranges[moved.source] == pytest.approx((-10.0, 10.0))


def test_a_channel_that_never_moves_does_not_make_weights_without_end() -> None:
    weights = WEIGHTS
    for sign in (-1.0, 1.0):
        wide, still = (np.array([least, 0.5, 5.0, 10.0], dtype="f4") * np.float32(sign) for least in (0.05, 0.0))
        assert wide.tobytes() in weights
        weights = weights.replace(wide.tobytes(), still.tobytes())
    network = read_network(XML, weights)
    graph, _ = equalised(network)
    assert all(np.abs(node.weights).max() < 1e6 for node in graph.nodes if hasattr(node, "weights"))


def test_every_activation_gets_a_range_without_any_calibration_face() -> None:
    network = read_network(XML, WEIGHTS)
    graph, ranges = equalised(network)
    full = completed(graph, ranges, {graph.output: (-3.0, 3.0)})
    assert set(full) == set(ranged_names(graph))
    assert SIGMOID_RANGE in full.values()
    leaky = next(node for node in graph.nodes if node.name.startswith("prelu"))
    assert full[leaky.name] == pytest.approx((-10.0, 10.0))
    assert full[leaky.source] == pytest.approx((-10.0 / 2.5, 10.0))


def test_ranges_per_channel_that_cannot_move_are_refused() -> None:
    ir = Ir()
    x = ir.layer("Parameter", 'shape="1,3,4,4" element_type="f32"')
    x = ir.conv(x, np.ones((2, 3, 1, 1), dtype="f4"), np.zeros(2, dtype="f4"))
    x = ir.ranged(x, channelwise([-1.0, -2.0]), channelwise([1.0, 2.0]))
    x = ir.conv(x, np.ones((2, 2, 1, 1), dtype="f4"), np.zeros(2, dtype="f4"))
    ir.layer("Result", "", x)
    with pytest.raises(SourceInvalid, match="per channel"):
        equalised(read_network(*ir.files()))


@given(st.integers(0, len(WEIGHTS) - 1))
def test_truncated_weights_are_refused(length: int) -> None:
    with pytest.raises(SourceInvalid, match="do not lie in the weights"):
        read_network(XML, WEIGHTS[:length])


@given(st.integers(0, len(XML) - 1))
def test_a_truncated_graph_is_refused(length: int) -> None:
    with pytest.raises(SourceInvalid):
        read_network(XML[:length], WEIGHTS)


@given(st.data())
def test_a_network_with_one_character_changed_is_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray(XML)
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(32, 126))
    with suppress(SourceInvalid):
        shapes(read_network(bytes(raw), WEIGHTS).graph)


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        (b"<net>", b"<!DOCTYPE net [<!ENTITY a 'aaaa'>]><net>", "document type"),
        (b'type="PReLU"', b'type="Einsum"', "Einsum"),
        (b'strides="2,2"', b'strides="2,1"', "strides"),
        (b'strides="2,2"', b'strides="99999,2"', "99999"),
        (b'dilations="1,1"', b'dilations="2,2"', "dilations"),
        (b'auto_pad="explicit"', b'auto_pad="same_upper"', "padding"),
        (b'levels="256"', b'levels="255"', "256 levels"),
        (b'shape="1,3,16,16"', b'shape="2,3,16,16"', "one picture"),
        (b'shape="1,3,16,16"', b'shape="1,3,8000,8000"', "output would be"),
        (b'kernel="8,8"', b'kernel="4,4"', "part of the picture"),
        (b'shape="1,3,1,1" element_type="f32"', b'shape="1,3,1,1" element_type="f64"', "f64"),
        (b'offset="0"', b'offset="-1"', "-1"),
        (b'offset="0"', b'offset="99999999"', "99999999"),
        (b'from-layer="0" from-port="0" to-layer="2"', b'from-layer="2" from-port="0" to-layer="2"', "reads itself"),
        (b'from-layer="0" from-port="0" to-layer="2"', b'from-layer="999" from-port="0" to-layer="2"', "not there"),
    ],
)
def test_what_we_do_not_know_stops_the_reading(written: bytes, instead: bytes, said: str) -> None:
    assert written in XML
    with pytest.raises(SourceInvalid, match=said):
        read_network(XML.replace(written, instead, 1), WEIGHTS)


def test_a_graph_without_bounds_is_refused() -> None:
    with pytest.raises(SourceInvalid, match="bytes long"):
        read_network(XML + b" " * MAX_XML_BYTES, WEIGHTS)


def test_a_weight_that_is_not_finite_is_refused() -> None:
    raw = bytearray(WEIGHTS)
    raw[-4:] = np.array([np.inf], dtype="<f4").tobytes()
    with pytest.raises(SourceInvalid, match="not finite"):
        read_network(XML, bytes(raw))


def test_two_ranges_that_differ_at_both_ends_are_refused() -> None:
    ir = Ir()
    x = ir.layer("Parameter", 'shape="1,3,4,4" element_type="f32"')
    bounds = [ir.constant(scalar(value)) for value in (-1.0, 1.0, -2.0, 2.0)]
    ir.layer("Result", "", ir.layer("FakeQuantize", 'levels="256"', x, *bounds))
    with pytest.raises(SourceInvalid, match="same range"):
        read_network(*ir.files())
