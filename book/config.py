"""Read config.ini, the one place for title, section order and section -> module map.

The release is that of pyproject.toml.
"""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from files import read_source

ROOT = Path(__file__).resolve().parent.parent


class BookError(ValueError):
    """A mistake in the book's sources; the message names the file, the place and the remedy."""


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Let the message of a BookError that leaves the block begin with the file's name."""
    try:
        yield
    except BookError as error:
        if str(error).startswith(path.name):
            raise
        raise BookError(f"{path.name}: {error}") from error


@dataclass(frozen=True)
class BookConfig:
    """The settings of config.ini and the folders that follow from them."""

    root: Path
    title: str
    authors: str
    release: str
    repository: str
    """Public address of the repository, or "" if it has none."""
    sections: dict[str, str | None]
    """Section name -> module for its `#@save` cells or None, in the order of the book."""
    modules: dict[str, str]
    """Generated module -> its docstring."""
    folders: dict[str, str]
    """Generated module -> the subpackage that it stands in, or "" for the package's root."""
    public: dict[str, list[str]]
    """Role -> the names of this role that the package's root exports."""
    common_extras: list[str]
    """Extras of the package that running the sections takes."""
    extras: dict[str, list[str]]
    """Section name -> further extras that its cells need, for sections that need some."""
    guide: dict[str, list[str]]
    """Recipe name -> modules that its script imports and the package does not need."""
    chapter: Path
    """Folder of the MyST Markdown sources."""
    package: Path
    """Folder of the package `d2l_hpo`."""
    reference: Path
    """Folder of what is appended to the docstrings of saved cells."""
    guide_folder: Path
    """Folder of the recipes."""
    notebooks: Path
    """Folder of the notebooks without outputs."""
    build: Path
    """Folder of everything that is built and not committed."""
    bibliography: Path
    """The BibTeX file that all sections cite from."""

    def module_path(self, module: str) -> Path:
        """Return the file of a generated module."""
        return self.package / self.folders[module] / f"{module}.py"

    def section_paths(self) -> list[Path]:
        """Return the sections' files in order; BookError if files and config.ini disagree."""
        paths = [self.chapter / f"{section}.md" for section in self.sections]
        if missing := [path.name for path in paths if not path.is_file()]:
            raise BookError(f"config.ini lists sections without a file in {self.chapter.name}/: "
                            f"{', '.join(missing)}")
        unlisted = sorted({path.name for path in self.chapter.glob("*.md")}
                          - {path.name for path in paths})
        if unlisted:
            raise BookError(f"{self.chapter.name}/ holds files that [sections] of config.ini "
                            f"does not list: {', '.join(unlisted)}")
        return paths


def load_config(root: Path = ROOT) -> BookConfig:
    """Return the settings in `root`/config.ini; BookError names what is missing or wrong."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # keys keep their case: section files and modules are such keys
    if not parser.read(root / "config.ini", encoding="utf-8-sig"):
        raise BookError(f"{root / 'config.ini'} does not exist")
    try:
        book = {key: parser["book"][key] for key in ("title", "authors", "repository")}
        common_extras = parser["book"]["extras"].replace(",", " ").split()
        sections = {name: module or None for name, module in parser["sections"].items()}
        places = {key.rpartition("/"): doc for key, doc in parser["modules"].items()}
        modules = {name: doc for (_, _, name), doc in places.items()}
        folders = {name: folder for folder, _, name in places}
        public = {role: names.split() for role, names in parser["public"].items()}
        extras = {name: names.replace(",", " ").split()
                  for name, names in parser["extras"].items()}
        guide = {name: modules.split() for name, modules in parser["guide"].items()}
    except KeyError as error:
        raise BookError(f"config.ini: {error} is missing") from error
    if len(modules) < len(places):
        raise BookError("config.ini: [modules] gives two modules the same last name; `#@save` "
                        "could not tell them apart")
    unknown = [module for module in sections.values() if module and module not in modules]
    if unknown:
        raise BookError(f"config.ini: give {', '.join(unknown)} a line in [modules]")
    if strange := [name for name in extras if name not in sections]:
        raise BookError(f"config.ini: [extras] names {', '.join(strange)}, which [sections] does "
                        "not list")
    return BookConfig(root=root, sections=sections, modules=modules, folders=folders,
                      public=public, common_extras=common_extras, extras=extras, guide=guide,
                      release=_release(root), **book,
                      chapter=root / "chapter_hyperparameter_optimization",
                      package=root / "d2l_hpo", notebooks=root / "notebooks",
                      reference=root / "reference", guide_folder=root / "guide",
                      build=root / "_build", bibliography=root / "lib.bib")


def _release(root: Path) -> str:
    """Return the version in `root`/pyproject.toml; BookError if there is none."""
    path = root / "pyproject.toml"
    try:
        return tomllib.loads(read_source(path))["project"]["version"]
    except (FileNotFoundError, KeyError) as error:
        raise BookError(f"{path} does not say `version` in [project]") from error
