"""`python -m edge.measure.bench FAMILY`: the rows of one family as JSON; what `registry.run` starts."""

import sys

import msgspec

from edge.measure.bench.registry import measure

sys.stdout.buffer.write(msgspec.json.encode(measure(sys.argv[1])))
