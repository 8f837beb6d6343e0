"""Every claim names a command that exists: a test that is there, a target of make, a command that takes its options.

The commands themselves are run by CI (tests) or by hand (benches, evaluations); this test keeps the table from rotting.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| (?P<claim>[^|]+) \| `(?P<command>[^`]+)` \|")


def claims() -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    return [(m["claim"].strip(), m["command"]) for line in text.splitlines() if (m := ROW.match(line))]


def test_there_are_claims() -> None:
    assert len(claims()) > 10


@pytest.mark.parametrize(("claim", "command"), claims(), ids=lambda text: str(text)[:60])
def test_the_command_behind_a_claim_exists(claim: str, command: str) -> None:
    words = shlex.split(command)
    match words:
        case ["make", *targets]:
            made = (ROOT / "Makefile").read_text(encoding="utf-8")
            missing = [t for t in targets if "=" not in t and not re.search(rf"^{t}:", made, re.MULTILINE)]
            assert not missing
        case ["pytest", *targets]:
            for target in targets:
                path, _, name = target.partition("::")
                assert (ROOT / path).exists(), path
                if name:
                    assert re.search(rf"^(def|class) {name}\b", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
        case ["edge-gate", *arguments]:
            options = [a for a in arguments if a.startswith("--")]
            command_only = [a for a in arguments if not a.startswith(("-", ".", "/")) and a.isidentifier()][:2]
            shown = _help(command_only) or _help(command_only[:1])
            assert shown, f"edge-gate {' '.join(command_only)} is no command"
            assert all(option in shown for option in options), f"{options} are not all in its help"
        case _:
            pytest.fail(f"no rule to check {command!r}, which stands behind {claim!r}")


def _help(words: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "edge", *words, "--help"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    return done.stdout if done.returncode == 0 else ""
