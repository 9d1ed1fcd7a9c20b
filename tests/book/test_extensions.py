"""The book's Sphinx extensions: labels, data frames, and the mistakes that they report."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from built_book import BOOK
from citations import author_year
from docutils import nodes
from pybtex.database import Entry, Person

EXTENSIONS = BOOK.root / "book" / "_ext"


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    """Return the extension module that the test names."""
    monkeypatch.syspath_prepend(EXTENSIONS)
    return importlib.import_module(request.param)


def entry(*authors: str, **fields: str) -> Entry:
    """Return a bibliography entry by these authors."""
    made = Entry("article", fields, persons={"author": [Person(name) for name in authors]})
    made.key = "some.key"
    return made


@pytest.mark.parametrize("extension", ["bibliography"], indirect=True)
@pytest.mark.parametrize(
    ("authors", "label"),
    [
        (("Kohavi, Ron",), "Kohavi, 2012"),
        (("Bergstra, James", "Bengio, Yoshua"), "Bergstra and Bengio, 2012"),
        (("Snoek, Jasper", "Larochelle, Hugo", "Adams, Ryan P."), "Snoek et al., 2012"),
        (("Li, Lisha", "others"), "Li et al., 2012"),
        (("van der Vaart, Aad",), "van der Vaart, 2012"),
    ],
)
def test_labels_read_like_citations(extension: ModuleType, authors: tuple[str, ...],
                                    label: str) -> None:
    made = entry(*authors, year="2012")
    assert [*extension.AuthorYearLabels().format_labels([made])] == [label]


def test_entry_without_year_or_author_is_named() -> None:
    with pytest.raises(ValueError, match="some.key has no year"):
        author_year(entry("Kohavi, Ron"))
    with pytest.raises(ValueError, match="some.key has neither author nor editor"):
        author_year(entry(year="2012"))


UNSEEN = '<span class="visually-hidden">%s</span>'


@pytest.mark.parametrize("extension", ["dataframes"], indirect=True)
def test_data_frame_becomes_a_table(extension: ModuleType) -> None:
    frame = pd.DataFrame({"a<b": [1.5, 2.25], "status": ["failed", "complete"]})
    table = extension.table_of(frame.to_html())
    rows = [[cell.astext() for cell in row.findall(nodes.entry)]
            for row in table.findall(nodes.row)]
    assert rows == [[UNSEEN % "row", "a<b", "status"], ["0", "1.50", "failed"],
                    ["1", "2.25", "complete"]]
    assert len(list(table.findall(nodes.thead))) == 1


@pytest.mark.parametrize("extension", ["dataframes"], indirect=True)
def test_a_number_below_zero_has_a_minus_and_a_hyphen_stays(extension: ModuleType) -> None:
    cells = ["-0.85 to -0.42", "(-1.5)", "-.5", "ours - TPE", "1e-05", "k-2", "0-1", "-"]
    table = extension.table_of(pd.DataFrame({"x": cells}).to_html())
    assert [row.children[1].astext() for row in table.findall(nodes.row)][1:] == [
        "\u22120.85 to \u22120.42", "(\u22121.5)", "\u2212.5", "ours - TPE", "1e-05", "k-2", "0-1",
        "-"]


@pytest.mark.parametrize("extension", ["dataframes"], indirect=True)
def test_names_and_levels_of_the_index_are_columns_of_their_own(extension: ModuleType) -> None:
    levels = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["task", "seed"])
    table = extension.table_of(pd.DataFrame({"x": [1, 2, 3, 4]}, index=levels).to_html())
    rows = [[cell.astext() for cell in row.findall(nodes.entry)]
            for row in table.findall(nodes.row)]
    assert rows == [["task", "seed", "x"], ["a", "1", "1"], [UNSEEN % "a", "2", "2"],
                    ["b", "1", "3"], [UNSEEN % "b", "2", "4"]]
    assert [spec.get("stub") for spec in table.findall(nodes.colspec)] == [1, 1, None]


@pytest.mark.parametrize("extension", ["dataframes"], indirect=True)
def test_levels_of_the_columns_stay_rows_of_the_head(extension: ModuleType) -> None:
    columns = pd.MultiIndex.from_product([["LeNet", "digits"], ["mean", "low"]])
    table = extension.table_of(pd.DataFrame([[1, 2, 3, 4]], columns=columns).to_html())
    head = [[cell.astext() for cell in row.findall(nodes.entry)]
            for row in next(iter(table.findall(nodes.thead))).children]
    assert head == [[UNSEEN % "row", "LeNet", UNSEEN % "LeNet", "digits", UNSEEN % "digits"],
                    [UNSEEN % "row", "mean", "low", "mean", "low"]]


@pytest.mark.parametrize("extension", ["dataframes"], indirect=True)
def test_names_of_rows_and_columns_share_the_corner(extension: ModuleType) -> None:
    columns = pd.MultiIndex.from_product([["LeNet"], ["mean", "low"]])
    both = pd.DataFrame([[1, 2]], index=pd.Index([9], name="seed"), columns=columns)
    named = pd.DataFrame([[1, 2]], index=pd.Index([9], name="epoch"),
                         columns=pd.Index(["A", "B"], name="trial"))
    heads = [[[cell.astext() for cell in row.findall(nodes.entry)]
              for row in next(iter(extension.table_of(frame.to_html()).findall(nodes.thead)))]
             for frame in (both, named)]
    assert heads == [[[UNSEEN % "row", "LeNet", UNSEEN % "LeNet"], ["seed", "mean", "low"]],
                     [["epoch / trial", "A", "B"]]]


@pytest.mark.parametrize("extension", ["dataframes"], indirect=True)
def test_what_is_no_data_frame_stays_as_it_is(extension: ModuleType) -> None:
    assert extension.table_of("<p>an animation</p>") is None
    assert extension.table_of(pd.DataFrame({"x": []}).to_html()) is None


WITHOUT_SYSTEM_LIBRARIES = """
import ctypes.util, sys
import cffi

def missing(*arguments):
    raise OSError(f"no library called {arguments[-1]!r} was found")

cffi.FFI.dlopen = missing
ctypes.util.find_library = lambda name: None
from sphinx.cmd.build import main
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("builder", ["html", "latex"])
def test_only_the_pdf_needs_a_library_of_the_system(builder: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    (source / "index.md").write_text("# Title\n\n```{image} dot.svg\n:alt: a dot\n```\n",
                                     encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_SYSTEM_LIBRARIES, "-q", "-b", builder,
         "-c", str(BOOK.root / "book"), str(source), str(tmp_path / "built")],
        capture_output=True, text=True, check=False,
    )
    if builder == "html":
        assert done.returncode == 0, done.stderr
        assert "dot.svg" in (tmp_path / "built" / "index.html").read_text(encoding="utf-8")
    else:
        assert done.returncode != 0
        assert "the PDF needs the library cairo, on Debian and Ubuntu the package libcairo2" \
            in done.stderr


def test_missing_alt_text_and_wrong_order_are_reported(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    (source / "index.md").write_text("# Title\n\n```{image} dot.svg\n```\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html",
         "-c", str(BOOK.root / "book"), str(source), str(tmp_path / "html")],
        capture_output=True, text=True, check=False,
    )
    assert done.returncode != 0
    assert "an image has no alt text" in done.stderr
    assert f"lists the sections index, config.ini {', '.join(BOOK.sections)}" in done.stderr


@pytest.mark.parametrize("extension", ["page_breaks"], indirect=True)
@pytest.mark.parametrize("is_in_cell", [False, True])
def test_a_heading_goes_with_the_listing_below_it(extension: ModuleType, is_in_cell: bool) -> None:
    listings = [nodes.literal_block("", "print()") for _ in range(2)]
    first = nodes.container("", listings[0]) if is_in_cell else listings[0]
    section = nodes.section("", nodes.title("", "Heading"), first, listings[1])
    nodes.section("", nodes.title("", "Above"), nodes.paragraph("", "Text."), section)
    assert [extension.headed_by(listing) for listing in listings] == [section, None]


@pytest.mark.parametrize("extension", ["page_breaks"], indirect=True)
def test_a_label_stays_with_what_it_names(extension: ModuleType) -> None:
    table, label = nodes.table(), nodes.target(refid="name")
    section = nodes.section("", nodes.title("", "Heading"), label, table)
    extension.insert_before(table, nodes.raw("", "new"))
    assert section.index(label) == section.index(table) - 1 == 2


@pytest.mark.parametrize("extension", ["page_breaks"], indirect=True)
def test_columns_share_the_line_and_narrow_ones_do_not_wrap(extension: ModuleType) -> None:
    short = extension.column_shares([10, 5, 20])
    assert sum(short) < 1
    assert extension.row_lines(["x" * 10, "x" * 5, "x" * 20], short) == 1
    long = extension.column_shares([10, 200, 90])
    assert sum(long) == pytest.approx(1)
    assert long[0] == extension.column_shares([10])[0] and long[1] == long[2]
    assert extension.row_lines(["x", "x" * 200, "x"], long) > 3


@pytest.mark.parametrize("extension", ["page_breaks"], indirect=True)
def test_what_only_a_web_page_has_is_no_part_of_a_cell(extension: ModuleType) -> None:
    cell = nodes.entry("", nodes.paragraph("", "seed", nodes.raw("", "<b>row</b>", format="html")))
    assert extension.printed(cell) == "seed"


def output(*forms: tuple[str, nodes.Node]) -> nodes.container:
    """Return an output in several forms, as myst-nb makes it."""
    return nodes.container("", *(nodes.container("", shown, mime_type=name)
                                 for name, shown in forms), nb_element="mime_bundle")


@pytest.mark.parametrize("extension", ["empty_outputs"], indirect=True)
@pytest.mark.parametrize(("form", "is_empty"), [
    (("text/html", nodes.raw("", " \n", format="html")), True),
    (("text/html", nodes.raw("", "<b>x</b>", format="html")), False),
    (("image/svg+xml", nodes.image()), False),
])
def test_an_output_of_blank_html_shows_nothing(
        extension: ModuleType, form: tuple[str, nodes.Node], is_empty: bool) -> None:
    plain = "text/plain", nodes.literal_block("", "<IPython.core.display.HTML object>")
    assert extension.shows_nothing(output(form, plain)) == is_empty
    assert not extension.shows_nothing(output(plain))


@pytest.fixture(scope="module")
def page_with_drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a page that shows a drawing with a dark form, and one without."""
    source = tmp_path_factory.mktemp("drawings")
    (source / "img").mkdir()
    for name in ("pair", "pair-dark", "alone"):
        (source / f"img/{name}.svg").write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', encoding="utf-8")
    (source / "index.md").write_text(
        "# Title\n\n"
        "```{figure} /img/pair.svg\n:name: fig_pair\n:alt: two forms\n\nCaption.\n```\n\n"
        "```{image} ../img/pair.svg\n:alt: again\n```\n\n"
        "```{image} /img/alone.svg\n:alt: one form\n```\n\n{numref}`fig_pair`\n", encoding="utf-8")
    return source


def built(builder: str, source: Path, target: Path) -> str:
    """Build the page; return what the builder wrote."""
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-b", builder,
                    "-c", str(BOOK.root / "book"), str(source), str(target)],
                   capture_output=True, text=True, check=True)
    name = "index.html" if builder == "html" else "d2l_hpo.tex"
    return (target / name).read_text(encoding="utf-8")


def test_web_page_has_both_forms_of_a_drawing(page_with_drawings: Path, tmp_path: Path) -> None:
    page = built("html", page_with_drawings, tmp_path)
    images = [(re.search(r'alt="([^"]*)"', tag)[1], re.findall(r"only-\w+", tag),
               re.search(r'src="_images/([^"]*)"', tag)[1])
              for tag in re.findall(r"<img [^>]*_images[^>]*>", page)]
    assert images == [
        ("two forms", ["only-light"], "pair.svg"), ("two forms", ["only-dark"], "pair-dark.svg"),
        ("again", ["only-light"], "pair.svg"), ("again", ["only-dark"], "pair-dark.svg"),
        ("one form", [], "alone.svg"),
    ]
    figure = re.search(r"<figure.*?</figure>", page, re.DOTALL)[0]
    pair, caption = re.search(r"(<div class=\"drawing.*?</div>)(.*)", figure, re.DOTALL).groups()
    assert pair.count("<img") == 2 and "Figure 1" in caption, "the theme would hide the caption"
    assert len(re.findall(r'id="[^"]*"', figure)) == 1


REFERENCE = """# Title

{equation}

```{{eval-rst}}
.. currentmodule:: d2l_hpo

.. autofunction:: matern52
```
"""


@pytest.mark.parametrize(("equation", "warning"), [
    ("$$ y = f(x) $$ (eq_matern)", ""), ("$y$", "equation not found: eq_matern")])
def test_an_equation_of_a_docstring_is_a_link_with_its_number(equation: str, warning: str,
                                                              tmp_path: Path) -> None:
    page, html = tmp_path / "source" / "index.md", tmp_path / "html"
    page.parent.mkdir()
    page.write_text(REFERENCE.format(equation=equation), encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "sphinx", "-q", "-b", "html",
                           "-c", str(BOOK.root / "book"), str(page.parent), str(html)],
                          capture_output=True, text=True, check=True)
    assert warning in done.stderr and ("equation not found" in done.stderr) == bool(warning)
    links = re.findall(r'href="#equation-eq-matern">(.*?)</a>',
                       (html / "index.html").read_text(encoding="utf-8"))
    assert links == ([] if warning else ["(1)"])


def test_equations_of_docstrings_stand_in_a_section() -> None:
    """Docstrings that no page of the reference shows are read by `help`."""
    sources = [*BOOK.package.rglob("*.py"), *BOOK.reference.glob("*.md")]
    named = {label for path in sources
             for label in re.findall(r"`(eq_\w+)`", path.read_text(encoding="utf-8"))}
    labels = {label for path in BOOK.section_paths()
              for label in re.findall(r"\((eq_\w+)\)", path.read_text(encoding="utf-8"))}
    assert len(named) >= 15 and named <= labels


def test_pdf_has_the_light_form_of_a_drawing(page_with_drawings: Path, tmp_path: Path) -> None:
    text = built("latex", page_with_drawings, tmp_path)
    assert re.findall(r"includegraphics\{\{([\w-]+)\}", text) == ["pair", "pair", "alone"]
    assert not list(tmp_path.glob("*dark*"))


@pytest.mark.parametrize(("names", "message"), [
    (["nothing"], "there is no explorable 'nothing'; there are halving, asha"),
    (["designs", "designs"], "an explorable stands twice among designs, designs")])
def test_unknown_and_repeated_explorables_stop_the_build(tmp_path: Path, names: list[str],
                                                         message: str) -> None:
    source = tmp_path / "source"
    shutil.copytree(BOOK.root / "img" / "lab", source / "img" / "lab")
    (source / "index.md").write_text("# Title\n\n" + "\n".join(
        f":::{{explorable}} {name}\n:alt: what is seen\n\nCaption.\n:::\n" for name in names))
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "-c", str(BOOK.root / "book"),
         str(source), str(tmp_path / "html")], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and message in done.stderr


def test_an_explorable_without_words_for_its_image_is_reported(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(BOOK.root / "img" / "lab", source / "img" / "lab")
    (source / "index.md").write_text("# Title\n\n:::{explorable} designs\n\nCaption.\n:::\n")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-c", str(BOOK.root / "book"),
         str(source), str(tmp_path / "html")], capture_output=True, text=True, check=False)
    assert "an image has no alt text" in done.stderr
