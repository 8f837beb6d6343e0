"""What is imported is declared, what is declared is locked, and what is locked names hashes and no address."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = ROOT / "firmware_config" / "requirements"
FAMILIES = {
    "dev": ("dev", "demo"),
    "tflite-dev": ("tflite", "dev", "demo"),
    **{extra: (extra,) for extra in ("pi", "jetson", "build", "demo", "bench", "tflite")},
}
DISTRIBUTIONS = {
    "cv2": "opencv-python-headless",
    "skimage": "scikit-image",
    "paho": "paho-mqtt",
    "dlib": "dlib-bin",
    "faiss": "faiss-cpu",
}
"""Where a module is not called like its distribution."""


def declared(*extras: str) -> dict[str, Requirement]:
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}


def locked(family: str) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    text = (LOCKS / f"{family}.txt").read_text(encoding="utf-8")
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE):
        found.setdefault(canonicalize_name(name), []).append(Version(version))
    return found


def vendors() -> dict[str, str]:
    """Module of somebody else -> one file of ours that imports it."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "edge").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                top = name.split(".")[0]
                if top != "edge" and top not in sys.stdlib_module_names:
                    found.setdefault(top, str(path.relative_to(ROOT)))
    return found


@pytest.mark.parametrize("module", sorted(vendors()))
def test_what_is_imported_is_declared(module: str) -> None:
    every = declared(*PROJECT["optional-dependencies"])
    assert canonicalize_name(DISTRIBUTIONS.get(module, module)) in every, f"{vendors()[module]} imports it"


def test_every_extra_of_the_issue_is_there_and_locked() -> None:
    extras = set(PROJECT["optional-dependencies"])
    assert extras == {"pi", "jetson", "tflite", "build", "demo", "bench", "dev"}
    assert {path.stem for path in LOCKS.glob("*.txt")} == set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_lock_names_hashes_and_no_address(family: str) -> None:
    text = re.sub(r"^#.*\n", "", (LOCKS / f"{family}.txt").read_text(encoding="utf-8"))
    assert not re.search(r"https?:|file:|//|--(?!hash)", text)
    for block in re.split(r"\n(?=[A-Za-z])", text):
        name, *hashes = re.sub(r"\\\n", "", block).split("--hash=")
        assert hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", each) for each in hashes), name


@pytest.mark.parametrize("family", FAMILIES)
def test_a_lock_is_what_the_project_asks_for(family: str) -> None:
    found = locked(family)
    for name, requirement in declared(*FAMILIES[family]).items():
        assert name in found, f"{name} is not locked; run `make lock`"
        for version in found[name]:
            assert version in requirement.specifier, f"{name} {version}; run `make lock`"


@pytest.mark.parametrize("family", ["build", "demo", "bench"])
def test_families_that_meet_in_one_environment_agree(family: str) -> None:
    both = locked("dev").keys() & locked(family).keys()
    assert len(both) > 20
    assert {name: locked(family)[name] for name in both} == {name: locked("dev")[name] for name in both}


@pytest.mark.slow
def test_a_wheel_carries_the_models_and_nothing_of_the_tests(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    shipped = {
        path.relative_to(ROOT / "models").as_posix() for path in (ROOT / "models").rglob("*.t*") if path.is_file()
    }
    assert {f"edge/_models/{name}" for name in shipped} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests/", "docs/")) for name in names)
    assert "edge/cli/main.py" in names
