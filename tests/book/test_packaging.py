"""The package as users install it: complete, light to import, of the book's release."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import d2l_hpo
import make
import pytest
from config import ROOT, load_config

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "d2l_hpo")


def run_python(code: str, folder: Path, path: Path) -> str:
    """Run `code` in a new interpreter in `folder`, `path` before all others; return its output."""
    environment = os.environ | {"PYTHONPATH": str(path)}
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment,
                            capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel built from a copy of the sources, without network and isolation."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index",
                    "--no-build-isolation", "--wheel-dir", folder, source], check=True)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds the installed wheel and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
                    "--target", folder, wheel], check=True)
    return folder


def test_release_is_the_same_everywhere(wheel: Path) -> None:
    release = load_config().release
    assert PROJECT["version"] == release == d2l_hpo.__version__
    assert wheel.name.startswith(f"d2l_hpo-{release}-")


def test_repository_is_the_same_everywhere() -> None:
    assert PROJECT.get("urls", {}).get("Repository", "") == load_config().repository


def test_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    package = ROOT / "d2l_hpo"
    expected = {path.relative_to(ROOT).as_posix() for path in package.rglob("*")
                if path.is_file() and "__pycache__" not in path.parts}
    names = set(zipfile.ZipFile(wheel).namelist())
    assert expected - names == set()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"d2l_hpo"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_installed_package_works_from_another_folder(installed: Path, tmp_path: Path) -> None:
    code = """
import d2l_hpo
print(d2l_hpo.__file__, d2l_hpo.__version__)
names = [d2l_hpo.FashionMNIST, d2l_hpo.HPOTrainer, d2l_hpo.HPOTuner, d2l_hpo.RandomSearcher]
data = d2l_hpo.FashionMNIST()
print(len(data.train_dataloader()) > 0, len(names))
"""
    place, works = run_python(code, tmp_path, installed).strip().split("\n")
    assert place == f"{installed / 'd2l_hpo' / '__init__.py'} {load_config().release}"
    assert works == "True 4"


def test_import_does_not_load_torch(installed: Path, tmp_path: Path) -> None:
    code = "import d2l_hpo, sys; print('torch' in sys.modules, 'd2l_hpo' in sys.modules)"
    assert run_python(code, tmp_path, installed).strip() == "False True"


def requirements() -> dict[str, str]:
    """Return package -> pinned version from requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").split("\n")
    pins = [line for line in lines if line and not line.startswith("#")]
    matches = [re.fullmatch(r"([\w.-]+)==([\w.]+)", pin) for pin in pins]
    assert all(matches), [pin for pin, match in zip(pins, matches, strict=True) if not match]
    return {normalised(match[1]): match[2] for match in matches}


def normalised(name: str) -> str:
    """Return a package's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_requirements_pin_what_the_project_declares() -> None:
    pins = requirements()
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    declared = {normalised(re.match(r"[\w.-]+", item)[0]) for group in groups for item in group}
    declared -= {normalised(PROJECT["name"])}  # an extra that holds others
    without_deps = {pin.split("==")[0] for pin in make.WITHOUT_DEPENDENCIES}
    assert declared == (declared & set(pins)) | (declared & without_deps)
    assert "d2l" in without_deps and not without_deps & set(pins)


def test_settings_hold_nothing_that_is_not_read() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "config.ini", encoding="utf-8")
    assert set(parser.sections()) == {"book", "sections", "extras", "modules", "public"}
    assert set(parser["book"]) == {"title", "authors", "repository", "extras"}
    assert set(load_config().sections.values()) - {None} <= set(load_config().modules)
