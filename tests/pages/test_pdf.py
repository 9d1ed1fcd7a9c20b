"""The built PDF: nothing unresolved, nothing empty, nothing outside the page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from built_book import LATEX, PDF, require_built, require_program

OVERFULL_POINTS = 15.0
EMPTY = 0.30  # of a page's height; what does not break is lower than that
TOO_HIGH_POINTS = 5.0


@pytest.fixture(scope="module")
def pdf_pages() -> list[str]:
    """Return the text of each page."""
    program = require_program("pdftotext")
    require_program("latexmk")
    require_built(PDF, "make pdf")
    done = subprocess.run([program, "-layout", PDF, "-"], capture_output=True, text=True,
                          check=True)
    return done.stdout.removesuffix("\f").split("\f")


@pytest.fixture(scope="module")
def pdf_text(pdf_pages: list[str]) -> str:
    """Return the text of all pages, with runs of white space made one."""
    return " ".join(" ".join(pdf_pages).split())


@pytest.fixture(scope="module")
def source(pdf_pages: list[str]) -> str:
    """Return the LaTeX source that the PDF was made from."""
    return require_built(LATEX / "d2l_hpo.tex", "make pdf").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def log(pdf_pages: list[str]) -> str:
    """Return what xelatex said."""
    path = require_built(LATEX / "d2l_hpo.log", "make pdf")
    return path.read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="module")
def headings(pdf_pages: list[str]) -> list[str]:
    """Return the titles in the table of contents, as the pages print them."""
    toc = require_built(LATEX / "d2l_hpo.toc", "make pdf").read_text(encoding="utf-8")
    lines = re.findall(r"\\contentsline \{(?:sub)*section\}\{(.*)\}\{\d+\}\{[^{}]*\}", toc)
    titles = [re.sub(r"\\numberline \{([^}]*)\}", r"\1 ", line) for line in lines]
    assert titles, "the table of contents is empty"
    titles = [re.sub(r"\\sphinxhyphen *\{\}", "-", title) for title in titles]
    return [" ".join(re.sub(r"[{}]|\\[A-Za-z]+", " ", title).split()) for title in titles]


@pytest.mark.parametrize(
    "unresolved", ["??", "<Figure size", "<IPython", "[?]", "\N{REPLACEMENT CHARACTER}"])
def test_nothing_is_unresolved(pdf_text: str, unresolved: str) -> None:
    place = pdf_text.find(unresolved)
    assert place < 0, f"...{pdf_text[max(0, place - 60):place + 40]}..."


@pytest.mark.parametrize(
    "complaint", ["Missing character", "undefined references", "multiply-defined labels",
                  "There were undefined"]
)
def test_xelatex_does_not_complain(log: str, complaint: str) -> None:
    assert "Output written on d2l_hpo" in log
    assert complaint not in log


def test_nothing_runs_over_the_margin(log: str) -> None:
    widths = re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)([^\n]*)", log)
    assert [(width, place) for width, place in widths if float(width) > OVERFULL_POINTS] == []


def test_nothing_runs_over_the_foot(log: str) -> None:
    """A table below a figure that fills most of a page once covered the page's number."""
    heights = re.findall(r"Overfull \\vbox \(([\d.]+)pt too high\)([^\n]*)", log)
    assert [(height, place) for height, place in heights if float(height) > TOO_HIGH_POINTS] == []


def test_every_section_has_text_below_its_heading(source: str) -> None:
    sections = re.split(r"\\section\{", source)[1:]
    assert len(sections) >= 3
    for section in sections:
        text = re.sub(r"\\label\{[^}]*\}+|\\[A-Za-z]+|[{}\s]", "", section)
        assert len(text) > 100, f"nothing below the heading {section[:60]!r}"


def test_no_heading_ends_a_page(pdf_pages: list[str], headings: list[str]) -> None:
    for number, page in enumerate(pdf_pages[2:], start=3):
        lines = [" ".join(line.split()) for line in page.splitlines() if line.strip()]
        body = lines[:-1] if lines and lines[-1].isdigit() else lines
        assert body, f"page {number} is empty"
        assert body[-1] not in headings, f"page {number} ends with the heading {body[-1]!r}"


def test_a_page_is_full_but_for_the_last_of_a_section(pdf_pages: list[str],
                                                      tmp_path: Path) -> None:
    """A table or a figure that cannot break must not leave half a page empty."""
    starts = section_starts(pdf_pages)
    assert len(starts) > 20
    subprocess.run([require_program("pdftoppm"), "-r", "20", "-gray", PDF, tmp_path / "page"],
                   check=True)
    empty = {number: empty_below(path) for number, path in enumerate(sorted(tmp_path.iterdir()), 1)}
    assert len(empty) == len(pdf_pages)
    last = {start - 1 for start in starts} | {len(empty)}
    assert {number: round(share, 2) for number, share in empty.items()
            if share > EMPTY and number >= starts[0] and number not in last} == {}


def test_a_question_stays_on_one_page(pdf_pages: list[str]) -> None:
    """A page begins with an option only in the appendix that has the answers."""
    options = {number: line for number, line in enumerate(map(first_line, pdf_pages), 1)
               if re.match("[B-E]  ", line)}
    [answers] = [number for number, page in enumerate(pdf_pages[7:], 8)
                 if first_line(page).startswith("Answers to the Questions")]
    assert {number: line for number, line in options.items() if number < answers} == {}


def test_what_announces_a_list_does_not_end_a_page(pdf_pages: list[str]) -> None:
    for number, page in enumerate(pdf_pages, 1):
        assert not last_line(page).endswith("Arguments:"), f"page {number}"


def test_a_signature_stays_on_one_page(pdf_pages: list[str]) -> None:
    """A page may end with a signature's last line only where a description has no words."""
    for number, page in enumerate(pdf_pages, 1):
        last = last_line(page)
        assert not re.search(r"^(class )?(d2l_hpo\.)?\w+\($|^\) \N{RIGHTWARDS ARROW} ", last), (
            f"page {number} ends with {last!r}")
        assert not first_line(page).startswith(")"), f"page {number} begins within a signature"


def test_a_figure_is_near_its_section(source: str) -> None:
    """A figure may open the page after the heading that follows it, but stands no later."""
    aux = require_built(LATEX / "d2l_hpo.aux", "make pdf").read_text(encoding="utf-8")
    page = {label: int(number) for label, number
            in re.findall(r"\\newlabel\{([^}]*)\}\{\{.*?\}\{(\d+)\}\{", aux)}
    label = r"\\label\{\\detokenize\{([^}]*)\}\}"
    found = re.findall(rf"\\((?:sub)*section)\{{.*\}}\n{label}|{label}\\end\{{(figure)\}}", source)
    late, figures = [], []
    for kind, heading, figure, _ in found:
        figures += [figure] if figure else []
        if kind:
            late += [name for name in figures if page[name] > page.get(heading, page[name]) + 1]
            figures = []
    assert found and late == []


def test_figures_and_tables_have_the_numbers_of_the_web_pages(pdf_text: str) -> None:
    """Those of sections without a number are counted through."""
    for words in ("Figure 4 A first choice", "Table 3 Notation"):
        assert words in pdf_text


def test_cards_are_a_list(pdf_text: str) -> None:
    assert "Start here. Install it, run a first search" in pdf_text


def test_the_contents_keep_numbers_and_titles_apart(pdf_pages: list[str]) -> None:
    contents = " ".join(pdf_pages[1:7])
    assert re.search(r"\b10\.1 ", contents)
    assert re.findall(r"\b\d+\.\d+[A-Z]", contents) == []


def body_lines(page: str) -> list[str]:
    """Return a page's lines without its head and its number."""
    return [line.strip() for line in page.splitlines() if line.strip()][1:-1]


def first_line(page: str) -> str:
    """Return the first line of a page's text; an empty one where it has none."""
    return next(iter(body_lines(page)), "")


def last_line(page: str) -> str:
    """Return the last line of a page's text; an empty one where it has none."""
    return next(reversed(body_lines(page)), "")


def section_starts(pdf_pages: list[str]) -> list[int]:
    """Return the page of the file, from 1, on which each section begins: not that of its foot."""
    toc = require_built(LATEX / "d2l_hpo.toc", "make pdf").read_text(encoding="utf-8")
    printed = re.findall(r"\\contentsline \{section\}\{.*\}\{(\d+)\}\{section\*?\.\d+\}", toc)
    feet = {page.split()[-1]: number for number, page in enumerate(pdf_pages, 1) if page.split()}
    return [feet[foot] for foot in printed]


def empty_below(path: Path) -> float:
    """Return what part of the text's height is empty at the bottom of a page's image."""
    with Image.open(path) as image:
        dark = np.asarray(image) < 200
    top, bottom = int(0.07 * len(dark)), int(0.925 * len(dark))  # without head and foot
    lines = np.flatnonzero(dark[top:bottom].any(axis=1))
    return 1 - (lines.max() + 1) / (bottom - top) if len(lines) else 1.0


def test_headings_are_printed(pdf_pages: list[str], headings: list[str]) -> None:
    lines = {" ".join(line.split()) for page in pdf_pages for line in page.splitlines()}
    short = [heading for heading in headings if len(heading) < 50]
    assert short and set(short) <= lines


def test_bibliography_has_the_labels_of_the_text(source: str, pdf_pages: list[str]) -> None:
    labels = re.findall(r"\\bibitem\[(.*?)\]\{", source)
    assert labels
    last_pages = pdf_pages[section_starts(pdf_pages)[-1] - 1:]
    printed = " ".join(" ".join(last_pages).split()).replace("- ", "-")
    for label in labels:
        assert re.fullmatch(r".+, \d{4}", label), f"no author-year label: {label}"
        shown = label.replace(r"\sphinxhyphen{}", "-")
        if "\\" not in shown:
            assert f"{shown}." in printed


def test_every_figure_has_a_numbered_caption(source: str, pdf_text: str) -> None:
    figures = source.count(r"\begin{figure}")
    assert figures > 0
    numbers = set(re.findall(r"Figure (\d+(?:\.\d+)?) ", pdf_text))  # before section 1: no dot
    assert len(numbers) >= figures


def test_the_cheat_sheet_is_one_page() -> None:
    done = subprocess.run([require_program("pdftotext"), "-layout",
                           PDF.with_name("cheatsheet.pdf"), "-"],
                          capture_output=True, text=True, check=True)
    page, = done.stdout.removesuffix("\f").split("\f")
    for words in ("Which Method?", "The Space", "Five Searches", "max_wallclock_time"):
        assert words in page


@pytest.mark.parametrize(("appendix", "entry"), [
    ("Solutions", "Solution to "), ("Answers to the Questions", "Answer to question ")])
def test_what_nobody_shall_read_by_accident_stands_in_an_appendix(
        pdf_pages: list[str], appendix: str, entry: str) -> None:
    [first, *_] = [number for number, page in enumerate(pdf_pages[5:])
                   if re.search(rf"^ *{appendix}$", page, re.MULTILINE)]
    found = [number for number, page in enumerate(pdf_pages[5:])
             if re.search(rf"^ *{entry}", page, re.MULTILINE)]
    assert len(found) > 5 and min(found) >= first


def test_pages_have_running_heads(pdf_pages: list[str]) -> None:
    heads = [" ".join(page.strip("\n").split("\n")[0].split()) for page in pdf_pages[6:]]
    with_head = [head for head in heads if head.startswith("Hyperparameter Optimization ")]
    assert len(with_head) > 0.8 * len(heads) and len({*with_head}) > 20


def test_fonts_are_embedded(pdf_pages: list[str]) -> None:
    program = require_program("pdffonts")
    done = subprocess.run([program, PDF], capture_output=True, text=True, check=True)
    fonts = done.stdout.splitlines()[2:]
    assert fonts
    assert [line for line in fonts if line.split()[-5] != "yes"] == []
