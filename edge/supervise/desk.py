"""Which processes a gate has, and how its command line starts each of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edge.config.schema import Config
from edge.supervise.child import Spec


def processes(path: Path, config: Config) -> tuple[Spec, ...]:
    """Gate, vision and sync of the configuration at `path`. The gate comes first: the others meet it at its sockets."""

    def spec(name: str, *, essential: bool = False, reads_input: bool = False) -> Spec:
        # -P: a folder `edge` that lies where the operator stands must not be taken for ours.
        python = (sys.executable, "-P", "-m", "edge")
        argv = (*python, name, "--config", str(path.resolve()), "--parent", str(os.getpid()))
        return Spec(name, argv, essential=essential, input=reads_input)

    typed = config.cards.kind == "line" and config.cards.device == "-"
    return (spec("gate", essential=True, reads_input=typed), spec("vision"), spec("sync"))
