"""Notebooks: stable files without outputs, and executions that are stored until they are stale."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import notebooks
import pytest
from cells import read_notebook
from config import load_config
from conftest import SmallBook
from execution import cache_key
from nbformat import NotebookNode

from d2l_hpo.tools.installation import d2l_command

COUNTING = """\
import pathlib
log = pathlib.Path({log!r})
log.write_text(log.read_text() + "x")
print("run", len(log.read_text()))"""


def synced(book: SmallBook, section: str = "first") -> NotebookNode:
    """Return the notebook without outputs that is written for `section`."""
    assert notebooks.main(["sync"], book.root) == 0
    return nbformat.read(book.root / f"notebooks/{section}.ipynb", as_version=4)


def executed(book: SmallBook, section: str = "first") -> NotebookNode:
    """Return the executed copy of `section`."""
    assert notebooks.main(["execute"], book.root) == 0
    return nbformat.read(book.root / f"_build/notebooks/{section}.ipynb", as_version=4)


def printed(notebook: NotebookNode) -> str:
    """Return all that the notebook's cells printed."""
    return "".join(output.text for cell in notebook.cells if cell.cell_type == "code"
                   for output in cell.outputs if output.output_type == "stream")


@pytest.fixture
def counted(small_book: SmallBook) -> SmallBook:
    """Return a book whose first section prints how often it has been run."""
    log = small_book.root / "log"
    log.write_text("", encoding="utf-8")
    small_book.section("first", COUNTING.format(log=str(log)), text="Old text.")
    return small_book


def test_sync_writes_valid_notebooks_without_outputs(small_book: SmallBook) -> None:
    small_book.section("first", "print(1)", "print(1)", text="Some text.")
    notebook = synced(small_book)
    nbformat.validate(notebook)
    assert [cell.source for cell in notebook.cells[1:]] == [
        "# The first section\n\nSome text.", "print(1)", "print(1)"]
    assert all(not cell.get("outputs") for cell in notebook.cells)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert len({cell.id for cell in notebook.cells}) == 4


@pytest.mark.parametrize("section, repository, source, place", [
    ("first", "", ".[torch,plots]", " in the folder of the repository"),
    ("second", "", ".[torch,plots,dask,ray]", " in the folder of the repository"),
    ("first", "https://example.org/book.git",
     "git+https://example.org/book.git#egg=d2l_hpo[torch,plots]", ""),
    ("second", "https://example.org/book.git",
     "git+https://example.org/book.git#egg=d2l_hpo[torch,plots,dask,ray]", ""),
])
def test_first_cell_says_what_to_install(small_book: SmallBook, section: str, repository: str,
                                         source: str, place: str) -> None:
    path = small_book.root / "config.ini"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("repository =", f"repository = {repository}"), encoding="utf-8")
    small_book.section(section, "import torch")
    first = synced(small_book, section).cells[0]
    assert (first.cell_type, first.source) == ("markdown", (
        f'*If a package is missing, run `python -m pip install --editable "{source}"` and '
        f"`{d2l_command()}`{place}.*"))


def test_pages_without_code_are_no_notebooks(small_book: SmallBook) -> None:
    synced(small_book.section("first", "x = 1") or small_book)
    assert [path.name for path in (small_book.root / "notebooks").iterdir()] == ["first.ipynb"]


def test_cell_ids_depend_on_the_cell_alone(small_book: SmallBook) -> None:
    small_book.section("first", "a = 1", "b = 2")
    before = {cell.source: cell.id for cell in synced(small_book).cells}
    small_book.section("first", "new = 0", "a = 1", "b = 2")
    after = {cell.source: cell.id for cell in synced(small_book).cells}
    assert {source: after[source] for source in before} == before


def test_only_tags_stay_in_the_metadata(small_book: SmallBook) -> None:
    small_book.section("first", "x = 1", options=":tags: [remove-input]\n\n")
    assert synced(small_book).cells[-1].metadata == {"tags": ["remove-input"]}


def test_sync_check_names_differences(small_book: SmallBook,
                                      capsys: pytest.CaptureFixture) -> None:
    small_book.section("first", "x = 1")
    synced(small_book)
    assert notebooks.main(["sync", "--check"], small_book.root) == 0
    path = small_book.root / "notebooks/first.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("x = 1", "x = 2"), encoding="utf-8")
    (small_book.root / "notebooks/stale.ipynb").write_text("{}", encoding="utf-8")
    assert notebooks.main(["sync", "--check"], small_book.root) == 1
    message = capsys.readouterr().err
    assert "first.ipynb differs" in message and "stale.ipynb differs" in message
    synced(small_book)
    assert notebooks.main(["sync", "--check"], small_book.root) == 0


def test_execution_keeps_the_original_text(small_book: SmallBook) -> None:
    small_book.section("first", "print(6 * 7)", text="See {ref}`sec_here`.\n\n(sec_here)=\n## H")
    notebook = executed(small_book)
    assert "{ref}`sec_here`" in notebook.cells[0].source
    assert printed(notebook) == "42\n"
    page = small_book.root / "_build/notebooks/references.md"
    assert page.read_text(encoding="utf-8") == "# References\n"


def test_cells_run_in_an_empty_folder_of_their_own(small_book: SmallBook) -> None:
    small_book.section("first", "import os\nprint(os.listdir(), os.getcwd())",
                       "print(os.environ['TQDM_DISABLE'], os.environ['PYTHONHASHSEED'])")
    listing, folder, variables = printed(executed(small_book)).replace("\n", " ").split(" ", 2)
    assert listing == "[]"
    assert not Path(folder).exists() and small_book.root not in Path(folder).parents
    assert variables == "1 0 "


def test_outputs_are_reused_and_text_is_fresh(counted: SmallBook) -> None:
    first = executed(counted)
    path = counted.chapter / "first.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("Old text.", "New text."), encoding="utf-8")
    second = executed(counted)
    assert printed(first) == printed(second) == "run 1\n"
    assert "New text." in second.cells[0].source


def test_unchanged_pages_are_not_touched(counted: SmallBook) -> None:
    executed(counted)
    path = counted.root / "_build/notebooks/first.ipynb"
    os.utime(path, (1, 1))
    executed(counted)
    assert path.stat().st_mtime == 1


@pytest.mark.parametrize("change", [
    lambda book: (book.package / "new.py").write_text("x = 1\n", encoding="utf-8"),
    lambda book: (book.root / "requirements.txt").write_text("numpy==2.0\n", encoding="utf-8"),
    lambda book: (book.chapter / "first.md").write_text(
        (book.chapter / "first.md").read_text(encoding="utf-8").replace(
            'print("run"', 'print( "run"'), encoding="utf-8"),
], ids=["package", "requirements", "cell"])
def test_what_outputs_depend_on_makes_them_stale(counted: SmallBook, change) -> None:
    assert printed(executed(counted)) == "run 1\n"
    change(counted)
    assert printed(executed(counted)) == "run 2\n"
    assert len(list((counted.root / "_build/cache").iterdir())) == 1


def test_compiled_files_do_not_make_outputs_stale(counted: SmallBook) -> None:
    notebook = read_notebook(counted.chapter / "first.md")
    before = cache_key(notebook, counted.config())
    (counted.package / "__pycache__").mkdir()
    (counted.package / "__pycache__/x.pyc").write_bytes(b"x")
    assert cache_key(notebook, counted.config()) == before


def test_tags_make_outputs_stale_and_captions_do_not(counted: SmallBook) -> None:
    notebook = read_notebook(counted.chapter / "first.md")
    before = cache_key(notebook, counted.config())
    notebook.cells[-1].metadata["mystnb"] = {"figure": {"caption": "New."}}
    assert cache_key(notebook, counted.config()) == before
    notebook.cells[-1].metadata["tags"] = ["raises-exception"]
    assert cache_key(notebook, counted.config()) != before


def test_failing_cell_stops_the_build(counted: SmallBook, capsys: pytest.CaptureFixture) -> None:
    counted.section("second", "x = 1", "y = x / 0  # the culprit")
    assert notebooks.main(["execute"], counted.root) == 1
    message = capsys.readouterr().err
    assert "second.md, code cell 2 failed" in message
    assert "    y = x / 0  # the culprit" in message
    assert "ZeroDivisionError" in message and "\x1b" not in message
    assert not (counted.root / "_build/notebooks/second.ipynb").exists()
    assert (counted.root / "_build/notebooks/first.ipynb").exists()


def test_kernel_that_dies_names_its_cell(small_book: SmallBook,
                                         capsys: pytest.CaptureFixture) -> None:
    small_book.section("first", "import os", "os._exit(1)")
    assert notebooks.main(["execute"], small_book.root) == 1
    assert "first.md, code cell 2 failed" in capsys.readouterr().err


def test_expected_exceptions_are_allowed(small_book: SmallBook) -> None:
    small_book.section("first", "1 / 0", options=":tags: [raises-exception]\n\n")
    assert executed(small_book).cells[-1].outputs[0].ename == "ZeroDivisionError"


def test_pages_that_left_the_book_are_removed(small_book: SmallBook) -> None:
    folder = small_book.root / "_build/notebooks"
    folder.mkdir(parents=True)
    (folder / "first.md").write_text("left from before the section had code", encoding="utf-8")
    (folder / "gone.ipynb").write_text("{}", encoding="utf-8")
    small_book.section("first", "x = 1")
    executed(small_book)
    assert sorted(path.name for path in folder.iterdir()) == [
        "first.ipynb", "references.md", "second.md"]


def test_drawings_are_copied_without_their_scripts(small_book: SmallBook) -> None:
    (small_book.root / "img/src").mkdir(parents=True)
    (small_book.root / "img/a.svg").write_text("<svg/>", encoding="utf-8")
    (small_book.root / "img/src/a.py").write_text("", encoding="utf-8")
    small_book.section("first", "x = 1")
    executed(small_book)
    folder = small_book.root / "_build/notebooks/img"
    assert [path.name for path in folder.iterdir()] == ["a.svg"]


def test_the_longest_sections_begin_first() -> None:
    paths = load_config().section_paths()
    order = [path.stem for path in notebooks.longest_first(paths)]
    assert len(order) == len(paths)
    assert set(order[:len(notebooks.LONGEST)]) == set(notebooks.LONGEST)
    rest = [path.stem for path in paths if path.stem not in notebooks.LONGEST]
    assert order[len(notebooks.LONGEST):] == rest
