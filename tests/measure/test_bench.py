"""The bench around its figures: rows, turns, families, what is kept, and a vault that the gate accepts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from edge.cli.bench import bench_with
from edge.clock import BootClock
from edge.config.load import load
from edge.errors import ConfigError, ShownOtherwise
from edge.gate.vault import open_vault
from edge.measure.bench import frame, memory, registry, start
from edge.measure.bench.gallery import owners, templates
from edge.measure.bench.keep import keep, share_of_limit
from edge.measure.bench.lane import GATE, SITE, BenchLane
from edge.measure.bench.row import Row, at_most, faster, not_measured, within
from edge.measure.timing import WARM_UP, in_turns

KEYS = ["name", "value", "unit", "against", "ratio", "target", "ok"]


def test_a_row_is_ok_up_to_its_limit_and_not_beyond() -> None:
    assert at_most("a", 1.15, 1.0, 1.15).ok
    assert not at_most("a", 1.16, 1.0, 1.15).ok
    assert faster("b", 1.0, 20.0, 20.0).ok
    assert not faster("b", 1.0, 19.9, 20.0).ok
    assert within("c", 200.0, 200.0, unit="MB").ok
    assert not within("c", 201.0, 200.0, unit="MB").ok


def test_a_row_has_the_keys_that_scripts_rely_on() -> None:
    assert list(msgspec.to_builtins(faster("b", 2.0, 50.0, 20.0))) == KEYS
    assert msgspec.to_builtins(faster("b", 2.0, 50.0, 20.0)) == {
        "name": "b",
        "value": 2.0,
        "unit": "ms",
        "against": 50.0,
        "ratio": 25.0,
        "target": ">= 20",
        "ok": True,
    }


def test_a_row_that_could_not_be_measured_is_there_and_not_ok() -> None:
    said = msgspec.to_builtins(not_measured("d", "no dlib"))
    assert list(said) == [*KEYS, "why"]
    assert (said["value"], said["ok"], said["why"]) == (None, False, "no dlib")


@pytest.mark.parametrize(
    ("row", "share"),
    [(at_most("a", 1.15, 1.0, 1.15), 1.0), (at_most("a", 1.0, 2.0, 1.0), 0.5), (faster("b", 1.0, 40.0, 20.0), 0.5)],
)
def test_the_plot_shows_how_much_of_the_limit_is_used(row: Row, share: float) -> None:
    assert share_of_limit(row) == pytest.approx(share, abs=1e-3)


def test_what_is_compared_runs_forwards_and_backwards() -> None:
    order: list[str] = []
    actions = {name: (lambda name=name: order.append(name)) for name in "ab"}
    in_turns(actions, seconds=0.0, at_least=4)
    assert "".join(order) == "ab" * WARM_UP + "abbaabba"


def test_the_median_is_reported_in_milliseconds_of_the_given_clock() -> None:
    taken = iter([0.001, 0.002, 0.009])

    def ticks() -> Iterator[float]:
        now = 0.0
        for duration in taken:
            yield now
            now += duration
            yield now

    clock = ticks()
    found = in_turns({"a": lambda: None}, seconds=0.0, at_least=3, clock=lambda: next(clock))
    assert found["a"] == pytest.approx(2.0)


def test_a_missing_extra_is_a_row_that_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    (row,) = registry.measure("rival")
    assert not row.ok
    assert row.why.startswith("dlib is not installed")


def test_a_family_whose_process_dies_is_a_row_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    (row,) = registry.run("search")
    assert (row.ok, row.why) == (False, "its process ended with exit status 1 and no rows")


def test_a_family_computes_on_one_thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text(
        '#!/bin/sh\nprintf \'[{"name":"%s","value":1,"unit":"","against":1,"ratio":1,"target":"<= 1","ok":true}]\' '
        '"$OMP_NUM_THREADS$OPENBLAS_NUM_THREADS$5"\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    (row,) = registry.run("search")
    assert row.name == "11"


def test_every_family_has_a_module() -> None:
    folder = Path(registry.__file__).parent
    assert all((folder / f"{family}.py").is_file() for family in registry.FAMILIES)


# The command ------------------------------------------------------------------------------
@pytest.fixture
def invoke(tmp_path: Path) -> Callable[..., Any]:
    """Run the command over given rows; its exit status and what it printed."""

    def run(rows: list[Row], *args: str) -> Any:
        app = typer.Typer()
        app.command()(bench_with(lambda _: rows))
        return CliRunner().invoke(app, ["--only", "search", "--keep", str(tmp_path / "kept"), *args])

    return run


def test_rows_that_are_as_promised_end_well_and_are_kept(invoke: Callable[..., Any], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows = [within("a", 1.0, 2.0), faster("b", 1.0, 40.0, 20.0)]
    ran = invoke(rows, "--json")
    assert ran.exit_code == 0
    assert json.loads(ran.stdout) == msgspec.to_builtins(rows)
    assert json.loads((tmp_path / "kept" / "bench.json").read_bytes()) == msgspec.to_builtins(rows)
    assert (tmp_path / "kept" / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_one_row_that_is_not_is_an_exit_status_and_still_one_document(invoke: Callable[..., Any]) -> None:
    pytest.importorskip("matplotlib")
    ran = invoke([within("a", 1.0, 2.0), within("b", 3.0, 2.0)], "--json")
    assert ran.exit_code == ShownOtherwise.exit_code
    assert [row["ok"] for row in json.loads(ran.stdout)] == [True, False]


def test_a_person_reads_which_row_it_was(invoke: Callable[..., Any]) -> None:
    pytest.importorskip("matplotlib")
    ran = invoke([within("fast enough", 1.0, 2.0), not_measured("a rival", "dlib is not installed")])
    assert isinstance(ran.exception, ShownOtherwise)
    assert ran.exception.message == "1 of 2 rows are not as promised: a rival"
    assert "dlib is not installed" in ran.stdout


def test_a_bench_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no bench 'nope'"):
        registry.chosen("nope")


def test_rows_without_a_figure_make_no_plot_of_nothing(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    keep([not_measured("a", "b")], tmp_path)
    assert (tmp_path / "bench.png").exists()


# The lane that is measured ------------------------------------------------------------------
def test_a_vault_written_in_one_go_is_one_that_the_gate_verifies() -> None:
    clock, known = BootClock(), templates(700, 128)
    with BenchLane(clock) as lane:
        lane.enrol(known, "ab" * 32)
        issuers = load(lane.config).site.issuers
        vault = open_vault(lane.folder / "state" / "vault", site=SITE, gate=GATE, issuers=issuers, clock=clock)
        matrix, held = vault.matrix("ab" * 32)
        np.testing.assert_array_equal(matrix, known)
        assert len({owner.subject for owner in held}) == -(-700 // 3)
        assert {owner.consent for owner in held} == vault.live(clock.wall())
        vault.close()
        folder = lane.folder
    assert not folder.exists()


def test_made_up_templates_are_as_the_quantiser_makes_them() -> None:
    matrix = templates(10_100, 16)
    assert (np.abs(matrix).max(axis=1) == 127).all()
    assert [owner.subject for owner in owners(4)] == [owner.subject for owner in [*[owners(4)[0]] * 3, owners(4)[3]]]


@pytest.mark.slow
def test_the_rows_about_a_running_gate_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")  # the resident's picture is in its wheel
    pytest.importorskip("skimage")
    monkeypatch.setattr(memory, "QUIET_S", 1)
    found = frame.rows(rounds=2) + start.rows(references=900, turns=1)
    assert all(row.ratio is not None for row in found)
