"""Make notebooks from the chapter's Markdown.

    python book/notebooks.py sync             write notebooks/*.ipynb, without outputs
    python book/notebooks.py sync --check     exit 1 and name the notebooks that differ
    python book/notebooks.py execute          write executed copies to _build/notebooks
    python book/notebooks.py statements       list what did not hold; exit 1 if CI is set
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from cells import read_notebook
from config import ROOT, BookConfig, BookError, load_config
from execution import CellFailure, execute_cached
from files import read_source, update, write
from guide import guide_pages
from nbformat import NotebookNode
from plain import PlainMarkdown
from reference import reference_pages, section_note, taught_names
from sentences import cells_of
from statements import failed_statements, with_notes

from d2l_hpo.tools.installation import d2l_command

SECTIONS_AT_ONCE = 2  # a section trains with one thread, and two cores are all that we ask for
LONGEST = ("hyperopt-api", "libraries", "rs-async", "hyperopt-intro")  # begin first: no core waits
RESULTS_NOTE = ("*Run the cells, and numbers stand in the sentences. Until then names in code "
                "style, such as `best_error`, hold their places.*")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def has_code(notebook: NotebookNode) -> bool:
    """Whether the page is a notebook; a page without code stays Markdown."""
    return any(cell.cell_type == "code" for cell in notebook.cells)


def standardise(notebook: NotebookNode) -> NotebookNode:
    """Give cells ids made from their source and keep only metadata that readers need."""
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        name = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        count = seen[name] = seen.get(name, 0) + 1
        cell["id"] = name if count == 1 else f"{name}-{count}"
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return notebook


def installation_note(section: str, config: BookConfig) -> str:
    """Say in one line what to install, and from where, if a package is missing."""
    extras = f"[{','.join([*config.common_extras, *config.extras.get(section, [])])}]"
    source, place = f".{extras}", " in the folder of the repository"
    if config.repository:
        source, place = f"git+{config.repository}#egg={config.package.name}{extras}", ""
    return (f"*If a package is missing, run `python -m pip install --editable \"{source}\"` and "
            f"`{d2l_command()}`{place}.*")


def plain_notebook(path: Path, plain: PlainMarkdown, config: BookConfig) -> NotebookNode:
    """Return the section at `path` as a notebook that plain Jupyter shows well."""
    notebook = read_notebook(path)
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = plain.convert(cell.source, path)
            cells += cells_of(cell.source, plain.results) if cell.source.strip() else []
            continue
        caption = plain.caption(cell.metadata, path)
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        cells += [cell, nbformat.v4.new_markdown_cell(caption)] if caption else [cell]
    references = plain.references(path)
    if any("tell(" in cell.source for cell in cells if cell.cell_type == "code"):
        cells.insert(1, nbformat.v4.new_markdown_cell(RESULTS_NOTE))
    cells.insert(0, nbformat.v4.new_markdown_cell(installation_note(path.stem, config)))
    notebook.cells = cells + [nbformat.v4.new_markdown_cell(references)] * bool(references)
    return standardise(notebook)


def wanted_notebooks(config: BookConfig) -> dict[Path, str]:
    """Return path -> text for notebooks/*.ipynb."""
    paths = config.section_paths()
    plain = PlainMarkdown(paths, config.bibliography)
    return {config.notebooks / f"{path.stem}.ipynb": to_text(plain_notebook(path, plain, config))
            for path in paths if has_code(read_notebook(path))}


def to_text(notebook: NotebookNode) -> str:
    """Return the notebook as JSON that ends in a newline."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def write_page(path: Path, config: BookConfig, closing: str = "") -> Path:
    """Write the page of the section at `path` for Sphinx, executed if it has code; return it.

    `closing` is Markdown that follows the text.
    """
    notebook = read_notebook(path)
    page = config.build / "notebooks" / path.name
    if has_code(notebook):
        executed, note = execute_cached(standardise(notebook), path.stem, config)
        page = page.with_suffix(".ipynb")
        shown = with_notes(executed)
        shown.cells += [nbformat.v4.new_markdown_cell(closing)] * bool(closing)
        write(page, to_text(standardise(shown)))
        print(f"{path.stem}: {note}", flush=True)
    else:
        write(page, read_source(path))
    return page


def longest_first(paths: Iterable[Path]) -> list[Path]:
    """Return the sections in the order in which they should begin to run."""
    return sorted(paths, key=lambda path: path.stem not in LONGEST)


def execute(config: BookConfig) -> int:
    """Write the pages that Sphinx renders: executed notebooks, plain pages, guide, reference, img/.
    """
    made = guide_pages(config)  # a mistake there shows before the sections run
    taught, paths = taught_names(config), config.section_paths()
    with ThreadPoolExecutor(SECTIONS_AT_ONCE) as pool:
        pages = {*pool.map(lambda path: write_page(path, config, section_note(path.stem, taught)),
                           longest_first(paths))}
    folder = config.build / "notebooks"
    for name, text in (made | reference_pages(config, taught)).items():
        write(folder / f"{name}.md", text)
        pages.add(folder / f"{name}.md")
    for stale in {*folder.glob("*.ipynb"), *folder.glob("*.md")} - pages:
        stale.unlink()
    if (config.root / "img").is_dir():
        shutil.copytree(config.root / "img", folder / "img", dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("src"))
    return 0


def list_statements(config: BookConfig) -> int:
    """Print what did not hold in the executed copies; return 1 if something did not and CI is set.

    On a reader's machine that is news, no error; where the book is made for others, it is one.
    """
    lines = [f"{path.stem}.md, code cell {number}: {note}"
             for path in config.section_paths()
             if (page := config.build / "notebooks" / f"{path.stem}.ipynb").is_file()
             for number, note in failed_statements(nbformat.read(page, as_version=4))]
    if lines:
        print(f"statements of the text that did not hold on this machine ({len(lines)}):",
              *lines, sep="\n  ")
    return 1 if lines and os.environ.get("CI") else 0


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("sync", help="write notebooks/*.ipynb")
    command.add_argument("--check", action="store_true", help="only compare; exit 1 if they differ")
    commands.add_parser("execute", help="write executed copies to _build/notebooks")
    commands.add_parser("statements", help="list what did not hold; exit 1 if CI is set")
    options = parser.parse_args(arguments)
    try:
        config = load_config(root)
        if options.command == "sync":
            return update(root, wanted_notebooks(config), config.notebooks.glob("*.ipynb"),
                          options.check, "notebooks")
        return execute(config) if options.command == "execute" else list_statements(config)
    except (BookError, CellFailure) as error:
        print(f"notebooks: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
