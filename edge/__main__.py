"""`python -m edge` is `edge-gate`: the supervisor starts its processes this way, whatever is first in PATH."""

from edge.cli.main import main

main()
