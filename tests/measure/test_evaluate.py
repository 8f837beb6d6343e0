"""A folder of colour people through both protocols and through the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from edge.cli.evaluate import evaluate_with
from edge.core.quantise import quantise
from edge.errors import ConfigError, InputError
from edge.gate.match import Gallery
from edge.measure.bench.gallery import owners
from edge.measure.embed import UNREADABLE, Embedded, embed
from edge.measure.evaluate import Run, Subject, subject_of
from edge.measure.folder import read_people
from tests.measure.people import RED, load, make_people, picture, save

SUBJECT = Subject("colours", "ab" * 32, "int8", load)
SHA = "ab" * 32


def quiet(_: int) -> None:
    """No progress."""


def embedded(root: Path, workers: int = 1) -> Embedded:
    return embed(read_people(root), load, workers=workers, progress=quiet)


@pytest.fixture
def invoke() -> Callable[..., Any]:
    """Run the command and return its JSON, or raise what it raises."""
    app = typer.Typer()
    app.command()(evaluate_with(lambda pack, precision: Subject(pack, SHA, precision, load)))

    def run(*args: object, as_json: bool = True) -> Any:
        ran = CliRunner().invoke(app, [str(arg) for arg in args] + ["--json"] * as_json)
        if ran.exception and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout) if as_json else ran.stdout

    return run


def test_failures_are_counted_by_reason_and_files_named(tmp_path: Path) -> None:
    make_people(tmp_path, [3, 2, 1])
    save(tmp_path / "p000" / "dark.png", np.zeros((16, 16, 3), np.uint8))
    red = picture(0, 9)
    red[0, 0] = RED
    save(tmp_path / "p001" / "red.png", red)
    (tmp_path / "p001" / "notes.txt").write_text("not a picture")
    (tmp_path / "p003").mkdir()
    (tmp_path / "p003" / "cut.png").write_bytes((tmp_path / "p000" / "0.png").read_bytes()[:-20])
    found = embedded(tmp_path)
    assert found.failures == {UNREADABLE: 2, "no face": 1, "no embedding": 1}
    assert found.unreadable == ("p001/notes.txt", "p001/red.png", "p003/cut.png")
    assert found.samples.people.tolist() == [0, 0, 0, 1, 1, 2]


def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    make_people(tmp_path, [3] * 12)
    one, two = embedded(tmp_path, 1), embedded(tmp_path, 2)
    np.testing.assert_array_equal(one.samples.embeddings, two.samples.embeddings)
    np.testing.assert_array_equal(one.samples.people, two.samples.people)


def test_scores_are_those_that_a_gate_would_compute(tmp_path: Path) -> None:
    samples = embedded(make_people(tmp_path, [2] * 5)).samples
    probe = load().extract(picture(0, 0)).embedding
    assert probe is not None
    templates = np.array([quantise(vector).vector for vector in samples.embeddings[1:]])
    best = Gallery(templates, owners(len(templates))).search(probe)[0]
    assert best.score == pytest.approx(float((samples.embeddings[1:] @ samples.embeddings[0]).max()), abs=1e-6)
    assert np.abs(samples.embeddings[0] - probe).max() > 1e-4  # it is the template that is compared, not the embedding


def test_every_picture_moves_the_progress_by_one(tmp_path: Path) -> None:
    told: list[int] = []
    embed(read_people(make_people(tmp_path, [2, 3])), load, workers=1, progress=told.append)
    assert told == [1] * 5


def test_a_folder_without_one_face_is_an_error_that_says_why(tmp_path: Path) -> None:
    save(tmp_path / "a" / "dark.png", np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(InputError, match="none of 1 pictures gave an embedding: 1 no face"):
        embedded(tmp_path)


def test_verification_has_the_shape_that_scripts_rely_on(tmp_path: Path, invoke: Callable[..., Any]) -> None:
    make_people(tmp_path, [2] * 20 + [1] * 5, noise=60.0)
    said = invoke(tmp_path, "--pack", "colours", "--precision", "float")
    assert {key: said[key] for key in ("pack", "model_sha256", "precision", "images", "failures")} == {
        "pack": "colours",
        "model_sha256": SHA,
        "precision": "float",
        "images": 45,
        "failures": {},
    }
    assert (said["genuine"], said["impostor"]) == (20, 45 * 44 // 2 - 20)
    assert list(said["tar_at_fmr"]) == ["1e-2", "1e-3", "1e-4", "1e-5"]
    stated = said["tar_at_fmr"]["1e-2"]
    assert set(stated) == {"value", "low", "high"}
    assert stated["low"] <= stated["value"] <= stated["high"]
    assert 0.0 <= said["eer"] < 0.5
    assert said["notes"] == ["5 of 25 people have one image: they are in no genuine pair, and are never enrolled"]


def test_a_rate_beyond_the_data_is_null_with_its_reason(tmp_path: Path, invoke: Callable[..., Any]) -> None:
    said = invoke(make_people(tmp_path, [2] * 20))
    for rate in ("1e-3", "1e-4", "1e-5"):
        missing = said["tar_at_fmr"][rate]
        assert (missing["value"], missing["low"], missing["high"]) == (None, None, None)
        assert missing["why"].startswith("760 impostor pairs cannot show")
        assert said["threshold_at_fmr"][rate] is None


def test_perfect_separation_is_not_certainty(tmp_path: Path, invoke: Callable[..., Any]) -> None:
    said = invoke(make_people(tmp_path, [2] * 20, noise=1.0))["tar_at_fmr"]["1e-2"]
    assert said["value"] == 1.0
    assert said["low"] == pytest.approx(0.832, abs=0.001)


def test_people_with_one_image_each_have_no_tar(tmp_path: Path, invoke: Callable[..., Any]) -> None:
    said = invoke(make_people(tmp_path, [1] * 30))
    assert said["tar_at_fmr"]["1e-2"] == {
        "value": None,
        "low": None,
        "high": None,
        "why": "there are no genuine pairs",
    }
    assert said["eer"] is None


def test_one_person_alone_has_no_impostors(tmp_path: Path, invoke: Callable[..., Any]) -> None:
    said = invoke(make_people(tmp_path, [3]))
    assert said["tar_at_fmr"]["1e-2"]["why"] == "there are no impostor pairs"
    assert (said["genuine"], said["impostor"], said["eer"]) == (3, 0, None)


def test_identification_has_the_shape_that_scripts_rely_on(tmp_path: Path, invoke: Callable[..., Any]) -> None:
    make_people(tmp_path, [3] * 10 + [1] * 310, noise=60.0)
    said = invoke(tmp_path, "--protocol", "identification", "--references", 2, "--gallery", 8)
    assert (said["n"], said["references"], said["mated"], said["non_mated"]) == (8, 2, 8, 316)
    assert list(said["fnir_at_fpir"]) == ["1e-2", "1e-3"]
    assert set(said["fnir_at_fpir"]["1e-2"]) == {"value", "low", "high"}
    assert said["fnir_at_fpir"]["1e-3"]["why"] == "316 non-mated searches cannot show 1e-3; that takes 3000"


def test_a_person_reads_a_table(tmp_path: Path, invoke: Callable[..., Any]) -> None:
    make_people(tmp_path, [2] * 20)
    (tmp_path / "p000" / "broken.jpg").write_bytes(b"no")
    shown = invoke(tmp_path, as_json=False)
    for words in ("TAR", "95 % interval", "not stated", "1 unreadable file", "not readable: p000/broken.jpg"):
        assert words in shown
    shown = invoke(tmp_path, "--protocol", "identification", as_json=False)
    assert "FNIR" in shown


def test_no_output_holds_an_embedding(tmp_path: Path, invoke: Callable[..., Any]) -> None:
    said = invoke(make_people(tmp_path, [2] * 20))

    def longest(value: Any) -> int:
        if isinstance(value, dict):
            return max((longest(inner) for inner in value.values()), default=0)
        return len(value) if isinstance(value, list) else 0

    assert longest(said) <= 1
    run = Run(SUBJECT, read_people(tmp_path), quiet, workers=1)
    assert "array" not in repr(run.verification()) + repr(embedded(tmp_path))


@pytest.mark.parametrize("protocol", ["verification", "identification"])
def test_the_plot_is_a_png(tmp_path: Path, invoke: Callable[..., Any], protocol: str) -> None:
    pytest.importorskip("matplotlib")
    invoke(make_people(tmp_path / "in", [2] * 20, noise=60.0), "--protocol", protocol, "--plot", tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("people", [[1] * 3, [3]])
def test_a_plot_of_almost_nothing_still_is_one(tmp_path: Path, invoke: Callable[..., Any], people: list[int]) -> None:
    pytest.importorskip("matplotlib")
    invoke(make_people(tmp_path / "in", people), "--plot", tmp_path / "out.png")
    assert (tmp_path / "out.png").exists()


def test_a_plot_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path, invoke: Callable[..., Any]) -> None:
    nobody = tmp_path / "nobody"
    with pytest.raises(ConfigError, match="no PNG"):
        invoke(nobody, "--plot", tmp_path / "out.jpg")
    with pytest.raises(ConfigError, match="there is no folder"):
        invoke(nobody, "--plot", tmp_path / "nowhere" / "out.png")


def test_options_of_the_other_protocol_are_refused(tmp_path: Path, invoke: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="mean nothing in 1:1"):
        invoke(make_people(tmp_path, [2, 2]), "--references", 3)


@pytest.mark.slow
def test_sixty_people_through_the_real_models(shared_faces: Path, tmp_path: Path) -> None:
    several = [path for path in sorted((shared_faces / "lfw-dev").iterdir()) if len(list(path.iterdir())) > 1]
    for person in several[:60]:
        (tmp_path / person.name).symlink_to(person)
    result = Run(subject_of("dlib-resnet", "int8"), read_people(tmp_path), quiet).verification().result
    assert result.failures == {}
    assert result.tar_at_fmr["1e-2"].value is not None  # type: ignore[union-attr]
    assert result.tar_at_fmr["1e-2"].value > 0.95  # type: ignore[union-attr]
