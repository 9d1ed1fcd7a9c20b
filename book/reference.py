"""The reference: a page a role of config.ini's [public], and links between it and the sections."""

from __future__ import annotations

import ast
import re

from cells import read_cells
from config import BookConfig, BookError
from extract import PACKAGE
from files import read_source
from folding import defined_names
from imports import section_imports

EXPORT = re.compile(r"^from \.(\S+) import \w+ as (\w+)$", re.MULTILINE)
BEFORE_TEACHING = {"quickstart"}  # it only uses names; the sections after it teach them
LABEL = re.compile(r"^\((sec_\w+)\)=$", re.MULTILINE)


def page_name(role: str) -> str:
    """Return the name of a role's page, without its ending."""
    return f"api-{role.lower().replace(' ', '-')}"


def taught_names(config: BookConfig) -> dict[str, list[str]]:
    """Return section -> the public names that it teaches: those that it saves, or imports first."""
    public = [name for names in config.public.values() for name in names]
    cells = {path.stem: read_cells(path) for path in config.section_paths()}
    saved = {name: section for section, found in cells.items() for cell in found if cell.saved
             for name in defined_names(cell.source)}
    imported: dict[str, str] = {}
    for section, found in cells.items():
        for statement in section_imports(found) if section not in BEFORE_TEACHING else ():
            imported.setdefault(statement.bound, section)
    taught: dict[str, list[str]] = {section: [] for section in cells}
    for name in public:
        if section := saved.get(name, imported.get(name)):
            taught[section].append(name)
    return taught


def reference_pages(config: BookConfig, taught: dict[str, list[str]]) -> dict[str, str]:
    """Return page -> MyST Markdown: the list of roles, and for each role what its names do.

    `taught` are the names of each section, as `taught_names` returns them.
    """
    if not config.public:
        return {}
    places = {name: section for section, names in taught.items() for name in names}
    labels = {path.stem: found[1] for path in config.section_paths()
              if (found := LABEL.search(read_source(path)))}
    kinds, pages = _kinds(config), {"api": _overview(config)}
    for role, names in config.public.items():
        parts = [f"# {role}", *(_entry(name, *kinds[name], labels.get(places.get(name, "")))
                                for name in names)]
        pages[page_name(role)] = "\n\n".join(parts) + "\n"
    return pages


def section_note(section: str, taught: dict[str, list[str]]) -> str:
    """Return a line with links to the reference for what a section teaches; "" if it is nothing."""
    return f"**In the reference:** {_links(taught[section])}." if taught[section] else ""


def _links(names: list[str]) -> str:
    return ", ".join(f"{{py:obj}}`~{PACKAGE}.{name}`" for name in names)


def _overview(config: BookConfig) -> str:
    """Return the page that leads to all others."""
    rows = [f"* {{doc}}`{role} <{page_name(role)}>`: {_links(names)}"
            for role, names in config.public.items()]
    toctree = ["```{toctree}", ":hidden:", "", *map(page_name, config.public), "```"]
    return "\n".join(["(sec_api)=", "# Reference", "",
                      f"What `from {PACKAGE} import X` offers, by role. The names of the folders, "
                      f"such as `from {PACKAGE}.tools import check_int`, are for those who extend "
                      "the package; their docstrings are in the source.", "", *rows, "", *toctree,
                      ""])


def _kinds(config: BookConfig) -> dict[str, tuple[str, str]]:
    """Return, for all public names, the directive that describes it and a constant's comment."""
    words = {ast.ClassDef: "autoclass", ast.FunctionDef: "autofunction"}
    stub = read_source(config.package / "__init__.pyi")
    kinds = {}
    for module, name in EXPORT.findall(stub):
        path = config.package.joinpath(*module.split(".")).with_suffix(".py")
        source = read_source(path)
        found = [words[type(node)] for node in ast.parse(source).body
                 if type(node) in words and node.name == name]
        kinds[name] = (found[0], "") if found else ("py:data", _comment(name, source))
    return kinds


def _comment(name: str, source: str) -> str:
    """Return the comment above an assignment; BookError if there is none."""
    found = re.search(rf"((?:^# .*\n)+){name}\b", source, re.MULTILINE)
    if found is None:
        raise BookError(f"{name} is a public constant without a comment above it")
    return found[1].replace("\n# ", " ").removeprefix("# ").strip()


def _entry(name: str, kind: str, comment: str, label: str | None) -> str:
    """Return what the page says of a name; Sphinx fills in its signature and docstring."""
    lines = ["```{eval-rst}", f".. currentmodule:: {PACKAGE}", "", f".. {kind}:: {name}",
             *(["   :members:", "   :show-inheritance:"] if kind == "autoclass" else []), "```"]
    if comment:
        lines += ["", comment]
    if label:
        lines += ["", f"Taught in {{numref}}`{label}`."]
    return "\n".join(lines)
