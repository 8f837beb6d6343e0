"""Ranges per channel, where TFLite has only one per tensor.

Intel gives an activation that feeds a depthwise convolution one range per channel; they differ a hundredfold. TFLite
has one scale per activation tensor, and with the widest range for all, small channels would be left with two levels.

Rule 1.  A convolution, a (leaky) rectifier and a depthwise convolution in a row compute the same when channel c of the
         first is divided by f_c > 0 and channel c of the last is multiplied by f_c, because a rectifier commutes with
         positive factors. Weights have a scale per channel, so this costs no precision, and with f_c the relative width
         of channel c one range fits all (cross-layer equalisation: Nagel et al., 2019, arXiv:1906.04721).
Rule 2.  What a leaky rectifier reads follows from the range of what it gives; what a sigmoid reads is cut where an
         8-bit sigmoid stands still. So Intel's ranges suffice, and no calibration face is needed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edge.packs.convert.graph import Conv, DepthwiseConv, Graph, Leaky, Node, Pad, Sigmoid
from edge.packs.convert.openvino_ir import ChannelRange, Network
from edge.packs.convert.quantise import Range, ranged_names
from edge.packs.errors import SourceInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

# The output step of TFLite's 8-bit sigmoid is 1/256; beyond +-6.3 it no longer moves.
SIGMOID_RANGE: Range = (-8.0, 8.0)
# A channel that never moves has width 0; dividing by it would make weights without end.
_LEAST_WIDTH = 1e-4
_LEAST_REACH = 1e-3


def equalised(network: Network) -> tuple[Graph, dict[str, Range]]:
    """The same function with one range per activation. Raises `SourceInvalid` where a range per channel must stay."""
    nodes: dict[str, Node] = {node.name: node for node in network.graph.nodes}
    ranges = dict(network.ranges)
    for node in network.graph.nodes:
        if isinstance(node, DepthwiseConv):
            between = nodes.get(node.source)
            name = between.source if isinstance(between, Pad) else node.source
            if name in ranges and ranges[name].high.size > 1:
                _move(nodes, ranges, name, node.name, network.graph)
    left = [name for name, one in ranges.items() if one.high.size > 1]
    if left:
        raise SourceInvalid(
            f"the ranges per channel of {left[0]!r} cannot be made one", hint="this network needs another converter"
        )
    scalar = {name: (min(0.0, float(one.low[0])), float(one.high[0])) for name, one in ranges.items()}
    return Graph(network.graph.input_shape, tuple(nodes.values())), scalar


def completed(graph: Graph, ranges: Mapping[str, Range], given: Mapping[str, Range]) -> dict[str, Range]:
    """A range for every activation that needs one: `given` first, then `ranges`, then rule 2."""
    full = {}
    for name in ranged_names(graph):
        reader = graph.users(name)[0] if graph.users(name) else None
        if name in given or name in ranges:
            full[name] = given.get(name) or ranges[name]
        elif isinstance(reader, Leaky) and reader.name in ranges:
            full[name] = _before(reader.slope, ranges[reader.name])
        elif isinstance(reader, Sigmoid):
            full[name] = SIGMOID_RANGE
    return full


def _before(slope: float, after: Range) -> Range:
    """What a leaky rectifier can read while it gives `after`."""
    low, high = after
    reach = (high if slope < 0.0 else low) / slope if slope else low
    return min(reach, -_LEAST_REACH), high


def _move(nodes: dict[str, Node], ranges: dict[str, ChannelRange], name: str, reader: str, graph: Graph) -> None:
    """Divide the channels of `name` by their relative widths, and multiply those of `reader`'s weights."""
    rectifier, first = nodes[name], name
    if isinstance(rectifier, Leaky):
        first = rectifier.source
    writer, depthwise, range_ = nodes[first], nodes[reader], ranges[name]
    readers = [user for user in graph.users(name) if not isinstance(user, Pad)]
    alone = len(readers) <= 1 and len(graph.users(first)) == 1
    if not (alone and isinstance(writer, Conv | DepthwiseConv) and isinstance(depthwise, DepthwiseConv)):
        return
    width = np.maximum(np.abs(range_.low), np.abs(range_.high)).astype(np.float64)
    if width.size != writer.bias.size or not width.max() > 0.0:
        return
    factor = np.maximum(width / width.max(), _LEAST_WIDTH)
    nodes[first] = replace(
        writer,
        weights=(writer.weights / factor).astype(np.float32),
        bias=(writer.bias / factor).astype(np.float32),
    )
    nodes[reader] = replace(depthwise, weights=(depthwise.weights * factor).astype(np.float32))
    low = np.array([(range_.low / factor).min()], dtype=np.float32)
    ranges[name] = ChannelRange(low, np.array([(range_.high / factor).max()], dtype=np.float32))
