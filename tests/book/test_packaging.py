"""The package as users install it: complete, light to import, of the book's release."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import d2l_hpo
import make
import pytest
from config import ROOT, load_config

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / PROJECT["readme"]).read_text(encoding="utf-8")
STUDIES = "d2l_hpo/data/studies/"
LARGEST = 6_000_000  # bytes of a wheel


def run_python(code: str, folder: Path, path: Path) -> str:
    """Run `code` in a new interpreter in `folder`, `path` before all others; return its output."""
    environment = os.environ | {"PYTHONPATH": str(path)}
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment,
                            capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def files_of_the_repository() -> list[str]:
    """Return what is committed, or would be; skips where this is no repository."""
    done = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                          cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("the files of the repository are known in a clone only")
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a source archive of a copy of the repository."""
    folder = tmp_path_factory.mktemp("sdist")
    for name in files_of_the_repository():
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "source" / name)
    code = "from setuptools.build_meta import build_sdist; build_sdist('..')"
    subprocess.run([sys.executable, "-c", code], cwd=folder / "source", check=True,
                   stdout=subprocess.DEVNULL)
    [path] = folder.glob("*.tar.gz")
    return path


@pytest.fixture(scope="session")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel built from the source archive, without network and isolation."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index",
                    "--no-build-isolation", "--wheel-dir", folder, sdist], check=True)
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


def test_wheel_holds_every_file_of_the_package_but_the_studies_of_the_book(wheel: Path) -> None:
    expected = {name for name in files_of_the_repository() if name.startswith("d2l_hpo/")}
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in expected - names if not name.startswith(STUDIES)} == set()
    assert [name for name in names if name.startswith(STUDIES)] == []
    assert {name.split("/")[0].split("-")[0] for name in names} == {"d2l_hpo"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert wheel.stat().st_size <= LARGEST


def test_source_archive_holds_every_file_of_the_repository(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert set(files_of_the_repository()) - names == set()
    assert [name for name in names if name.startswith(("_build/", ".venv/", "recordings/"))] == []


@pytest.mark.parametrize("archive", ["sdist", "wheel"])
def test_an_index_takes_the_archives(archive: str, request: pytest.FixtureRequest) -> None:
    pytest.importorskip("twine")
    path = request.getfixturevalue(archive)
    done = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", path],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_an_installed_package_says_where_the_studies_are(installed: Path, tmp_path: Path) -> None:
    code = """
from d2l_hpo import read_study
try: read_study("bayesian")
except FileNotFoundError as error: print(error)
"""
    assert "run: python -m pip install --editable ." in run_python(code, tmp_path, installed)


def test_the_page_of_the_index_needs_no_repository() -> None:
    addresses = re.findall(r"\]\(([^)]+)\)|(?:src|href)=\"([^\"]+)", PAGE)
    assert addresses and all("".join(pair).startswith("https://") for pair in addresses)


def test_the_page_of_the_index_says_what_readme_says() -> None:
    examples = [re.findall(r"^```python\n.*?^```$", text, re.MULTILINE | re.DOTALL)
                for text in (README, PAGE)]
    assert examples[0] == examples[1] and len(examples[0]) == 1
    extras = set(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE))
    assert extras == set(PROJECT["optional-dependencies"]) - {"test"}


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
    declared -= {"optuna"}  # `make outside` tests what needs it
    without_deps = {pin.split("==")[0] for pin in make.WITHOUT_DEPENDENCIES}
    assert declared == (declared & set(pins)) | (declared & without_deps)
    assert "d2l" in without_deps and not without_deps & set(pins)


def test_settings_hold_nothing_that_is_not_read() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "config.ini", encoding="utf-8")
    assert set(parser.sections()) == {"book", "sections", "extras", "modules", "public", "guide"}
    assert set(parser["book"]) == {"title", "authors", "repository", "extras"}
    assert set(load_config().sections.values()) - {None} <= set(load_config().modules)
